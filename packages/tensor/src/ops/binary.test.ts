import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  add, arctan2, clip, div, equal, floorDivide, greater, hypot, less, lessEqual, logaddexp, logicalAnd, logicalNot, logicalOr, logicalXor, maximum,
  minimum, mod, mul, notEqual, pow, relu, ShapeError, sub, tensor, ValueError, where, type Tensor,
} from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('binary');
const [a, b, c] = [scattered([3, 4], -2, 2, 1), scattered([3, 4], -2, 2, 5), scattered([4], -2, 2, 9)];
const int = (...x: number[]) => tensor(Int32Array.from(x));

test('add and mul commute and distribute', () => {
  close(add(a, b), add(b, a));
  close(mul(c, add(a, b)), add(mul(c, a), mul(c, b)));
});
test('sub undoes add', () => close(sub(add(a, b), b), a));
test('broadcasts from the last axis', () => assert.equal(add([[1], [2]], [10, 20, 30]).toArray(), [[11, 21, 31], [12, 22, 32]]));
test('maximum and minimum add to the sum', () => close(add(maximum(a, b), minimum(a, b)), add(a, b)));
test('the quotient rounded down and the remainder make the number again', () => close(add(mul(floorDivide(a, b), b), mod(a, b)), a, { rtol: 1e-5 }));
test('less or equal is not greater', () => assert.equal(lessEqual(a, b).toArray(), logicalNot(greater(a, b)).toArray()));
test('xor is or without and', () => {
  const [p, q] = [tensor([true, true, false, false]), tensor([true, false, true, false])];
  assert.equal(logicalXor(p, q).toArray(), logicalAnd(logicalOr(p, q), logicalNot(logicalAnd(p, q))).toArray());
});
test('hypot and arctan2 are polar coordinates', () => {
  const [r, angle] = [hypot(a, b), arctan2(a, b)];
  close(mul(r, angle.sin()), a);
  close(mul(r, angle.cos()), b);
});

test('mod has the sign of the divisor, as in NumPy', () => {
  close(mod([5, -5, 5, -5], [3, 3, -3, -3]), [2, 1, -1, -2]);
  assert.equal(mod(int(5, -5, 5, -5), int(3, 3, -3, -3)).toArray(), [2, 1, -1, -2]);
});
test('floorDivide rounds down, as in NumPy', () => {
  assert.equal(floorDivide(int(7, -7, 7), int(2, 2, -2)).toArray(), [3, -4, -4]);
  close(floorDivide([7, -7], 2), [3, -4]);
});
test('pow(1, NaN) and pow(NaN, 0) are 1', () => close(pow([1, NaN, 2], [NaN, 0, 10]), [1, 1, 1024]));
test('arctan2 knows the quadrants and the axes', () =>
  close(arctan2([0, 1, 1, -1, -1, 1, -1, 0], [1, 1, -1, -1, 1, 0, 0, -1]),
    [0, 0.25, 0.75, -0.75, -0.25, 0.5, -0.5, 1].map((quarters) => quarters * Math.PI)));
test('hypot(3e30, 4e30) does not overflow', () => close(hypot(3e30, 4e30), 5e30));
test('logaddexp(1000, 1000) is 1000 + log 2', () => close(logaddexp(1000, 1000), 1000 + Math.LN2));
test('maximum lets NaN through', () => close(maximum([NaN, 1, 2], [0, NaN, 3]), [NaN, NaN, 3]));
test('NaN equals nothing', () => assert.equal([equal(NaN, NaN).item(), notEqual(NaN, NaN).item()], [0, 1]));
test('where chooses, and does not look at what it leaves', () => close(where([true, false], [1, NaN], [Infinity, 2]), [1, 2]));
test('clip holds numbers between its bounds, and NaN free', () => close(clip([-5, 0.5, 5, NaN], 0, 1), [0, 0.5, 1, NaN]));
test('bounds of clip may be infinite', () => {
  close(clip([-5, 5], -Infinity, Infinity), [-5, 5]);
  close(clip([-5, 5], Infinity, Infinity), [Infinity, Infinity]);
  close(clip([-5, 5], -Infinity, 1), [-5, 1]);
});

test('int32 / int32 is float32', () => assert.is(div(int(1), int(2)).dtype, 'float32'));
test('bool + bool is int32', () => assert.equal([add([true], [true]).dtype, add([true], [true]).toArray()], ['int32', [2]]));
test('promotes to the larger dtype', () => {
  assert.is(add(int(1), [0.5]).dtype, 'float32');
  assert.is(add(tensor([1], { dtype: 'float64' }), [0.5]).dtype, 'float64');
  assert.is(add([true], int(1)).dtype, 'int32');
});
test('numbers are weak: they take the dtype of the tensor beside them', () => {
  assert.is(add(int(1), 2).dtype, 'int32');
  assert.is(add(tensor([1], { dtype: 'float64' }), 0.1).item(), 1.1);
  assert.is(mul(tensor([1]), 2).dtype, 'float32');
});
test('a fraction beside int32 makes float32', () => assert.equal([add(int(1), 0.5).dtype, add(int(1), 0.5).toArray()], ['float32', [1.5]]));
test('comparisons give bool', () => assert.is(less(a, b).dtype, 'bool'));
test('int32 wraps around', () => assert.is(add(int(2 ** 31 - 1), 1).item(), -(2 ** 31)));

test('refuses shapes that do not broadcast', () =>
  refuses(() => add(scattered([2, 3]), [1, 2]), 'add: cannot broadcast a [2, 3] with b [2]: axis -1 is 3 in a and 2 in b; sizes must be equal or 1.', ShapeError));
test('refuses a condition that does not broadcast', () =>
  refuses(() => where([true, false, true], [1, 2], 0), 'where: cannot broadcast condition [3] with a [2]: axis -1 is 3 in condition and 2 in a; sizes must be equal or 1.', ShapeError));
test('refuses bounds the wrong way round', () => {
  refuses(() => clip([1], 2, 1), 'clip: low 2 and high 1; low must be a number not above high.', ValueError);
  refuses(() => clip([1], NaN, 1), 'clip: low NaN and high 1; low must be a number not above high.', ValueError);
});
test('refuses a missing operand, and leaves what is too many', () => {
  refuses(() => (add as unknown as (a: number) => Tensor)(1), 'add: got 1 operands; it takes 2.', ValueError);
  assert.equal([[-1], [2]].map(relu).map((y) => y.item()), [0, 2]);
});

test.run();
