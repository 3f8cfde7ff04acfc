import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { all, any, argmax, argmin, AxisError, broadcastTo, cumsum, exp, log, logsumexp, max, mean, min, prod, ShapeError, sqrt, std, sum, tensor, ValueError, variance, zeros } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('reduce');
const x = scattered([2, 3, 4]);

test('sum over all axes is the sum of sums', () => close(sum(x), sum(sum(sum(x, { axis: 2 }), { axis: 1 }))));
test('sum does not care about the order of its axes', () => close(sum(x, { axis: [0, -1] }), sum(x, { axis: [2, 0] })));
test('keepDims leaves axes of size 1', () => assert.equal(sum(x, { axis: 1, keepDims: true }).shape, [2, 1, 4]));
test('min is the negative of the maximum of negatives', () => close(min(x, { axis: 1 }), max(x.neg(), { axis: 1 }).neg()));
test('max lies where argmax says', () => {
  const [row, at] = [[3, 1, 4, 1, 5], argmax([3, 1, 4, 1, 5]).item()];
  assert.is(row[at], max(row).item());
});
test('logsumexp is the logarithm of the sum of exponentials', () => close(logsumexp(x, { axis: [0, 2] }), log(sum(exp(x), { axis: [0, 2] }))));
test('variance is the mean square less the squared mean', () => close(variance(x, { axis: 1 }), mean(x.square(), { axis: 1 }).sub(mean(x, { axis: 1 }).square()), { rtol: 1e-5 }));
test('std is the root of the variance', () => close(std(x, { ddof: 1 }), sqrt(variance(x, { ddof: 1 }))));
test('cumsum ends with the sum', () => close(cumsum(x, { axis: 1 }).slice(null, -1), sum(x, { axis: 1 })));
test('the sum of what was broadcast is a multiple', () => close(sum(broadcastTo(x, [5, 2, 3, 4]), { axis: 0 }), x.mul(5)));

test('sums, products and extremes of [[1, 2], [3, 4]]', () => {
  const m = [[1, 2], [3, 4]];
  assert.equal(sum(m, { axis: 0 }).toArray(), [4, 6]);
  assert.equal(prod(m, { axis: 1 }).toArray(), [2, 12]);
  assert.equal([max(m).item(), min(m).item(), mean(m).item(), variance(m).item()], [4, 1, 2.5, 1.25]);
  assert.equal(cumsum(m, { axis: 0 }).toArray(), [[1, 2], [4, 6]]);
});
test('argmax takes the first of equals', () => assert.equal([argmax([1, 7, 7]).item(), argmin([[2, 0], [0, 2]], { axis: 1 }).toArray()], [1, [1, 0]]));
test('argmax of everything counts in row-major order', () => assert.is(argmax([[1, 2], [9, 3]]).item(), 2));
test('max lets NaN through', () => assert.ok(Number.isNaN(max([1, NaN, 2]).item())));
test('logsumexp of [1000, 1000] is 1000 + log 2', () => close(logsumexp([1000, 1000]), 1000 + Math.LN2));
test('logsumexp of minus infinities is minus infinity', () => assert.is(logsumexp([-Infinity, -Infinity]).item(), -Infinity));
test('sum counts true', () => assert.equal([sum([true, false, true]).item(), sum([true]).dtype], [2, 'int32']));
test('any and all of nothing are false and true', () => assert.equal([any([]).item(), all([]).item(), sum([]).item(), prod([]).item()], [0, 1, 0, 1]));
test('any and all ask for true', () => assert.equal([any([false, true]).item(), all([true, false]).item()], [1, 0]));
test('mean, variance and std of integers and booleans are float32', () => {
  for (const x of [tensor(Int32Array.of(1, 4)), tensor([true, false, false, true])]) {
    const f = x.cast('float32');
    for (const op of [mean, variance, std]) close(op(x), op(f));
  }
  close(std(tensor(Int32Array.of(2, 4, 4, 4, 5, 5, 7, 9))), 2);
});
test('prod and cumsum of booleans count in int32', () => {
  assert.equal([prod([true, true]).item(), prod([true]).dtype, prod(zeros([0], { dtype: 'bool' })).dtype], [1, 'int32', 'int32']);
  assert.equal([cumsum([true, false, true]).toArray(), cumsum([true]).dtype], [[1, 1, 2], 'int32']);
});
test('the mean and variance of nothing are NaN', () => assert.equal([mean([]).item(), variance([]).item()], [NaN, NaN]));
test('the sum of 100,000 tenths is 10,000', () => close(sum(tensor(0.1, { shape: [100_000] })), 10_000));

test('refuses an axis out of range', () =>
  refuses(() => sum([1, 2], { axis: 3 }), 'sum: axis 3 is out of range for x [2]: rank is 1, so axis must be in [-1, 0].', AxisError));
test('refuses an axis given twice', () =>
  refuses(() => max([[1]], { axis: [0, -2] }), 'max: axis 0 is given twice for x [1, 1]; give each axis once.', AxisError));
test('refuses the largest of nothing', () =>
  refuses(() => max(zeros([2, 0]), { axis: 1 }), 'max: x [2, 0] has no elements along axis 1; max of nothing is not defined.', ShapeError));
test('refuses a variance without a divisor', () =>
  refuses(() => variance([1], { ddof: 1 }), 'variance: ddof 1 leaves nothing to divide by: 1 elements are averaged; ddof must be 0.', ValueError));
test('std speaks for itself', () => {
  refuses(() => std([1, 2], { ddof: 2 }), 'std: ddof 2 leaves nothing to divide by: 2 elements are averaged; ddof must be in [0, 1].', ValueError);
  refuses(() => std([1, 2], { axis: 1 }), 'std: axis 1 is out of range for x [2]: rank is 1, so axis must be in [-1, 0].', AxisError);
});
test('broadcastTo refuses a shape that does not fit', () =>
  refuses(() => broadcastTo([1, 2], [3]), 'broadcastTo: cannot broadcast x [2] to [3]; sizes must be equal or 1, counted from the last axis.', ShapeError));

test.run();
