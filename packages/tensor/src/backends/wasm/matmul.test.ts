import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { View } from '../../backend.js';
import { Engine } from './engine.js';
import { createWasmBackend } from './index.js';
import { anyView, array, at, backend, crewOf, dense, difference, fastest, fill, generator, indices, runCall } from './testing.js';

const test = suite('wasm matmul');

function expected(a: View, b: View, shape: readonly number[]): number[] {
  const k = a.shape[a.shape.length - 1];
  return indices(shape).map((index) => {
    const [lead, i, j] = [index.slice(0, -2), index[index.length - 2], index[index.length - 1]];
    let sum = 0;
    for (let t = 0; t < k; t++) sum += at(a, [...lead, i, t].slice(-Math.max(a.shape.length, 2))) * at(b, [...lead, t, j].slice(-Math.max(b.shape.length, 2)));
    return sum;
  });
}

function check(a: View, b: View, shape: readonly number[], on = backend): void {
  const y = dense(fill(array('float32', shape.reduce((p, q) => p * q, 1), on), generator(1)), shape, 'float32');
  runCall('matmul', {}, [a, b], [y], on);
  const k = a.shape[a.shape.length - 1];
  assert.ok(difference(y.data, expected(a, b, shape)) < 1e-6 * (k + 16), `${a.shape} (${a.strides}) by ${b.shape} (${b.strides})`);
}

test('agrees with plain loops for every small size', () => {
  const random = generator(2);
  for (const m of [1, 2, 3, 4, 5, 9]) for (const n of [1, 2, 7, 8, 9, 17]) for (const k of [1, 3, 8, 13]) {
    check(anyView(random, [m, k], 'float32', { plain: true }), anyView(random, [k, n], 'float32', { plain: true }), [m, n]);
  }
});

test('takes any strides', () => {
  const random = generator(3);
  for (let i = 0; i < 150; i++) {
    const [m, n, k] = [1, 1, 1].map(() => 1 + Math.floor(random() * 40));
    check(anyView(random, [m, k], 'float32'), anyView(random, [k, n], 'float32'), [m, n]);
  }
});

test('crosses the borders of its blocks', () => {
  const random = generator(4);
  for (const [m, k, n] of [[197, 261, 21], [3, 600, 9], [2, 515, 33], [1, 300, 70], [6, 3, 2060]]) {
    for (const plain of [true, false]) check(anyView(random, [m, k], 'float32', { plain }), anyView(random, [k, n], 'float32', { plain }), [m, n]);
  }
});

test('broadcasts batches', () => {
  const random = generator(5);
  for (const [a, b, y] of [
    [[3, 5, 4], [3, 4, 6], [3, 5, 6]], [[3, 5, 4], [4, 6], [3, 5, 6]], [[2, 1, 5, 4], [3, 4, 6], [2, 3, 5, 6]],
    [[5, 4], [2, 3, 4, 6], [2, 3, 5, 6]], [[2, 3, 1, 4], [4, 6], [2, 3, 1, 6]], [[2, 3, 4, 5], [2, 3, 5, 1], [2, 3, 4, 1]],
  ]) for (let t = 0; t < 8; t++) check(anyView(random, a, 'float32'), anyView(random, b, 'float32'), y);
});

test('gives zeros where there is nothing to add up, and nothing where there is no result', () => {
  const random = generator(6);
  check(anyView(random, [3, 0], 'float32'), anyView(random, [0, 5], 'float32'), [3, 5]);
  check(anyView(random, [0, 4], 'float32'), anyView(random, [4, 5], 'float32'), [0, 5]);
});

test('lets NaN and Infinity through', () => {
  const a = dense(Float32Array.of(1, Infinity, NaN, 2, 0, 0, 3, 4, 5).slice(), [3, 3], 'float32');
  const inHeap = { ...a, data: array('float32', 9) };
  inHeap.data.set(a.data);
  const y = dense(array('float32', 9), [3, 3], 'float32');
  runCall('matmul', {}, [inHeap, inHeap], [y]);
  const want = expected(a, a, [3, 3]);
  assert.equal([...y.data].map((v) => (Number.isFinite(v) ? 0 : v)), want.map((v) => (Number.isFinite(v) ? 0 : v)));
});

