import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Family, View } from '../../backend.js';
import { contiguousStrides, reducedShape, sizeOf } from '../../shape.js';
import { concatFamily, foldFamily, placeFamily } from '../js/copy.js';
import { reduceFamily } from '../js/reduce.js';
import { anyView, array, backend, dense, difference, fill, generator } from './testing.js';

const test = suite('wasm moves');

/** The call on this backend, which must have a kernel for it, equals the js family's: to the last bit, if nothing is added up. */
function same<P>(family: Family<P>, params: P, inputs: readonly View[], shape: readonly number[], dtype: View['dtype'], what: string, tolerance = 0): void {
  const of = (where: typeof backend | null) => dense(fill(array(dtype, sizeOf(shape), where), generator(5)), [...shape], dtype);
  const [got, expected] = [of(backend), of(null)];
  const run = backend.prepare({ family, params }, inputs, [got]);
  assert.ok(run, `no kernel for ${what}`);
  run!();
  family.js(params, inputs, [expected]);
  assert.ok(difference(got.data, expected.data) <= tolerance, what);
}
const size = (random: () => number, most: number) => Math.floor(random() * (most + 1));

test('concat joins views of any layout along any axis', () => {
  const random = generator(1);
  for (let t = 0; t < 150; t++) {
    const rank = 1 + size(random, 3);
    const axis = size(random, rank - 1);
    const shape = Array.from({ length: rank }, () => [1, 2, 3, 5, 9][size(random, 4)]);
    const dtype = (['float32', 'int32', 'bool'] as const)[t % 3];
    const parts = Array.from({ length: 1 + size(random, 3) }, () => anyView(random, shape.map((n, i) => (i === axis ? size(random, 4) : n)), dtype));
    const total = parts.reduce((n, p) => n + p.shape[axis], 0);
    if (total === 0) continue;
    same(concatFamily, { axis }, parts, shape.map((n, i) => (i === axis ? total : n)), dtype, `concat along ${axis} of ${parts.map((p) => `[${p.shape}]/${p.strides}`)}`);
  }
});

test('place puts blocks of any layout among any number, with steps of either sign', () => {
  const random = generator(2);
  for (let t = 0; t < 150; t++) {
    const x = anyView(random, Array.from({ length: 1 + size(random, 3) }, () => size(random, 4)), t % 2 ? 'float32' : 'int32');
    const step = x.shape.map(() => [1, 2, -1, -2][size(random, 3)]);
    const reach = x.shape.map((n, i) => Math.max(0, n - 1) * Math.abs(step[i]));
    const before = x.shape.map(() => size(random, 2));
    const start = before.map((b, i) => (step[i] < 0 ? b + reach[i] : b));
    same(placeFamily, { start, step, value: [0, 7, -Infinity][t % 2 ? t % 3 : 0] }, [x], x.shape.map((_, i) => before[i] + reach[i] + 1 + size(random, 2)), x.dtype, `place [${x.shape}] by ${step} from ${start}`);
  }
});

test('fold adds windows of any layout back', () => {
  const random = generator(3);
  for (let t = 0; t < 80; t++) {
    const [kernel, strides, dilation] = [0, 1, 2].map(() => [1 + size(random, 2), 1 + size(random, 2)]);
    const [h, w, c] = [1 + size(random, 3), 1 + size(random, 3), [2, 3, 8][size(random, 2)]];
    const reach = (n: number, axis: number) => (n - 1) * strides[axis] + (kernel[axis] - 1) * dilation[axis] + 1 + size(random, 1);
    const shape = [1 + size(random, 1), reach(h, 0), reach(w, 1), c];
    const s = contiguousStrides(shape);
    const into = [s[0], s[1] * strides[0], s[2] * strides[1], s[1] * dilation[0], s[2] * dilation[1], s[3]];
    same(foldFamily, { strides: into }, [anyView(random, [shape[0], h, w, ...kernel, c], 'float32')], shape, 'float32', `fold ${kernel} by ${strides}, dilation ${dilation}, into [${shape}]`, 1e-6);
  }
});

test('argmax and argmin find the first along any axis, NaN before any number', () => {
  const random = generator(4);
  for (let t = 0; t < 200; t++) {
    const x = anyView(random, Array.from({ length: 1 + size(random, 3) }, () => [1, 2, 3, 5, 9][size(random, 4)]), 'float32', { odd: t % 2 ? 0.3 : 0 });
    const axes = t % 5 ? [size(random, x.shape.length - 1)] : x.shape.map((_, i) => i);
    same(reduceFamily, { kind: t % 4 < 2 ? 'argmax' : 'argmin', axes }, [x], reducedShape(x.shape, axes, false), 'int32', `argmax of [${x.shape}]/${x.strides} over ${axes}`);
  }
});

test.run();
