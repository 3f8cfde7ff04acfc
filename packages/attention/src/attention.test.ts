import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { concat, ones, random, slice, sum, tensor, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { grad } from '@heed/autograd';
import { AdditiveAttention, Attention, BahdanauAttention, causalMask, MultiHeadAttention, paddingMask, PositionEmbedding, scaledDotProductAttention, sinusoidalPositions } from './index.js';

const test = suite('attention');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });

/** The definition, in plain loops: one head, [T, D] each. */
function byHand(q: number[][], k: number[][], v: number[][], allowed: (t: number, s: number) => boolean): number[][] {
  return q.map((row, t) => {
    const e = k.map((key, s) => (allowed(t, s) ? Math.exp(row.reduce((a, x, d) => a + x * key[d]!, 0) / Math.sqrt(row.length)) : 0));
    const total = e.reduce((a, b) => a + b, 0);
    return v[0]!.map((_, c) => (total ? e.reduce((a, w, s) => a + w * v[s]![c]!, 0) / total : 0));
  });
}

test('scaledDotProductAttention is its definition, head by head, with and without order', () => {
  const [q, k, v] = [draw([2, 3, 2, 4], 1), draw([2, 5, 2, 4], 2), draw([2, 5, 2, 3], 3)];
  for (const causal of [false, true]) {
    const y = scaledDotProductAttention(q, k, v, { causal });
    for (let b = 0; b < 2; b++) for (let h = 0; h < 2; h++) {
      const one = (x: Tensor) => slice(x, b, null, h).toArray() as number[][];
      close(slice(y, b, null, h), byHand(one(q), one(k), one(v), (t, s) => !causal || s <= t));
    }
  }
});

test('fewer key heads serve groups of query heads', () => {
  const [q, k, v] = [draw([1, 3, 4, 2], 1), draw([1, 5, 2, 2], 2), draw([1, 5, 2, 2], 3)];
  const twice = (x: Tensor) => concat([0, 0, 1, 1].map((h) => slice(x, null, null, [h, h + 1])), { axis: 2 });
  close(scaledDotProductAttention(q, k, v), scaledDotProductAttention(q, twice(k), twice(v)));
});

test('a query that may attend to nothing gets 0, with gradient 0', () => {
  const [q, k, v] = [draw([1, 2, 1, 4], 1), draw([1, 3, 1, 4], 2), draw([1, 3, 1, 4], 3)];
  const mask = tensor([[false, false, false], [true, false, true]]);
  const { output, weights } = scaledDotProductAttention(q, k, v, { mask, returnWeights: true });
  close(slice(output, 0, 0), [[0, 0, 0, 0]]);
  close(sum(weights, { axis: -1 }), [[[0, 1]]]);
  const g = grad((x) => sum(scaledDotProductAttention(x, k, v, { mask }).square()))(q);
  close(slice(g, 0, 0), [[0, 0, 0, 0]]);
});

test('causal masks count from either end', () => {
  assert.equal(causalMask(2, 3).cast('int32').toArray(), [[1, 0, 0], [1, 1, 0]]);
  assert.equal(causalMask(2, 3, { align: 'lower-right' }).cast('int32').toArray(), [[1, 1, 0], [1, 1, 1]]);
  assert.equal(paddingMask(tensor(Int32Array.of(0, 2)), 3).cast('int32').toArray(), [[0, 0, 0], [1, 1, 0]]);
});

test('sinusoidal positions have the length of C / 2 circles', () => {
  const p = sinusoidalPositions(50, 8);
  close(sum(p.square(), { axis: -1 }), new Array(50).fill(4));
  close(slice(p, 1), [0, 1, 2, 3].flatMap((i) => [Math.sin(10000 ** (-i / 4)), Math.cos(10000 ** (-i / 4))]));
  refuses(() => new PositionEmbedding(3).apply(ones([1, 4, 2])), 'PositionEmbedding: x [1, 4, 2] has 4 places, there are embeddings for 3.');
});

test('Attention scores by the plain product, in the order query, value, key', () => {
  const [q, v, k] = [draw([2, 3, 4], 1), draw([2, 5, 6], 2), draw([2, 5, 4], 3)];
  const [y, w] = new Attention().apply([q, v, k], { returnAttentionScores: true }) as [Tensor, Tensor];
  close(w, q.matmul(k.transpose([0, 2, 1])).softmax());
  close(y, w.matmul(v));
});

test('attention layers leave masked keys out and masked queries at 0', () => {
  const [q, v] = [draw([1, 2, 4], 1), draw([1, 3, 4], 2)];
  for (const layer of [new Attention({ useScale: true }), new Attention({ scoreMode: 'concat' }), new AdditiveAttention()]) {
    const [y, w] = layer.apply([q, v], { mask: [tensor([[true, false]]), tensor([[true, true, false]])], returnAttentionScores: true }) as [Tensor, Tensor];
    close(slice(w, null, null, 2), [[0, 0]]);
    close(slice(y, 0, 1), [0, 0, 0, 0]);
  }
});

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

test('refuses heads that cannot share', () => {
  refuses(() => scaledDotProductAttention(ones([1, 2, 3, 4]), ones([1, 2, 2, 4]), ones([1, 2, 2, 4])), 'scaledDotProductAttention: 3 query heads cannot share 2 key heads evenly; 2 must divide 3.');
});
test.run();
