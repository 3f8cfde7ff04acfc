import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { attention, random, run, tensor, transpose, withBackend, type Tensor } from '@heed/tensor';
import { close } from '@heed/tensor/testing';
import { attentionGradientOp, attentionOp } from '../../ops/attention.js';
import { backend, fastest, fill, generator, array, dense } from './testing.js';

const test = suite('wasm attention');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });
const pick = (next: () => number, list: readonly number[]) => list[Math.floor(next() * list.length)];

/** A drawn call: sizes around the strip of 16 and the block of 128, groups of heads, masks and biases of every shape, any order. */
function drawn(next: () => number, seed: number): { x: Tensor[]; a: { scale: number; reach: number | null; masked: boolean; biased: boolean } } {
  const [B, K, G] = [pick(next, [1, 2]), pick(next, [1, 2]), pick(next, [1, 3])];
  const [T, S, D, V] = [pick(next, [1, 5, 16, 63, 128, 133]), pick(next, [1, 3, 31, 64, 129, 260]), pick(next, [1, 4, 7, 16]), pick(next, [1, 5, 8])];
  const H = K * G;
  const shape = [B, H, T, S].map((n) => (next() < 0.5 ? n : 1));
  const turned = (s: number[], k: number) => (next() < 0.3 ? transpose(draw([...s].reverse(), k)) : draw(s, k));
  const [masked, biased] = [next() < 0.5, next() < 0.4];
  return {
    x: [turned([B, T, H, D], seed), turned([B, S, K, D], seed + 1), turned([B, S, K, V], seed + 2),
      ...(masked ? [draw(shape, seed + 3).greater(-0.5)] : []), ...(biased ? [draw(shape, seed + 4)] : [])],
    a: { scale: 0.5, reach: pick(next, [0, 1, 2]) ? null : pick(next, [0, S - T, -2, 7]), masked, biased },
  };
}
const on = (name: 'js' | 'wasm', f: () => Tensor[]) => withBackend(name, f);
const tolerance = { rtol: 1e-5, atol: 2e-5 };

test('agrees with the smaller ops, whatever sizes, groups, masks, biases, orders and layouts', () => {
  const next = generator(1);
  for (let t = 0; t < 120; t++) {
    const { x, a } = drawn(next, 10 * t);
    const [wanted, got] = (['js', 'wasm'] as const).map((name) => on(name, () => run(attentionOp, x, a)));
    got.forEach((y, k) => close(y, wanted[k], tolerance));
  }
});

test('its gradients agree too', () => {
  const next = generator(2);
  for (let t = 0; t < 80; t++) {
    const { x: [q, k, v, ...rest], a } = drawn(next, 10 * t);
    const [y, logarithm] = on('js', () => run(attentionOp, [q, k, v, ...rest], a));
    const g = draw([...y.shape], 10 * t + 5);
    const x = [q, k, v, logarithm, draw([...logarithm.shape], 10 * t + 6), transpose(transpose(g, [3, 2, 1, 0]), [3, 2, 1, 0]), ...rest];
    const [wanted, got] = (['js', 'wasm'] as const).map((name) => on(name, () => run(attentionGradientOp, x, { ...a, needBias: false })));
    got.forEach((z, n) => close(z, wanted[n], { rtol: 1e-5, atol: 1e-4 })); // sums of up to 130 products of a few units each
  }
});

test('large scores do not overflow, and a NaN stays in its row', () => {
  const [q, k, v] = [draw([1, 70, 1, 8], 1).mul(100), draw([1, 70, 1, 8], 2).mul(100), draw([1, 70, 1, 8], 3)];
  const [wanted, got] = (['js', 'wasm'] as const).map((name) => on(name, () => [attention(q, k, v)])[0]);
  close(got, wanted, { rtol: 1e-3, atol: 1e-3 }); // scores near 10,000 have an absolute error near 1e-3
  const bad = q.mul(tensor(Float32Array.from({ length: 70 }, (_, t) => (t === 66 ? NaN : 0.01)), { shape: [1, 70, 1, 1] }));
  const y = on('wasm', () => [attention(bad, k, v)])[0].data();
  for (let t = 0; t < 70; t++) assert.is(Number.isNaN(y[8 * t]), t === 66);
});

test('prints its speed', () => {
  const [B, T, H, D] = [4, 512, 8, 64];
  const next = generator(3);
  const tensors = Array.from({ length: 4 }, () => dense(fill(array('float32', B * T * H * D), next), [B, T, H, D], 'float32'));
  const outputs = Array.from({ length: 4 }, () => dense(array('float32', B * T * H * D), [B, T, H, D], 'float32'));
  const [logarithm, delta] = [0, 1].map(() => dense(fill(array('float32', B * H * T), next), [B, H, T], 'float32'));
  const family = { name: 'attention', js() {} };
  const params = { scale: 0.125, reach: 0, masked: false, biased: false };
  const [q, k, v, g] = tensors;
  const forward = fastest(backend.prepare({ family, params: { ...params, direction: 'forward' } }, [q, k, v], [outputs[0], logarithm])!, 5);
  const backward = fastest(backend.prepare({ family, params: { ...params, direction: 'backward' } }, [q, k, v, logarithm, delta, g], outputs.slice(1))!, 5);
  console.log(`causal attention B4 T512 H8 D64: forward ${forward.toFixed(1)} ms, backward ${backward.toFixed(1)} ms`);
});

test.run();
