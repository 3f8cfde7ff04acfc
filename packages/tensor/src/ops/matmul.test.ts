import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arange, eye, matmul, mul, ShapeError, sum, tensor, transpose, zeros } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('matmul');
const [a, b, c] = [scattered([5, 7], -1, 1, 1), scattered([7, 6], -1, 1, 2), scattered([6, 3], -1, 1, 3)];

test('matmul is associative', () => close(matmul(matmul(a, b), c), matmul(a, matmul(b, c))));
test('matmul with the identity changes nothing', () => close(matmul(a, eye(7)), a));
test('the transpose of a product is the product of transposes', () => close(transpose(matmul(a, b)), matmul(transpose(b), transpose(a))));
test('matmul transposes its operands where told', () => close(matmul(b, a, { transposeA: true, transposeB: true }), transpose(matmul(a, b))));
test('matmul of two vectors is their inner product', () => close(matmul([1, 2, 3], [4, 5, 6]), sum(mul([1, 2, 3], [4, 5, 6]))));
test('matmul broadcasts batches', () => {
  const [p, q] = [scattered([2, 1, 3, 4]), scattered([5, 4, 2])];
  const y = matmul(p, q);
  assert.equal(y.shape, [2, 5, 3, 2]);
  close(y.slice(1, 3), matmul(p.slice(1, 0), q.slice(3)));
});

test('matmul of [[1, 2], [3, 4]] and [[5, 6], [7, 8]]', () => assert.equal(matmul([[1, 2], [3, 4]], [[5, 6], [7, 8]]).toArray(), [[19, 22], [43, 50]]));
test('matmul of matrix and vector drops the axis', () => assert.equal(matmul([[1, 2], [3, 4]], [1, 1]).toArray(), [3, 7]));
test('matmul over nothing is 0', () => assert.equal(matmul(zeros([2, 0]), zeros([0, 3])).toArray(), [[0, 0, 0], [0, 0, 0]]));
test('matmul of int32 is float32', () => assert.is(matmul(arange(4).reshape([2, 2]), arange(4).reshape([2, 2])).dtype, 'float32'));
test('matmul keeps float64', () => assert.is(matmul(tensor([[0.1]], { dtype: 'float64' }), [[1]]).dtype, 'float64'));

test('matmul refuses inner sizes that differ', () =>
  refuses(() => matmul(zeros([2, 3]), zeros([4, 5])), 'matmul: inner sizes differ: a [2, 3] has 3 columns, b [4, 5] has 4 rows.', ShapeError));
test('matmul refuses batches that do not broadcast', () =>
  refuses(() => matmul(zeros([2, 1, 1]), zeros([3, 1, 1])), 'matmul: cannot broadcast a [2, 1, 1] with b [3, 1, 1]: axis -3 is 2 in a and 3 in b; sizes must be equal or 1.', ShapeError));
test('matmul refuses scalars', () =>
  refuses(() => matmul(2, [1]), 'matmul: a [] and b [1] must have rank 1 or more; use mul for scalars.', ShapeError));

test.run();
