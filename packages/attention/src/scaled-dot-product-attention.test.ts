import { suite } from 'uvu';
import { add, concat, greater, mean, ones, random, slice, sum, tensor, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { grad } from '@heed/autograd';
import { checkGradient } from '@heed/autograd/testing';
import { causalMask, paddingMask, scaledDotProductAttention } from './index.js';

const test = suite('scaled-dot-product-attention');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });
const [B, T, S, H] = [2, 3, 5, 4];
const [q, k, v] = [draw([B, T, H, 6], 1), draw([B, S, 2, 6], 2), draw([B, S, 2, 3], 3)];
const some = greater(draw([B, H, T, S], 4), 0);

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

test('weights sum to one wherever something may be attended to', () => {
  const { weights } = scaledDotProductAttention(q, k, v, { causal: true, bias: draw([H, T, S], 5).reshape([1, H, T, S]), returnWeights: true });
  close(sum(weights, { axis: -1 }), ones([B, H, T]));
});

test('masks of fewer axes stand for all heads and samples', () => {
  const [flat, batched] = [greater(draw([T, S], 6), 0), greater(draw([B, T, S], 7), 0)];
  const wide = (m: Tensor, shape: number[]) => m.reshape(shape).logicalAnd(ones([B, H, T, S], { dtype: 'bool' }));
  close(scaledDotProductAttention(q, k, v, { mask: flat }), scaledDotProductAttention(q, k, v, { mask: wide(flat, [1, 1, T, S]) }));
  close(scaledDotProductAttention(q, k, v, { mask: batched }), scaledDotProductAttention(q, k, v, { mask: wide(batched, [B, 1, T, S]) }));
});

test('a bias of -1e9 does what a mask does', () => {
  const m = paddingMask(tensor(Int32Array.of(2, 4)), S).reshape([B, 1, 1, S]);
  close(scaledDotProductAttention(q, k, v, { bias: m.cast('float32').sub(1).mul(1e9) }), scaledDotProductAttention(q, k, v, { mask: m }));
});

test('causal counts from the first place, lower-right from the last', () => {
  close(scaledDotProductAttention(q, k, v, { causal: true, mask: some }), scaledDotProductAttention(q, k, v, { mask: some.logicalAnd(causalMask(T, S)) }));
  close(scaledDotProductAttention(q, k, v, { causal: 'lower-right' }), scaledDotProductAttention(q, k, v, { mask: causalMask(T, S, { align: 'lower-right' }) }));
});

test('a cache and its last query give the last row of the whole', () => {
  const query = draw([B, S, H, 6], 8);
  const whole = scaledDotProductAttention(query, k, v, { causal: true });
  close(scaledDotProductAttention(slice(query, null, [S - 1, S]), k, v, { causal: 'lower-right' }), slice(whole, null, [S - 1, S]));
});

test('the scale multiplies the scores, 1 / sqrt(D) by default', () => {
  close(scaledDotProductAttention(q, k, v, { scale: 0.5 }), scaledDotProductAttention(q.mul(0.5 * Math.sqrt(6)), k, v));
  close(scaledDotProductAttention(q, k, v, { scale: 0 }), add(mean(v, { axis: 1, keepDims: true }).reshape([B, 1, 2, 1, 3]), tensor(0).mul(ones([B, T, 2, 2, 3]))).reshape([B, T, H, 3]), { atol: 1e-5 });
});

test('dropout keeps the mean and gives back the weights before it', () => {
  const many = [ones([1, 1, 1, 2]), ones([1, 20000, 1, 2]), ones([1, 20000, 1, 1])] as const;
  const { output, weights } = scaledDotProductAttention(...many, { dropout: 0.3, seed: 1, returnWeights: true });
  close(output, [[[[1]]]], { atol: 0.03 });
  close(weights, ones([1, 1, 1, 20000]).div(20000));
});

test('gradients agree with central differences, masked, biased, in groups and to second order', async () => {
  const dead = tensor([[true, false, true, true, false], [false, false, false, false, false], [true, true, true, true, true]]);
  await checkGradient((a, b, c, d) => scaledDotProductAttention(a!, b!, c!, { bias: d!, mask: dead }), [q, k, v, draw([T, S], 9)]);
  await checkGradient((a, b, c) => scaledDotProductAttention(a!, b!, c!, { causal: true }), [q, k, v]);
});

test('refuses shapes that do not fit, and dropout without a seed', () => {
  refuses(() => scaledDotProductAttention(ones([2, 3, 4]), k, v), 'scaledDotProductAttention: query [2, 3, 4], key [2, 5, 2, 6] and value [2, 5, 2, 3] must have rank 4: [B, length, heads, size].');
  refuses(() => scaledDotProductAttention(ones([1, 3, 4, 6]), k, v), 'scaledDotProductAttention: batch sizes differ: query [1, 3, 4, 6], key [2, 5, 2, 6], value [2, 5, 2, 3].');
  refuses(() => scaledDotProductAttention(ones([2, 3, 4, 5]), k, v), 'scaledDotProductAttention: head sizes differ: query [2, 3, 4, 5] has 5, key [2, 5, 2, 6] has 6.');
  refuses(() => scaledDotProductAttention(q, k, ones([2, 4, 2, 3])), 'scaledDotProductAttention: key [2, 5, 2, 6] and value [2, 4, 2, 3] must have the same length and heads.');
  refuses(() => scaledDotProductAttention(ones([1, 2, 3, 4]), ones([1, 2, 2, 4]), ones([1, 2, 2, 4])), 'scaledDotProductAttention: 3 query heads cannot share 2 key heads evenly; 2 must divide 3.');
  refuses(() => scaledDotProductAttention(q, k, v, { dropout: 0.1 }), 'scaledDotProductAttention: dropout 0.1 has no seed; pass { seed: number } or a SeedGenerator.');
  refuses(() => scaledDotProductAttention(q, k, v, { dropout: 1, seed: 1 }), 'scaledDotProductAttention: dropout is 1; it must be in [0, 1).');
});
test.run();
