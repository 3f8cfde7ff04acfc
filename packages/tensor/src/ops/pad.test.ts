import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkGradient } from '@heed/autograd/testing';
import { arange, concat, flip, pad, ShapeError, slice, tensor, ValueError, zeros, type PadMode } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('pad');
const x = scattered([3, 4]);
const modes: PadMode[] = ['constant', 'edge', 'wrap', 'symmetric', 'reflect'];

test('keeps what was there in the middle', () => {
  for (const mode of modes) close(slice(pad(x, [[2, 1], [7, 5]], { mode }), [2, 5], [7, 11]), x);
});
test('symmetric puts a mirror image beside', () => close(pad(x, [[0, 3], [0, 0]], { mode: 'symmetric' }), concat([x, flip(x, { axis: 0 })])));
test('wrap puts the tensor beside', () => close(pad(x, [[0, 0], [4, 4]], { mode: 'wrap' }), concat([x, x, x], { axis: 1 })));
test('has the gradient of repetition', async () => {
  for (const mode of modes) await checkGradient((v) => pad(v!, [[1, 2], [5, 0]], { mode }), [scattered([2, 3])]);
});

test('fills with the value', () => assert.equal(pad([1], [[2, 1]], { value: 9 }).toArray(), [9, 9, 1, 9]));
test('fills as NumPy does, beyond the size of the axis too', () => {
  const abc = arange(1, 4);
  const of = (mode: PadMode, before: number, after: number) => pad(abc, [[before, after]], { mode }).toArray();
  assert.equal(of('edge', 2, 2), [1, 1, 1, 2, 3, 3, 3]);
  assert.equal(of('wrap', 5, 4), [2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1]);
  assert.equal(of('symmetric', 5, 4), [2, 3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1]);
  assert.equal(of('reflect', 5, 4), [2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]);
  assert.equal(pad(7, [], { mode: 'wrap' }).item(), 7);
  assert.equal(pad([7], [[1, 2]], { mode: 'reflect' }).toArray(), [7, 7, 7, 7]);
});

test('refuses widths that are too few', () =>
  refuses(() => pad(x, [[1, 1]]), 'pad: widths [[1, 1]] for x [3, 4]; give a pair [before, after] of whole numbers >= 0 for each of its 2 axes.', ShapeError));

test('refuses widths that are no counts', () => {
  refuses(() => pad(x, -1), 'pad: widths -1 for x [3, 4]; give a pair [before, after] of whole numbers >= 0 for each of its 2 axes.', ShapeError);
  refuses(() => pad(x, [[NaN, 1], [0, 0]]), 'pad: widths [[NaN, 1], [0, 0]] for x [3, 4]; give a pair [before, after] of whole numbers >= 0 for each of its 2 axes.', ShapeError);
  refuses(() => pad(x, null as never), 'pad: widths null for x [3, 4]; give a pair [before, after] of whole numbers >= 0 for each of its 2 axes.', ShapeError);
});
test('refuses a mode that is none', () =>
  refuses(() => pad(x, 1, { mode: 'nearest' as never }), "pad: there is no mode 'nearest'; use 'constant', 'edge', 'wrap', 'symmetric', 'reflect'.", ValueError));
test('refuses to repeat nothing', () =>
  refuses(() => pad(zeros([2, 0]), 1, { mode: 'edge' }), "pad: x [2, 0] has no cells along axis 1 to fill 1 + 1 others with; use mode 'constant'.", ShapeError));
test('refuses a value that the dtype cannot hold', () => {
  refuses(() => pad(arange(3), 1, { value: 0.5 }), 'pad: value 0.5 does not fit x [3], which is int32; give a whole number in [-2147483648, 2147483647], or cast x.', ValueError);
  refuses(() => pad(tensor([true]), 1, { value: 2 }), 'pad: value 2 does not fit x [1], which is bool; give 0 or 1, or cast x.', ValueError);
});

test.run();
