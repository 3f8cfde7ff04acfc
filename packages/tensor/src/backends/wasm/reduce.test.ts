import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { View } from '../../backend.js';
import { reducedShape, sizeOf } from '../../shape.js';
import { anyView, array, at, backend, dense, difference, fastest, fill, generator, indices, runCall } from './testing.js';
import type { Fold } from './reduce-code.js';

const test = suite('wasm reduce');
const folds: Record<Fold, (a: number, b: number) => number> = { sum: (a, b) => a + b, max: Math.max, min: Math.min };
const start: Record<Fold, number> = { sum: 0, max: -Infinity, min: Infinity };

function check(kind: Fold, x: View, axes: readonly number[], tolerance = 1e-5): void {
  const shape = reducedShape(x.shape, axes, false);
  const y = dense(fill(array('float32', sizeOf(shape)), generator(5)), shape, 'float32');
  const expected = new Map<string, number>(indices(shape).map((i) => [i.join(), start[kind]]));
  for (const index of indices(x.shape)) {
    const key = index.filter((_, i) => !axes.includes(i)).join();
    expected.set(key, folds[kind](expected.get(key)!, at(x, index)));
  }
  runCall('reduce', { kind, axes }, [x], [y]);
  assert.ok(difference(y.data, [...expected.values()]) <= tolerance, `${kind} of [${x.shape}] by (${x.strides}) over ${axes}`);
}

test('reduces any axes of any view', () => {
  const random = generator(1);
  for (let t = 0; t < 400; t++) {
    const rank = Math.floor(random() * 5);
    const shape = Array.from({ length: rank }, () => [1, 2, 3, 5, 8, 13][Math.floor(random() * 6)]);
    const axes = shape.map((_, i) => i).filter(() => random() < 0.5);
    check((['sum', 'max', 'min'] as const)[t % 3], anyView(random, shape, 'float32'), axes);
  }
});

test('reduces rows and columns of every small length', () => {
  const random = generator(2);
  for (const n of [1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 67, 128, 200]) for (const kind of ['sum', 'max', 'min'] as const) {
    check(kind, anyView(random, [5, n], 'float32', { plain: true }), [1]);
    check(kind, anyView(random, [n, 37], 'float32', { plain: true }), [0]);
    check(kind, anyView(random, [3, n, 6], 'float32', { plain: true }), [1]);
    check(kind, anyView(random, [3, n, 6], 'float32', { plain: true }), [0, 2]);
  }
});

test('lets NaN and infinities through', () => {
  const random = generator(3);
  for (let t = 0; t < 60; t++) {
    const x = anyView(random, [4, 1 + t], 'float32', { odd: 0.02 });
    for (let i = 0; i < x.data.length; i++) if (x.data[i] > 1e38 && x.data[i] < Infinity) x.data[i] = 1; // two of them overflow, in any order
    check((['sum', 'max', 'min'] as const)[t % 3], x, [t % 2]);
  }
});

test('adds a million numbers to float32 precision', () => {
  const n = 1 << 20;
  const data = fill(array('float32', n), generator(4));
  for (let i = 0; i < n; i++) data[i] = Math.abs(data[i]);
  const exact = (data as Float32Array).reduce((a, b) => a + b, 0);
  for (const [shape, axes] of [[[n], [0]], [[n / 4, 4], [0]]] as [number[], number[]][]) {
    const y = dense(array('float32', n / shape[0]), reducedShape(shape, axes, false), 'float32');
    runCall('reduce', { kind: 'sum', axes }, [dense(data, shape, 'float32')], [y]);
    const total = (y.data as Float32Array).reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(total - exact) < 1e-6 * exact, `${total} ${exact}`);
  }
});

test('leaves empty inputs and other kinds to js', () => {
  const family = { name: 'reduce', js() {} };
  const x = dense(array('float32', 0), [0, 3], 'float32');
  assert.is(backend.prepare({ family, params: { kind: 'sum', axes: [0] } }, [x], [dense(array('float32', 3), [3], 'float32')]), null);
  const one = dense(array('float32', 4), [4], 'float32');
  assert.is(backend.prepare({ family, params: { kind: 'prod', axes: [0] } }, [one], [dense(array('float32', 1), [], 'float32')]), null);
});

test('prints its speed', () => {
  const x = dense(fill(array('float32', 1 << 22), generator(6)), [2048, 2048], 'float32');
  const y = dense(array('float32', 2048), [2048], 'float32');
  const ms = [0, 1].map((axis) => fastest(backend.prepare({ family: { name: 'reduce', js() {} }, params: { kind: 'sum', axes: [axis] } }, [x], [y])!, 10));
  console.log(`sum of [2048, 2048] over axis 0: ${ms[0].toFixed(2)} ms, over axis 1: ${ms[1].toFixed(2)} ms`);
});

test.run();
