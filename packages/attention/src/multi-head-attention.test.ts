import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { abs, concat, max, ones, random, slice, sum, tensor, zeros, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { grad } from '@heed/autograd';
import { checkGradient } from '@heed/autograd/testing';
import { Embedding, Input, maskOf, Model } from '@heed/layers';
import { causalMask, MultiHeadAttention, paddingMask } from './index.js';

const test = suite('multi-head-attention');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });
const lengths = (...n: number[]) => tensor(Int32Array.from(n));
const [q, v] = [draw([2, 3, 4], 1), draw([2, 5, 6], 2)];

test('MultiHeadAttention has the weights of Keras and works in each head alone', () => {
  const layer = new MultiHeadAttention(2, 3, { name: 'mha', valueDim: 5 });
  const [q, v] = [draw([2, 4, 6], 1), draw([2, 7, 8], 2)];
  const [y, w] = layer.apply(q, v, { returnAttentionScores: true }) as [Tensor, Tensor];
  assert.equal(layer.weights.map((x) => [x.name, x.shape.join()]), [
    ['mha/query/kernel', '6,2,3'], ['mha/query/bias', '2,3'], ['mha/key/kernel', '8,2,3'], ['mha/key/bias', '2,3'],
    ['mha/value/kernel', '8,2,5'], ['mha/value/bias', '2,5'], ['mha/attention_output/kernel', '2,5,6'], ['mha/attention_output/bias', '6'],
  ]);
  assert.equal([y.shape, w.shape], [[2, 4, 6], [2, 2, 4, 7]]);
  const [wq, , wk, , wv, , wo] = layer.weights.map((x) => x.value) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  let expected = tensor(0) as Tensor;
  for (let h = 0; h < 2; h++) {
    const [hq, hk, hv] = [q.matmul(slice(wq, null, h)), v.matmul(slice(wk, null, h)), v.matmul(slice(wv, null, h))];
    const weights = hq.matmul(hk.transpose([0, 2, 1])).div(Math.sqrt(3)).softmax();
    expected = expected.add(weights.matmul(hv).matmul(slice(wo, h)));
  }
  close(y, expected, { rtol: 1e-5 });
});

test('the key is the value unless it is given', () => {
  const layer = new MultiHeadAttention(2, 3);
  const y = layer.apply(q, v) as Tensor;
  close(layer.apply(q, v, { key: v }), y);
  close(layer.apply([q, v]), y);
  assert.throws(() => close(layer.apply(q, v, { key: draw([2, 5, 6], 3) }) as Tensor, y));
});

test('a causal mask keeps each place from the later ones', () => {
  const layer = new MultiHeadAttention(2, 3);
  const [y, w] = layer.apply(q, q, { useCausalMask: true, returnAttentionScores: true }) as [Tensor, Tensor];
  close(w.mul(causalMask(3, 3).cast('float32')), w);
  close(sum(w, { axis: -1 }), ones([2, 2, 3]));
  const later = concat([slice(q, null, [0, 1]), draw([2, 2, 4], 9)], { axis: 1 });
  close(slice(layer.apply(later, later, { useCausalMask: true }) as Tensor, null, 0), slice(y, null, 0));
});

test('value, key, query and attention masks are combined', () => {
  const layer = new MultiHeadAttention(2, 3);
  const masks = { valueMask: paddingMask(lengths(4, 5), 5), keyMask: paddingMask(lengths(5, 2), 5), queryMask: paddingMask(lengths(3, 1), 3) };
  const attentionMask = tensor([[true, false, true, true, true], [true, true, true, true, true], [false, false, false, false, true]]);
  const seen = (m: Tensor, axis: number) => m.expandDims(axis);
  const together = seen(masks.valueMask, 1).logicalAnd(seen(masks.keyMask, 1)).logicalAnd(seen(masks.queryMask, 2)).logicalAnd(attentionMask);
  const expected = layer.apply(q, v, { attentionMask: together }) as Tensor;
  close(layer.apply(q, v, { ...masks, attentionMask }), expected);
  close(layer.apply(q, v, { ...masks, attentionMask: attentionMask.reshape([1, 1, 3, 5]) }), expected);
});

