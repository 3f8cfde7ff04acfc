import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arange, AxisError, DTypeError, gather, matmul, oneHot, scatterAdd, ShapeError, slice, sum, tensor, ValueError, zeros } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('gather');
const x = scattered([5, 3]);
const indices = tensor(Int32Array.of(4, 0, 0, 2));

test('gather is a product with one-hot rows', () => close(gather(x, indices), matmul(oneHot(indices, 5), x)));
test('scatterAdd is the transpose of gather', () => {
  const g = scattered([4, 3], -1, 1, 6);
  close(sum(gather(x, indices).mul(g)), sum(scatterAdd(zeros([5, 3]), indices, g).mul(x)));
});
test('gather takes slices along any axis', () => close(gather(x, [2, 1], { axis: 1 }), scattered([5, 3]).slice(null, [2, 0, -1])));
test('gather counts negative indices from the end', () => close(gather(x, [-1]), slice(x, [4, 5])));
test('gather puts the shape of the indices in place of the axis', () => assert.equal(gather(zeros([2, 7, 3]), tensor(new Int32Array(20), { shape: [4, 5] }), { axis: 1 }).shape, [2, 4, 5, 3]));
test('scatterAdd adds up what goes to one place', () => assert.equal(scatterAdd([1, 1, 1], [0, 2, 0], [10, 20, 30]).toArray(), [41, 1, 21]));
test('scatterAdd counts booleans', () => assert.equal([scatterAdd([true, false], [0, 0], [true, true]).toArray(), scatterAdd([true], [0], [true]).dtype], [[3, 0], 'int32']));
test('oneHot of [2, 0]', () => assert.equal(oneHot([2, 0], 3).toArray(), [[0, 0, 1], [1, 0, 0]]));
test('oneHot gives zeros for what is out of range', () => assert.equal(oneHot([-1, 3], 2).toArray(), [[0, 0], [0, 0]]));

test('gather refuses an index out of range', () =>
  refuses(() => gather(arange(3), [3]), 'gather: index 3 is out of range for axis 0 of size 3; indices must be in [-3, 2].'));
test('gather refuses indices that are fractions', () =>
  refuses(() => gather(arange(3), [0.5]), 'tensor: 0.5 is not an int32; give a whole number in [-2147483648, 2147483647], or another dtype.', ValueError));
test('gather refuses float tensors as indices', () =>
  refuses(() => gather(x, tensor([1])), 'gather: indices [1] are float32; they must be int32.', DTypeError));
test('gather refuses booleans as indices: they are a mask, not places', () => {
  refuses(() => gather(x, [true, false]), 'gather: indices [2] are bool; they must be int32.', DTypeError);
  refuses(() => gather(x, null as never), 'tensor: cannot make a tensor of null; give numbers, nested arrays, a typed array, an ndarray or a tensor.', ValueError);
});
test('oneHot refuses float tensors', () => refuses(() => oneHot(tensor([1]), 3), 'oneHot: indices [1] are float32; they must be int32.', DTypeError));
test('gather refuses an axis out of range', () =>
  refuses(() => gather(x, [0], { axis: 2 }), 'gather: axis 2 is out of range for x [5, 3]: rank is 2, so axis must be in [-2, 1].', AxisError));
test('scatterAdd refuses updates of another shape', () =>
  refuses(() => scatterAdd(x, indices, zeros([4, 2])), 'scatterAdd: updates [4, 2] do not fit x [5, 3] at indices [4] along axis 0; they must be [4, 3].', ShapeError));
test('oneHot refuses a depth that is no count', () => refuses(() => oneHot([0], 1.5), 'oneHot: depth 1.5; it must be a whole number >= 0.', ValueError));

test.run();
