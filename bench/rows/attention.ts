/** How fast is causal attention, and how fast are its gradients? */
import { scaledDotProductAttention } from '@heed/attention';
import { withGradients, type FunctionRow, type Rival } from '../row.js';
import { tfjsAttention } from './parts.js';

const [B, T, H, D] = [4, 512, 8, 64];
const operand = (seed: number) => ({ shape: [B, T, H, D], seed, other: [0, 2, 1, 3] });
/** 0 where a query may look, a large negative number where it may not: [T, T]. */
const bias = Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -1e9 : 0));
let held: Rival;

const attention: FunctionRow = {
  kind: 'function',
  name: 'causal attention B4 H8 S512 D64',
  floors: { js: 6, torch: 0.9 },
  otherFor: ['tfjs', 'ort', 'torch'],
  operands: [operand(1), operand(2), operand(3)],
  result: { shape: [B, T, H, D], other: [0, 2, 1, 3] },
  heed: (q, k, v) => scaledDotProductAttention(q, k, v, { causal: true }),
  tfjs: (tf, q, k, v) => tfjsAttention(tf, q, k, v, (held ??= tf.keep(tf.tensor(bias, [T, T])))),
  jax: ({ nn }, q, k, v) => nn.dotProductAttention(q, k, v, { isCausal: true }),
  ort: (g, q, k, v) => {
    const scores = g.node('MatMul', [g.node('Mul', [q, g.constant(Float32Array.of(1 / Math.sqrt(D)), [])]), g.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
    return g.node('MatMul', [g.node('Softmax', [g.node('Add', [scores, g.constant(bias, [T, T])])], { axis: -1 }), v]);
  },
  torch: 'lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)',
  // Half of what the whole matrix of scores would take.
  flops: 2 * B * H * T * T * D,
  tolerance: 2e-5,
};

export const rows: readonly FunctionRow[] = [
  attention,
  withGradients(attention, 3, { floors: { js: 5, torch: 1.2 }, flops: 3.5 * 2 * B * H * T * T * D }),
];
