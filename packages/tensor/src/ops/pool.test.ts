import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { avgPool2d, floor, maxPool2d, random, reshape, ShapeError, tensor, where, withBackend, zeros } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { run1 } from '../op.js';
import { maxPoolGradientOp, maxPoolOp } from './pool.js';

const test = suite('pooling');
const square = reshape(tensor([1, 2, 3, 4, 5, 6, 7, 8, 9]), [1, 3, 3, 1]);
test('maxPool2d takes the largest', () => assert.equal(maxPool2d(square, 2, { strides: 1 }).data(), Float32Array.of(5, 6, 8, 9)));
test('maxPool2d of negative numbers does not take the padding', () => assert.equal(maxPool2d(square.neg(), 2, { padding: 'same' }).data(), Float32Array.of(-1, -3, -7, -9)));
test('avgPool2d counts only real cells', () => assert.equal(avgPool2d(square, 2, { padding: 'same' }).data(), Float32Array.of(3, 4.5, 7.5, 9)));
test('maxPool2d of negative integers does not take the padding either', () =>
  assert.equal(maxPool2d(square.neg().cast('int32'), 2, { padding: 'same' }).data(), Int32Array.of(-1, -3, -7, -9)));
test('maxPool2d refuses what is no batch of images', () =>
  refuses(() => maxPool2d(zeros([3, 3, 1])), 'maxPool2d: expected x [B, H, W, C], got [3, 3, 1].', ShapeError));

test('each window gives its gradient to its first largest cell, NaN before any number', () => {
  const a = { kernel: [2, 2], strides: [2, 2], dilation: [1, 1] } as const;
  const x = reshape(tensor([1, 3, 5, 5, 3, 2, NaN, 6, -Infinity, -Infinity, 0, -0, -Infinity, -Infinity, 0, 0]), [1, 4, 4, 1]);
  for (const name of ['js', 'wasm'] as const) {
    withBackend(name, () => assert.equal(run1(maxPoolGradientOp, [x, reshape(tensor([1, 2, 3, 4]), [1, 2, 2, 1])], a).data(), Float32Array.of(0, 1, 0, 0, 0, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0, 0)));
  }
});

test('the kernel does what the smaller ops do, bit for bit', () => {
  for (const [shape, kernel, strides, dilation] of [[[3, 9, 8, 5], [2, 2], [2, 2], [1, 1]], [[2, 8, 9, 4], [3, 2], [1, 2], [1, 1]], [[1, 9, 9, 11], [2, 3], [1, 1], [2, 2]], [[2, 5, 5, 1], [5, 5], [1, 1], [1, 1]]] as const) {
    const a = { kernel, strides, dilation };
    const drawn = floor(random.uniform(shape, { seed: 1, low: -3, high: 3 })); // many ties
    const x = where(random.uniform(shape, { seed: 2 }).less(0.02), NaN, drawn);
    const y = withBackend('js', () => run1(maxPoolOp, [x], a));
    const g = random.normal(y.shape, { seed: 3 });
    const [one, other] = (['js', 'wasm'] as const).map((name) => withBackend(name, () => run1(maxPoolGradientOp, [x, g], a)));
    assert.is(String(withBackend('wasm', () => run1(maxPoolOp, [x], a)).data()), String(y.data()));
    // Where windows overlap the order of a cell's sum differs.
    if (kernel.every((n, i) => n === strides[i])) assert.equal(other!.data(), one!.data());
    else close(other!, one!, { rtol: 1e-5, atol: 1e-5 });
  }
});

test.run();
