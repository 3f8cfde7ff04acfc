import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { greater, ones, random, slice, sum, tensor, zeros, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { grad } from '@heed/autograd';
import { checkGradient } from '@heed/autograd/testing';
import { Input, maskOf, Model } from '@heed/layers';
import { AdditiveAttention, Attention, causalMask } from './index.js';

const test = suite('attention');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });
const every = () => [new Attention(), new Attention({ useScale: true }), new Attention({ scoreMode: 'concat', useScale: true }), new AdditiveAttention(), new AdditiveAttention({ useScale: false })];

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

test('weights sum to one, and a causal mask keeps to earlier places', () => {
  const q = draw([2, 3, 4], 1);
  for (const layer of every()) {
    const [, w] = layer.apply([q, q], { useCausalMask: true, returnAttentionScores: true }) as [Tensor, Tensor];
    close(sum(w, { axis: -1 }), ones([2, 3]));
    close(w.mul(causalMask(3, 3).cast('float32')), w);
  }
});

test('scores are the sums that the formulas say', () => {
  const [q, v] = [draw([2, 3, 4], 1), draw([2, 5, 4], 2)];
  const additive = new AdditiveAttention();
  const concat = new Attention({ scoreMode: 'concat', useScale: true });
  const scores = (layer: Attention | AdditiveAttention) => (layer.apply([q, v], { returnAttentionScores: true }) as [Tensor, Tensor])[1];
  scores(additive);
  scores(concat);
  additive.setWeights([tensor([1, -2, 3, 0.5])]);
  concat.setWeights([tensor(0.5), tensor(2)]);
  const [a, b] = [q.toArray() as number[][][], v.toArray() as number[][][]];
  const by = (f: (x: number, d: number) => number) => tensor(a.map((rows, n) => rows.map((x) => b[n]!.map((k) => k.reduce((total, y, d) => total + f(x[d]! + y, d), 0))))).softmax();
  close(scores(additive), by((x, d) => [1, -2, 3, 0.5][d]! * Math.tanh(x)));
  close(scores(concat), by((x) => 2 * Math.tanh(0.5 * x)));
});

test('a query that may attend to nothing gets 0, with gradient 0', () => {
  const [q, v] = [draw([2, 3, 4], 1), draw([2, 5, 4], 2)];
  const mask = [null, tensor([[false, false, false, false, false], [true, true, true, true, true]])];
  for (const layer of every()) {
    const f = (x: Tensor) => layer.apply([x, v], { mask }) as Tensor;
    close(slice(f(q), 0), zeros([3, 4]));
    close(slice(grad((x) => sum(f(x).square()))(q), 0), zeros([3, 4]));
  }
});

test('the mask of the query goes on', () => {
  const [q, v] = [draw([1, 2, 4], 1), draw([1, 3, 4], 2)];
  const y = new Attention().apply([q, v], { mask: [tensor([[true, false]]), null] }) as Tensor;
  assert.equal(maskOf(y)!.toArray(), [[true, false]]);
});

test('weights have the names and shapes of Keras', () => {
  const of = (layer: Attention | AdditiveAttention) => {
    layer.apply([ones([1, 2, 4]), ones([1, 3, 4])]);
    return layer.weights.map((w) => [w.name.split('/')[1], w.shape.length, w.size]);
  };
  assert.equal(every().map(of), [[], [['scale', 0, 1]], [['scale', 0, 1], ['concat_score_weight', 0, 1]], [['scale', 1, 4]], []]);
});

test('dropout acts on the weights, in training only', () => {
  const [q, v] = [draw([2, 3, 4], 1), draw([2, 50, 4], 2)];
  const layer = new Attention({ dropout: 0.5, seed: 1 });
  const of = (training: boolean) => layer.apply([q, v], { training, returnAttentionScores: true }) as [Tensor, Tensor];
  const [[, kept], [y, dropped]] = [of(false), of(true)];
  const alive = greater(dropped, 0).cast('float32');
  close(dropped, kept.mul(2).mul(alive));
  close(y, dropped.matmul(v));
  const share = alive.mean().item() as number;
  assert.ok(share > 0.3 && share < 0.7);
});

test('gradients agree with central differences', async () => {
  for (const o of [{}, { useScale: true }, { scoreMode: 'concat' as const }]) {
    const layer = new Attention({ ...o, dtype: 'float64' });
    await checkGradient((q, v, k) => layer.apply([q!, v!, k!]) as Tensor, [draw([2, 3, 4], 1), draw([2, 5, 6], 2), draw([2, 5, 4], 3)], { order: 1 });
  }
  const additive = new AdditiveAttention({ dtype: 'float64' });
  await checkGradient((q, v) => additive.apply([q!, v!]) as Tensor, [draw([2, 3, 4], 1), draw([2, 5, 4], 2)], { order: 1 });
});

test('it stands in functional models', () => {
  const [a, b] = [Input({ shape: [null, 4] }), Input({ shape: [5, 4] })];
  const layer = new Attention();
  const model = new Model({ inputs: [a, b], outputs: layer.apply([a, b]) });
  const [q, v] = [draw([2, 3, 4], 1), draw([2, 5, 4], 2)];
  close(model.apply([q, v]) as Tensor, layer.apply([q, v]) as Tensor);
});

test('refuses other than a list of sequences and a list of masks', () => {
  const q = ones([1, 2, 4]);
  refuses(() => new Attention().apply(q), 'Attention: expected query [B, T, C], value [B, S, V] and perhaps key [B, S, C], got [1, 2, 4] alone.');
  refuses(() => new AdditiveAttention().apply([q, ones([2, 4])]), 'AdditiveAttention: expected query [B, T, C], value [B, S, V] and perhaps key [B, S, C], got [1, 2, 4], [2, 4].');
  refuses(() => new Attention().apply([q, q], { mask: ones([1, 2], { dtype: 'bool' }) }), 'Attention: mask must be a list, [queryMask, valueMask]; null where there is none.');
  refuses(() => new Attention({ scoreMode: 'general' as 'dot' }), "Attention: there is no scoreMode 'general'; use 'dot' or 'concat'.");
  refuses(() => new Attention({ dropout: 1 }), 'Attention: dropout is 1; it must be in [0, 1).');
});
test.run();