test('writes nothing beyond its output', () => {
  const random = generator(7);
  for (const [m, k, n] of [[1, 4, 3], [5, 7, 9], [4, 8, 8], [2, 9, 5], [7, 3, 1]]) {
    const whole = array('float32', m * n + 32).fill(77);
    const y = { ...dense(whole, [m, n], 'float32'), offset: 16 };
    runCall('matmul', {}, [anyView(random, [m, k], 'float32'), anyView(random, [k, n], 'float32')], [y]);
    assert.ok(whole.subarray(0, 16).every((v) => v === 77) && whole.subarray(m * n + 16).every((v) => v === 77));
  }
});

test('stages ordinary arrays where the product is large, and leaves small ones to js', () => {
  const random = generator(8);
  const [a, b] = [anyView(random, [70, 90], 'float32', { heap: false }), anyView(random, [90, 50], 'float32', { heap: false })];
  const y = dense(new Float32Array(3500), [70, 50], 'float32');
  runCall('matmul', {}, [a, b], [y]);
  assert.ok(difference(y.data, expected(a, b, [70, 50])) < 2e-5);
  const tiny = dense(new Float32Array(4), [2, 2], 'float32');
  assert.is(backend.prepare({ family: { name: 'matmul', js() {} }, params: {} }, [tiny, tiny], [dense(new Float32Array(4), [2, 2], 'float32')]), null);
});

test('works where memory cannot be shared', () => {
  const on = createWasmBackend({ shared: false, relaxed: false });
  const [a, b] = [array('float32', 12, on), array('float32', 20, on)];
  check(dense(fill(a, generator(9)), [3, 4], 'float32'), dense(fill(b, generator(10)), [4, 5], 'float32'), [3, 5], on);
});

/** GFLOP/s of multiplying and adding four lanes in registers, as this process compiles it. */
function peak(engine: Engine): number {
  const kernel = engine.compile((module) => module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => {
    const acc = Array.from({ length: 10 }, () => f.local('v128'));
    const [x, y] = [f.f32x4(1.0001), f.f32x4(0.999)];
    const i = f.local('i32', from);
    f.repeat(() => {
      acc.forEach((a) => f.set(a, engine.relaxed ? f.op('f32x4.relaxed_madd', x, y, a) : f.op('f32x4.add', a, f.op('f32x4.mul', x, y))));
      f.advance(i, 1);
    }, f.op('i32.lt_u', i, to));
    acc.forEach((a) => f.store('v128.store', block, a));
  }, 'run'));
  return (80 * 1e5) / fastest(() => kernel(engine.heap.block, 0, 1e5), 40) / 1e6;
}

test('reaches half of what the machine can add and multiply', () => {
  const size = 512;
  const random = generator(11);
  const view = () => dense(fill(array('float32', size * size), random), [size, size], 'float32');
  const y = view();
  const run = backend.prepare({ family: { name: 'matmul', js() {} }, params: {} }, [view(), view()], [y])!;
  const engine = new Engine();
  let [best, top] = [0, 0];
  for (let round = 0; round < 10 && best < 0.5; round++) {
    const speed = (2 * size ** 3) / fastest(run, 6) / 1e6;
    top = peak(engine);
    best = Math.max(best, speed / top);
  }
  console.log(`matmul 512: ${(best * top).toFixed(1)} of ${top.toFixed(1)} GFLOP/s`);
  assert.ok(best >= 0.5);
});

test('two threads are quicker than one, where the machine has time for two', async () => {
  const two = createWasmBackend({ threads: 2 });
  await crewOf(two);
  for (const size of [512, 1024]) {
    const runs = [backend, two].map((on) => {
      const view = () => dense(fill(array('float32', size * size, on), generator(12)), [size, size], 'float32');
      return on.prepare({ family: { name: 'matmul', js() {} }, params: {} }, [view(), view()], [view()])!;
    });
    const times = runs.map(() => [] as number[]);
    const least = (t: number[]) => Math.min(...t);
    const pays = () => least(times[1]) < 1.2 * least(times[0]); // a busy machine gives no more, and must not cost
    for (let round = 0; round < 8 || (round < 60 && !pays()); round++) runs.forEach((run, i) => times[i].push(fastest(run, 1)));
    const [one, both] = times.map((t) => t.sort((p, q) => p - q));
    console.log(`matmul ${size}, milliseconds, minimum and median: one thread ${one[0].toFixed(2)} ${one[one.length >> 1].toFixed(2)}, two ${both[0].toFixed(2)} ${both[both.length >> 1].toFixed(2)}`);
    assert.ok(pays());
  }
  two.configure!({ threads: 1 });
});

test.run();
