import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { View } from '../../backend.js';
import { randomFamily, type RandomParams } from '../js/random.js';
import { planRandom } from './random.js';
import { array, backend, dense, fastest, generator, runCall, runInUnits } from './testing.js';

const test = suite('wasm random');
const sizes = [1, 2, 3, 4, 5, 7, 15, 16, 17, 31, 33, 63, 1000, 70_001];

function both(kind: RandomParams['kind'], size: number, state: View): [got: ArrayLike<number>, wanted: ArrayLike<number>] {
  const dtype = kind === 'bits' ? 'int32' : 'float32';
  // One more element, which must stay as it is.
  const room = array(dtype, size + 1).fill(7);
  const wanted = dense(array(dtype, size, null), [size], dtype);
  runCall('random', { kind }, [state], [dense(room.subarray(0, size), [size], dtype)]);
  randomFamily.js({ kind }, [state], [wanted]);
  assert.is(room[size], 7);
  return [room.subarray(0, size), wanted.data];
}
function stateOf(...words: number[]): View {
  const data = array('int32', 3);
  data.set(words);
  return dense(data, [3], 'int32');
}
const states = (seed: number): View[] => {
  const next = generator(seed);
  return [stateOf(0, 0, 0), stateOf(-1, -1, -1), ...sizes.map(() => stateOf(next() * 2 ** 32, next() * 2 ** 32, next() * 2 ** 32))];
};

for (const kind of ['bits', 'uniform'] as const) {
  test(`${kind} are those of js, to the last bit, for any size`, () => {
    states(1).forEach((state, t) => {
      const [got, wanted] = both(kind, sizes[t % sizes.length], state);
      for (let i = 0; i < wanted.length; i++) assert.ok(Object.is(got[i], wanted[i]), `${kind} ${i} of ${wanted.length}: ${got[i]}, should be ${wanted[i]}`);
    });
  });
}

test('the state may lie anywhere', () => {
  const data = array('int32', 6);
  data.set([0, 9, 0, 8, 0, 7]);
  const [got, wanted] = both('bits', 20, { data, shape: [3], strides: [-2], offset: 5, dtype: 'int32' });
  assert.equal(Array.from(got), Array.from(wanted));
});

test('normal numbers are those of js to 4 units in the last place', () => {
  // One and a half from sine or cosine, one from its argument, one from the radius, half from the product; 1e-15 is what js makes of
  // the cosine of a quarter turn, as its pi is not exact.
  let worst = 0;
  states(2).forEach((state, t) => {
    const [got, wanted] = both('normal', t < 4 ? 300_000 : sizes[t % sizes.length], state);
    for (let i = 0; i < wanted.length; i++) {
      const unit = 2 ** (Math.floor(Math.log2(Math.abs(wanted[i]) || 1)) - 23);
      const off = Math.abs(got[i] - wanted[i]);
      if (!(off < 1e-14)) worst = Math.max(worst, Number.isNaN(off) ? Infinity : off / unit);
    }
  });
  console.log(`normal: ${worst.toFixed(2)} units in the last place`);
  assert.ok(worst <= 4, String(worst));
});

test('units may be done in any order', () => {
  const y = dense(array('int32', 101, null), [101], 'int32');
  runInUnits((engine, recipe) => planRandom(engine, recipe, 'bits', recipe.input(dense(Int32Array.of(5, 6, 7), [3], 'int32')), recipe.output(y)));
  assert.equal([...y.data], Array.from(both('bits', 101, stateOf(5, 6, 7))[1]));
});

test('prints its speed', () => {
  const n = 1 << 20;
  for (const kind of ['bits', 'uniform', 'normal'] as const) {
    const dtype = kind === 'bits' ? 'int32' : 'float32';
    const [state, y] = [stateOf(1, 2, 3), dense(array(dtype, n), [n], dtype)];
    const js = dense(array(dtype, n, null), [n], dtype);
    const ns = (run: () => void) => ((fastest(run, 8) / n) * 1e6).toFixed(2);
    console.log(`random ${kind}: ${ns(backend.prepare({ family: randomFamily, params: { kind } }, [state], [y])!)} ns per element, in js ${ns(() => randomFamily.js({ kind }, [state], [js]))}`);
  }
});

test.run();
