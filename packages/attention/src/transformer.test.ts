import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, concat, mean, mul, ones, random, slice, square, sum, tensor, zeros, type Tensor } from '@heed/tensor';
import { withBackend } from '@heed/tensor/use-backend';
import { close, refuses } from '@heed/tensor/testing';
import { valueAndGrad } from '@heed/autograd';
import { checkGradient } from '@heed/autograd/testing';
import { Input, Model } from '@heed/layers';
import { paddingMask, TransformerDecoder, TransformerEncoder } from './index.js';

const test = suite('transformer');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });
const lengths = (...n: number[]) => tensor(Int32Array.from(n));
/** x with other numbers from place `from` on. */
const changed = (x: Tensor, from: number) => concat([slice(x, null, [0, from]), draw([x.shape[0]!, x.shape[1]! - from, x.shape[2]!], 99)], { axis: 1 });
const o = { intermediateDim: 7, numHeads: 2 };

test('an encoder block brings each place to mean 0 and variance 1', () => {
  const y = new TransformerEncoder(o).apply(draw([2, 3, 4], 1)) as Tensor;
  close(mean(y, { axis: -1 }), zeros([2, 3]));
  close(mean(square(y), { axis: -1 }), ones([2, 3]), { atol: 1e-3 });
});

test('blocks that normalize first and whose kernels are 0 change nothing', () => {
  const x = draw([2, 3, 4], 1);
  for (const block of [new TransformerEncoder({ ...o, normalizeFirst: true }), new TransformerDecoder({ ...o, normalizeFirst: true })]) {
    block.apply(x);
    block.setWeights(block.weights.map((w) => zeros([...w.shape])));
    close(block.apply(x), x);
  }
});

test('an encoder block is its parts, one after another', () => {
  const block = new TransformerEncoder({ ...o, activation: 'tanh', name: 'parts' });
  const x = draw([2, 3, 4], 1);
  const [y, weights] = block.apply(x, { returnAttentionScores: true }) as [Tensor, Tensor];
  const w = Object.fromEntries(block.weights.map((v) => [v.name.replace('parts/', ''), v.value])) as Record<string, Tensor>;
  const norm = (t: Tensor) => t.sub(mean(t, { axis: -1, keepDims: true })).div(square(t.sub(mean(t, { axis: -1, keepDims: true }))).mean({ axis: -1, keepDims: true }).add(1e-5).sqrt());
  let attended: Tensor = zeros([2, 3, 4]);
  for (const h of [0, 1]) {
    const values = x.matmul(slice(w['self_attention_layer/value/kernel']!, null, h));
    attended = attended.add(slice(weights, null, h).matmul(values).matmul(slice(w['self_attention_layer/attention_output/kernel']!, h)));
  }
  const first = norm(x.add(attended));
  close(y, norm(first.add(first.matmul(w['feedforward_intermediate_dense/kernel']!).tanh().matmul(w['feedforward_output_dense/kernel']!))), { atol: 1e-4 });
  close(sum(weights, { axis: -1 }), ones([2, 2, 3]));
});

test('padding does not reach real places', () => {
  const x = draw([2, 5, 4], 1);
  const m = paddingMask(lengths(3, 3), 5);
  for (const normalizeFirst of [false, true]) {
    const block = new TransformerEncoder({ ...o, normalizeFirst });
    const of = (v: Tensor) => slice(block.apply(v, { paddingMask: m }) as Tensor, null, [0, 3]);
    close(of(changed(x, 3)), of(x));
  }
});

test('a decoder block sees no later place, unless it may', () => {
  const x = draw([2, 5, 4], 1);
  const block = new TransformerDecoder(o);
  const of = (v: Tensor, useCausalMask: boolean) => slice(block.apply(v, { useCausalMask }) as Tensor, null, [0, 2]);
  close(of(changed(x, 2), true), of(x, true));
  assert.throws(() => close(of(changed(x, 2), false), of(x, false)));
});

test('a decoder block reads the encoder up to its padding', () => {
  const [x, e] = [draw([2, 3, 4], 1), draw([2, 5, 6], 2)];
  const block = new TransformerDecoder(o);
  const of = (v: Tensor, n: number) => block.apply(x, v, { encoderPaddingMask: paddingMask(lengths(n, n), 5) }) as Tensor;
  close(of(changed(e, 3), 3), of(e, 3));
  assert.throws(() => close(of(changed(e, 3), 4), of(e, 4)));
});

