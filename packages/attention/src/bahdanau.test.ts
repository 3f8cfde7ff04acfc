import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { random, slice, sum, tensor, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { checkGradient } from '@heed/autograd/testing';
import { BahdanauAttention, paddingMask } from './index.js';

const test = suite('bahdanau');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });

test('BahdanauAttention weighs by a small network', () => {
  const layer = new BahdanauAttention(3);
  const [q, v] = [draw([2, 4], 1), draw([2, 5, 6], 2)];
  const [context, weights] = layer.apply([q, v], { mask: paddingMask(tensor(Int32Array.of(5, 2)), 5) }) as [Tensor, Tensor];
  assert.equal([context.shape, weights.shape], [[2, 6], [2, 5]]);
  close(sum(weights, { axis: -1 }), [1, 1]);
  close(slice(weights, 1, [2, 5]), [0, 0, 0]);
  const [wq, wk, scale] = layer.weights.map((x) => x.value) as [Tensor, Tensor, Tensor];
  const e = q.matmul(wq).expandDims(1).add(v.matmul(wk)).tanh().matmul(scale).reshape([2, 5]);
  close(slice(weights, 0), slice(e, 0).softmax());
});

test('one query at a time gives what all give at once', () => {
  const layer = new BahdanauAttention(3);
  const [q, v] = [draw([2, 3, 4], 1), draw([2, 5, 6], 2)];
  const [context, weights] = layer.apply([q, v]) as [Tensor, Tensor];
  for (let t = 0; t < 3; t++) {
    const [c, w] = layer.apply([slice(q, null, t), v]) as [Tensor, Tensor];
    close(c, slice(context, null, t));
    close(w, slice(weights, null, t));
  }
});

test('gradients agree with central differences', async () => {
  const layer = new BahdanauAttention(3, { dtype: 'float64' });
  await checkGradient((q, v) => layer.apply([q!, v!]) as [Tensor, Tensor], [draw([2, 3, 4], 1), draw([2, 5, 6], 2)], { order: 1 });
});

test('refuses units that are none', () => {
  refuses(() => new BahdanauAttention(0), 'BahdanauAttention: units is 0; it must be a whole number >= 1.');
});
test.run();