test('a query that may attend to nothing gives the output bias, with gradient 0', () => {
  const layer = new MultiHeadAttention(2, 3);
  const queryMask = tensor([[true, false, true], [false, true, true]]);
  const f = (x: Tensor) => layer.apply(x, v, { queryMask }) as Tensor;
  f(q);
  layer.setWeights(layer.weights.map((w, i) => draw([...w.shape], i)));
  const y = f(q);
  const bias = layer.weights[7]!.value;
  close(slice(y, 0, 1), bias);
  close(slice(y, 1, 0), bias);
  const g = grad((x) => sum(f(x).square()))(q);
  close(slice(g, 0, 1), zeros([4]));
  assert.ok((max(abs(slice(g, 0, 0))).item() as number) > 0);
});

test('masks that the inputs carry are used, and the query\'s goes on', () => {
  const embedding = new Embedding(9, 4, { maskZero: true });
  const ids = tensor([[1, 2, 0], [3, 0, 0]], { dtype: 'int32' });
  const x = embedding.apply(ids) as Tensor;
  const layer = new MultiHeadAttention(2, 3);
  const [y, w] = layer.apply(x, x, { returnAttentionScores: true }) as [Tensor, Tensor];
  assert.equal(maskOf(y)!.toArray(), [[true, true, false], [true, false, false]]);
  close(slice(w, 1), [0, 1].map(() => [[1, 0, 0], [0, 0, 0], [0, 0, 0]]));
});

test('kernels begin within the Glorot limit of their projection', () => {
  const layer = new MultiHeadAttention(4, 8, { valueDim: 2, outputShape: 12 });
  layer.apply(ones([1, 2, 16]), ones([1, 2, 20]));
  const fans: Record<string, [number, number]> = { query: [16, 32], key: [20, 32], value: [20, 8], attention_output: [8, 12] };
  for (const [name, [fanIn, fanOut]] of Object.entries(fans)) {
    const limit = Math.sqrt(6 / (fanIn + fanOut));
    const largest = max(abs(layer.weights.find((w) => w.name.endsWith(`${name}/kernel`))!.value)).item() as number;
    assert.ok(largest <= limit && largest > 0.8 * limit, `${name}: ${largest}, ${limit}`);
  }
});

test('gradients agree with central differences', async () => {
  const layer = new MultiHeadAttention(2, 3, { dtype: 'float64' });
  await checkGradient((a, b, c) => layer.apply(a!, b!, { key: c! }) as Tensor, [q, v, draw([2, 5, 7], 3)], { order: 1 });
});

test('useBias false leaves four kernels', () => {
  const layer = new MultiHeadAttention(2, 3, { useBias: false, name: 'plain' });
  layer.apply(q, v);
  assert.equal(layer.weights.map((w) => w.name), ['query', 'key', 'value', 'attention_output'].map((n) => `plain/${n}/kernel`));
});

test('it stands in functional models, with the right shape of scores', () => {
  const [a, b] = [Input({ shape: [3, 4] }), Input({ shape: [null, 6] })];
  const layer = new MultiHeadAttention(2, 3);
  const [y, w] = layer.apply(a, b, { returnAttentionScores: true });
  assert.equal([y.shape, w.shape], [[null, 3, 4], [null, 2, 3, null]]);
  const model = new Model({ inputs: [a, b], outputs: [y, w] });
  const [my, mw] = model.apply([q, v]) as [Tensor, Tensor];
  const [ly, lw] = layer.apply(q, v, { returnAttentionScores: true }) as [Tensor, Tensor];
  close(my, ly);
  close(mw, lw);
});

test('refuses other than two or three sequences, and sizes that are none', () => {
  refuses(() => new MultiHeadAttention(0, 3), 'MultiHeadAttention: numHeads is 0; it must be a whole number >= 1.');
  refuses(() => new MultiHeadAttention(2, 3, { valueDim: 1.5 }), 'MultiHeadAttention: valueDim is 1.5; it must be a whole number >= 1.');
  refuses(() => new MultiHeadAttention(2, 3, { dropout: -1 }), 'MultiHeadAttention: dropout is -1; it must be in [0, 1).');
  refuses(() => new MultiHeadAttention(2, 3).apply(ones([2, 4]), ones([2, 4])), 'MultiHeadAttention: expected query [B, T, D], value [B, S, E] and perhaps key [B, S, F], got [2, 4], [2, 4].');
  refuses(() => new MultiHeadAttention(2, 3).apply([q]), 'MultiHeadAttention: expected query [B, T, D], value [B, S, E] and perhaps key [B, S, F], got [2, 3, 4].');
});
test.run();