test('weights have the names, order and shapes of KerasHub', () => {
  const encoder = new TransformerEncoder({ ...o, name: 'e' });
  encoder.apply(ones([1, 2, 6]));
  const attention = (name: string, from: number) => [
    [`${name}/query/kernel`, '6,2,3'], [`${name}/query/bias`, '2,3'], [`${name}/key/kernel`, `${from},2,3`], [`${name}/key/bias`, '2,3'],
    [`${name}/value/kernel`, `${from},2,3`], [`${name}/value/bias`, '2,3'], [`${name}/attention_output/kernel`, '2,3,6'], [`${name}/attention_output/bias`, '6'],
  ];
  const norm = (name: string) => [[`${name}/gamma`, '6'], [`${name}/beta`, '6']];
  const dense = [['feedforward_intermediate_dense/kernel', '6,7'], ['feedforward_intermediate_dense/bias', '7'], ['feedforward_output_dense/kernel', '7,6'], ['feedforward_output_dense/bias', '6']];
  const found = (block: TransformerEncoder | TransformerDecoder) => block.weights.map((w) => [w.name.slice(2), w.shape.join()]);
  assert.equal(found(encoder), [...attention('self_attention_layer', 6), ...norm('self_attention_layer_norm'), ...norm('feedforward_layer_norm'), ...dense]);
  const decoder = new TransformerDecoder({ ...o, name: 'd' });
  decoder.apply(ones([1, 2, 6]), ones([1, 3, 8]));
  assert.equal(found(decoder), [
    ...attention('self_attention', 6), ...norm('self_attention_layer_norm'), ...attention('cross_attention', 8), ...norm('cross_attention_layer_norm'), ...dense, ...norm('feedforward_layer_norm'),
  ]);
});

test('gradients of input and weights agree with central differences', async () => {
  const decoder = new TransformerDecoder({ ...o, activation: 'tanh', normalizeFirst: true, dtype: 'float64' });
  const [x, e] = [draw([2, 3, 4], 1).cast('float64'), draw([2, 5, 4], 2).cast('float64')];
  await checkGradient((a, b) => decoder.apply(a!, b!) as Tensor, [x, e], { order: 1 });
  withBackend('js', () => {
    const loss = () => sum(square(decoder.apply(x, e) as Tensor));
    const [, gradients] = valueAndGrad(loss, decoder.trainableWeights);
    decoder.trainableWeights.forEach((w, i) => {
      const [at, direction] = [w.value, random.normal([...w.shape], { seed: i }).cast('float64')];
      const value = (step: number) => {
        w.assign(add(at, mul(direction, step)));
        return loss().item() as number;
      };
      const slope = (value(1e-5) - value(-1e-5)) / 2e-5;
      w.assign(at);
      const claimed = sum(mul((gradients as Tensor[])[i]!, direction)).item() as number;
      assert.ok(Math.abs(claimed - slope) <= 1e-5 * Math.max(1, Math.abs(slope)), `${w.name}: ${claimed}, ${slope}`);
    });
  });
});

test('dropout acts in training only, and its seed repeats it', () => {
  const x = draw([2, 3, 4], 1);
  const make = () => {
    const block = new TransformerEncoder({ ...o, dropout: 0.5, seed: 3 });
    block.apply(x);
    block.setWeights(block.weights.map((w, i) => draw([...w.shape], i)));
    return block;
  };
  const [a, b] = [make(), make()];
  close(a.apply(x), b.apply(x));
  const dropped = a.apply(x, { training: true }) as Tensor;
  close(dropped, b.apply(x, { training: true }));
  assert.throws(() => close(dropped, a.apply(x)));
});

test('blocks stand in functional models', () => {
  const [source, target] = [Input({ shape: [null, 4] }), Input({ shape: [null, 4] })];
  const [encoder, decoder] = [new TransformerEncoder(o), new TransformerDecoder(o)];
  const y = decoder.apply(target, encoder.apply(source));
  assert.equal(y.shape, [null, null, 4]);
  const model = new Model({ inputs: [source, target], outputs: y });
  const [s, t] = [draw([2, 5, 4], 1), draw([2, 3, 4], 2)];
  close(model.apply([s, t]) as Tensor, decoder.apply(t, encoder.apply(s)) as Tensor);
  assert.is(model.weights.length, encoder.weights.length + decoder.weights.length);
});

test('refuses more heads than channels, sizes that are none, and a decoder called in two ways', () => {
  refuses(() => new TransformerEncoder({ intermediateDim: 4, numHeads: 8 }).apply(ones([1, 2, 4])), 'TransformerEncoder: x [1, 2, 4] has 4 channels for 8 heads; there must be at least one for each.');
  refuses(() => new TransformerEncoder(o).apply(ones([2, 4])), 'TransformerEncoder: expected x [B, T, C], got [2, 4].');
  refuses(() => new TransformerDecoder({ intermediateDim: NaN, numHeads: 8 }), 'TransformerDecoder: intermediateDim is NaN; it must be a whole number >= 1.');
  refuses(() => new TransformerDecoder({ ...o, dropout: 1 }), 'TransformerDecoder: dropout is 1; it must be in [0, 1).');
  const decoder = new TransformerDecoder(o);
  decoder.apply(ones([1, 2, 4]));
  refuses(() => decoder.apply(ones([1, 2, 4]), ones([1, 2, 4])), "TransformerDecoder: it was built without an encoder's sequence and is called with one; every call must be like the first.");
});
test.run();
