import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AxisError, DTypeError, exp, layerNorm, log, logSoftmax, mean, ones, ShapeError, softmax, sum, tensor, variance, zeros } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('softmax');
const x = scattered([2, 5, 3], -4, 4);

test('softmax sums to one along its axis', () => close(sum(softmax(x, { axis: 1 }), { axis: 1 }), ones([2, 3])));
test('softmax does not change when a number is added to all', () => close(softmax(x.add(100)), softmax(x), { atol: 1e-4 }));
test('logSoftmax is the logarithm of softmax', () => close(logSoftmax(x, { axis: 0 }), log(softmax(x, { axis: 0 }))));
test('a masked place takes no part', () => {
  close(softmax([1, 50, 2], { mask: [true, false, true] }).slice([null, null, 2]), softmax([1, 2]));
});
test('layerNorm brings samples to mean 0 and variance 1', () => {
  const y = layerNorm(x, { epsilon: 0 });
  close(mean(y, { axis: -1 }), zeros([2, 5]));
  close(variance(y, { axis: -1 }), ones([2, 5]));
});

test('softmax of [0, log 2, log 5] is [1, 2, 5] / 8', () => close(softmax([0, Math.log(2), Math.log(5)]), [0.125, 0.25, 0.625]));
test('softmax of 1000 does not overflow', () => close(softmax([1000, 0, -1000]), [1, 0, 0]));
test('logSoftmax is exact where softmax is 0', () => close(logSoftmax([0, 1000]), [-1000, 0]));
test('a row with nothing to attend gives 0', () => {
  const mask = [[false, false], [true, true]];
  close(softmax([[1, 2], [3, 3]], { mask }), [[0, 0], [0.5, 0.5]]);
  close(logSoftmax([[1, 2], [3, 3]], { mask }), [[0, 0], [-Math.LN2, -Math.LN2]]);
});
test('layerNorm scales and shifts', () => close(layerNorm([-1, 1], { gamma: [2, 3], beta: [10, 20], epsilon: 0 }), [8, 23]));
test('softmax of integers is float32', () => assert.is(softmax(tensor(Int32Array.of(1, 2))).dtype, 'float32'));
test('softmax of float64 is exact to 1e-15', () => close(softmax(tensor(Float64Array.of(0, 1))), tensor(Float64Array.of(1 / (1 + Math.E), Math.E / (1 + Math.E))), { rtol: 1e-15, atol: 0 }));
test('softmax of minus infinity and a number is 0 and 1', () => close(softmax([-Infinity, 3]), exp([-Infinity, 0])));

test('softmax refuses an axis out of range', () =>
  refuses(() => softmax([1, 2], { axis: 3 }), 'softmax: axis 3 is out of range for x [2]: rank is 1, so axis must be in [-1, 0].', AxisError));
test('softmax refuses a mask of numbers', () =>
  refuses(() => softmax([1, 2], { mask: [1, 0] }), 'softmax: mask [2] is float32; it must be bool, true = takes part.', DTypeError));
test('softmax refuses a mask larger than x', () =>
  refuses(() => softmax([1, 2], { mask: [[true, true], [true, true]] }), 'softmax: mask [2, 2] does not broadcast to x [2]; it may not be larger.', ShapeError));
test('layerNorm refuses a gamma larger than x', () =>
  refuses(() => layerNorm(ones([2, 3]), { gamma: ones([2]) }), 'layerNorm: cannot broadcast x [2, 3] with gamma [2]: axis -1 is 3 in x and 2 in gamma; sizes must be equal or 1.', ShapeError));

test.run();
