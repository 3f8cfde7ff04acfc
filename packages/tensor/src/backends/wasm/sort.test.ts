import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sizeOf } from '../../shape.js';
import { sortFamily } from '../js/sort.js';
import { anyView, array, backend, dense, fastest, fill, generator, runCall } from './testing.js';

const test = suite('wasm sort');

test('puts elements where js does, along any axis, in either direction, zeros, infinities and NaN among them', () => {
  const random = generator(1);
  for (let t = 0; t < 200; t++) {
    const n = [48, 49, 64, 257, 1000][t % 5];
    const axis = Math.floor(random() * 3);
    const shape = [1, 2, 3].map((_, i) => (i === axis ? n : 1 + Math.floor(random() * 3)));
    const dtype = (['float32', 'int32'] as const)[Math.floor(random() * 2)];
    const x = anyView(random, shape, dtype, { odd: t % 3 ? 0.3 : 0 });
    if (dtype === 'int32' && t % 2) x.data.forEach((_, i) => { x.data[i] = random() * 2 ** 32; });
    const params = { axis, descending: t % 4 < 2 };
    const [got, wanted] = [backend, null].map((where) => dense(fill(array('int32', sizeOf(shape), where), random), shape, 'int32'));
    runCall('sort', params, [x], [got]);
    sortFamily.js(params, [x], [wanted]);
    assert.equal(Array.from(got.data), Array.from(wanted.data), `${dtype} [${shape}]/${x.strides} along ${axis}, ${params.descending ? 'descending' : 'ascending'}`);
  }
});

test('leaves short rows to js', () => {
  const [x, y] = [dense(array('float32', 40), [40], 'float32'), dense(array('int32', 40), [40], 'int32')];
  assert.is(backend.prepare({ family: sortFamily, params: { axis: 0, descending: false } }, [x], [y]), null);
});

test('prints its speed', () => {
  const [x, y] = [dense(fill(array('float32', 32 * 10_000), generator(2)), [32, 10_000], 'float32'), dense(array('int32', 32 * 10_000), [32, 10_000], 'int32')];
  const params = { axis: 1, descending: true };
  console.log(`argsort of [32, 10000]: ${fastest(backend.prepare({ family: sortFamily, params }, [x], [y])!, 10).toFixed(1)} ms, in js ${fastest(() => sortFamily.js(params, [x], [y]), 2).toFixed(0)}`);
});

test.run();
