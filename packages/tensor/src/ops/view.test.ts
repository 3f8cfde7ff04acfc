import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arange, AxisError, concat, expandDims, flip, pad, reshape, ShapeError, slice, split, squeeze, stack, tensor, transpose, ValueError, zeros, type Tensor } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('views');
const x = scattered([2, 3, 4]);
const shares = (a: Tensor, b: Tensor) => a.view().data === b.view().data;

test('reshape and back is the same', () => close(reshape(reshape(x, [4, -1]), [2, 3, 4]), x));
test('transpose twice is the same', () => close(transpose(transpose(x)), x));
test('transpose puts axes where it is told', () => assert.equal(transpose(x, [1, 2, 0]).shape, [3, 4, 2]));
test('flip twice is the same', () => close(flip(flip(x, { axis: [0, 2] }), { axis: [0, 2] }), x));
test('concat puts together what split cut', () => close(concat(split(x, [1, 3], { axis: 2 }), { axis: 2 }), x));
test('stack gives back its parts', () => close(slice(stack([x, x.neg()], { axis: 1 }), null, 1), x.neg()));
test('slice takes out what pad put around', () => close(slice(pad(x, 1), [1, -1], [1, -1], [1, -1]), x));
test('squeeze takes away what expandDims added', () => close(squeeze(expandDims(x, 1), { axis: 1 }), x));
test('copies nothing: reshape, transpose, slice, flip', () => {
  for (const y of [reshape(x, [6, 4]), transpose(x), slice(x, 1, [0, 2], [null, null, -2]), flip(x)]) assert.ok(shares(x, y));
});
test('reshape copies where strides cannot say it', () => {
  const y = reshape(transpose(arange(6).reshape([2, 3])), [6]);
  assert.equal(y.toArray(), [0, 3, 1, 4, 2, 5]);
});

const m = arange(12).reshape([3, 4]);
test('slice counts from the end', () => assert.equal(slice(m, -1, [-2, null]).toArray(), [10, 11]));
test('slice takes steps, backwards too', () => assert.equal(slice(m, [null, null, -2], [1, null, 2]).toArray(), [[9, 11], [1, 3]]));
test('slice of nothing is empty', () => assert.equal(slice(m, [2, 1]).shape, [0, 4]));
test('concat promotes', () => assert.is(concat([tensor(Int32Array.of(1)), [0.5]]).dtype, 'float32'));
test('concat takes parts of size 0', () => assert.equal(concat([zeros([0, 2]), [[1, 2]]]).toArray(), [[1, 2]]));

test('reshape refuses other numbers of elements', () => {
  refuses(() => reshape(zeros([2, 3]), [4, 2]), 'reshape: x [2, 3] has 6 elements, [4, 2] needs 8.', ShapeError);
  refuses(() => reshape(zeros([2, 3]), [4, -1]), 'reshape: x [2, 3] has 6 elements, [4, -1] cannot hold them; one size may be -1 and the others must divide 6.', ShapeError);
});
test('reshape refuses sizes that are NaN', () => {
  refuses(() => reshape([1], [NaN]), 'reshape: shape [NaN] has size NaN; sizes must be whole numbers >= 0.', ShapeError);
  refuses(() => reshape([1], 1 as never), 'reshape: a shape is an array of sizes, got 1.', ShapeError);
});
test('transpose refuses an axis twice', () =>
  refuses(() => transpose(m, [0, 0]), 'transpose: axes [0, 0] are no order of the axes of x [3, 4]; give each of its 2 axes once.', AxisError));
test('slice refuses an index out of range', () =>
  refuses(() => slice(m, 3), 'slice: index 3 is out of range for axis 0 of x [3, 4]; it must be in [-3, 2].', ValueError));
test('slice refuses the step 0', () =>
  refuses(() => slice(m, [0, 1, 0]), 'slice: step 0 for axis 0; it must be a whole number other than 0.', ValueError));
test('concat refuses sizes that differ', () =>
  refuses(() => concat([zeros([2, 3]), zeros([2, 4])]), 'concat: x[1] [2, 4] does not fit x[0] [2, 3]; all sizes but axis 0 must be equal.', ShapeError));
test('concat and stack refuse what is no list', () => {
  refuses(() => concat(m as never), 'concat: what is to be joined is no list; give a list of at least one tensor.', ValueError);
  refuses(() => stack([]), 'stack: there is nothing to join; give a list of at least one tensor.', ValueError);
});
test('stack refuses an axis out of range', () =>
  refuses(() => stack([m], { axis: 3 }), 'stack: axis 3 is out of range for x [3, 4]: the result has rank 3, so axis must be in [-3, 2].', AxisError));
test('split refuses numbers of parts that are none', () => {
  for (const n of [-1, 0, NaN, 1.5, 1e10]) refuses(() => split(m, n), `split: axis 0 of x [3, 4] cannot be cut into ${n} equal parts; the parts must add up to 3.`, ShapeError);
});
test('split refuses parts that do not add up', () =>
  refuses(() => split(m, 2), 'split: axis 0 of x [3, 4] cannot be cut into 2 equal parts; the parts must add up to 3.', ShapeError));
test('squeeze refuses axes of other sizes', () =>
  refuses(() => squeeze(m, { axis: 0 }), 'squeeze: axis 0 of x [3, 4] has size 3; only axes of size 1 can go.', ShapeError));

test.run();
