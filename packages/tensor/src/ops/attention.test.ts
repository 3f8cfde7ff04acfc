import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { attention, concat, DTypeError, matmul, ones, random, ShapeError, slice, softmax, tensor, zeros, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';

const test = suite('attention');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });
const [q, k, v] = [draw([2, 3, 4, 6], 1), draw([2, 5, 2, 6], 2), draw([2, 5, 2, 3], 3)];

test('is softmax(q k^T / sqrt D) v in each head, two query heads to a key head', () => {
  const y = attention(q, k, v);
  for (let b = 0; b < 2; b++) for (let h = 0; h < 4; h++) {
    const one = (x: Tensor, head: number) => slice(x, b, null, head);
    close(one(y, h), matmul(softmax(matmul(one(q, h), one(k, h >> 1), { transposeB: true }).div(Math.sqrt(6))), one(v, h >> 1)));
  }
});
test('of equal scores is the mean of the values', () => close(attention(zeros([1, 2, 1, 4]), ones([1, 3, 1, 4]), tensor([1, 2, 6]).reshape([1, 3, 1, 1])).reshape([2]), [3, 3]));
test('what is added to all scores of a query changes nothing', () => close(attention(q, k, v, { bias: draw([2, 4, 3, 1], 4).mul(10) }), attention(q, k, v)));
test('a hidden key is a key that is not there', () => {
  const mask = tensor([true, true, true, false, false]);
  close(attention(q, k, v, { mask }), attention(q, slice(k, null, [0, 3]), slice(v, null, [0, 3])));
});
test('a reach of r hides keys beyond t + r', () => {
  const y = attention(q, k, v, { reach: 1 });
  for (let t = 0; t < 3; t++) close(slice(y, null, [t, t + 1]), attention(slice(q, null, [t, t + 1]), slice(k, null, [0, t + 2]), slice(v, null, [0, t + 2])));
});
test('a query that may attend to nothing gives 0', () => {
  const mask = concat([tensor([[false]]), tensor([[true], [true]])]); // [T, 1]
  close(slice(attention(q, k, v, { mask }), null, 0), zeros([2, 4, 3]));
  close(slice(attention(q, k, v, { reach: -1 }), null, 0), zeros([2, 4, 3]));
  close(attention(q, zeros([2, 0, 2, 6]), zeros([2, 0, 2, 3])), zeros([2, 3, 4, 3]));
});
test('whole numbers are taken as float32', () => assert.is(attention(tensor([[[[1]]]], { dtype: 'int32' }), tensor([[[[1]]]], { dtype: 'int32' }), tensor([[[[2]]]], { dtype: 'int32' })).dtype, 'float32'));

test('refuses operands that do not fit', () => {
  refuses(() => attention(slice(q, 0), k, v), 'attention: query [3, 4, 6], key [2, 5, 2, 6], value [2, 5, 2, 3] must have rank 4: [B, length, heads, size].', ShapeError);
  refuses(() => attention(slice(q, [0, 1]), k, v), 'attention: batch sizes differ: query [1, 3, 4, 6], key [2, 5, 2, 6], value [2, 5, 2, 3].', ShapeError);
  refuses(() => attention(slice(q, null, null, null, [0, 5]), k, v), 'attention: head sizes differ: query [2, 3, 4, 5], key [2, 5, 2, 6], value [2, 5, 2, 3]; query and key must have the same.', ShapeError);
  refuses(() => attention(q, k, slice(v, null, [0, 4])), 'attention: query [2, 3, 4, 6], key [2, 5, 2, 6], value [2, 4, 2, 3]; key and value must have the same length and heads.', ShapeError);
  refuses(() => attention(slice(q, null, null, [0, 3]), k, v), 'attention: 3 query heads cannot share 2 key heads evenly; 2 must divide 3.', ShapeError);
});
test('refuses masks of numbers, and masks and biases that do not broadcast', () => {
  refuses(() => attention(q, k, v, { mask: ones([3, 5]) }), 'attention: mask [3, 5] is float32; it must be bool, true = attend.', DTypeError);
  refuses(() => attention(q, k, v, { mask: ones([3, 4], { dtype: 'bool' }) }), 'attention: mask [3, 4] does not broadcast to the scores [2, 4, 3, 5].', ShapeError);
  refuses(() => attention(q, k, v, { bias: ones([3, 3, 5]) }), 'attention: bias [3, 3, 5] does not broadcast to the scores [2, 4, 3, 5].', ShapeError);
});
test.run();
