import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { checkGradient } from '@heed/autograd/testing';
import { argsort, AxisError, sort, sum, tensor, topK, ValueError, zeros } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('sort');
const x = scattered([3, 5, 4]);

test('sort gives the same elements, none before a smaller one', () => fc.assert(fc.property(fc.array(fc.float({ noNaN: true })), (values) => {
  const y = sort(values).data();
  assert.equal([...y], [...Float32Array.from(values)].sort((p, q) => p - q || 0));
  assert.ok(y.every((v, i) => i === 0 || y[i - 1]! <= v));
}), { seed: 4 }));
test('sort works along any axis, each row by itself', () => {
  for (const axis of [0, 1, -1]) close(sum(sort(x, { axis }), { axis }), sum(x, { axis }));
  close(sort(x, { axis: 1 }).slice(2, null, 3), sort(x.slice(2, null, 3)));
});
test('sort of what is sorted changes nothing', () => close(sort(sort(x)), sort(x)));
test('descending is ascending of negatives', () => close(sort(x, { axis: 0, descending: true }), sort(x.neg(), { axis: 0 }).neg()));
test('argsort says where the elements lie', () => close(x.slice(0, 0).gather(argsort(x.slice(0, 0))), sort(x.slice(0, 0))));
test('topK gives the first of a descending order', () => {
  const { values, indices } = topK(x, 2, { axis: 1 });
  close(values, sort(x, { axis: 1, descending: true }).slice(null, [0, 2]));
  assert.equal(indices.toArray(), argsort(x, { axis: 1, descending: true }).slice(null, [0, 2]).toArray());
});

test('sort puts NaN last, as NumPy, and equal elements by their place', () => {
  assert.equal([sort([3, NaN, -Infinity, 1]).toArray(), sort([1, NaN, Infinity], { descending: true }).toArray()], [[-Infinity, 1, 3, NaN], [Infinity, 1, NaN]]);
  assert.equal([argsort([2, 1, 2, NaN, 1, NaN]).toArray(), argsort([2, 1, 2, 1], { descending: true }).toArray(), argsort([0, -0]).toArray()], [[1, 4, 0, 2, 3, 5], [0, 2, 1, 3], [0, 1]]);
});
test('sort keeps integers and booleans', () => {
  assert.equal([sort(tensor(Int32Array.of(3, -(2 ** 31), 2 ** 31 - 1))).toArray(), sort([true, false, true]).toArray()], [[-(2 ** 31), 3, 2 ** 31 - 1], [false, true, true]]);
});
test('topK of 0 is empty', () => assert.equal([topK(x, 0).values.shape, topK(zeros([0, 3]), 2).indices.shape], [[3, 5, 0], [0, 2]]));
test('the gradient goes back to where the elements came from', async () => {
  await checkGradient((v) => sort(v!, { axis: 1 }), [scattered([2, 5, 2])]);
  await checkGradient((v) => topK(v!, 2).values, [scattered([3, 4])]);
});

test('refuses an axis that is not there', () => {
  refuses(() => sort(x, { axis: 3 }), 'sort: axis 3 is out of range for x [3, 5, 4]: rank is 3, so axis must be in [-3, 2].', AxisError);
  refuses(() => argsort(1), 'argsort: axis -1 is out of range for x []: rank is 0, so there is no axis.', AxisError);
});
test('topK refuses more than there are, and what is no count', () => {
  refuses(() => topK(x, 5), 'topK: k is 5 for axis 2 of x [3, 5, 4]; it must be a whole number in [0, 4].', ValueError);
  refuses(() => topK(x, 1.5), 'topK: k is 1.5 for axis 2 of x [3, 5, 4]; it must be a whole number in [0, 4].', ValueError);
});

test.run();
