/** How fast is causal attention, and how fast are its gradients? */
import { scaledDotProductAttention } from '@heed/attention';
import { withGradients, type Floors, type FunctionRow, type Rival } from '../row.js';
import { tfjsAttention } from './parts.js';

/** 0 where a query may look, a large negative number where it may not: [T, T]. */
const biasOf = (T: number): Float32Array => Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -1e9 : 0));

/** B sequences of T places, H heads of D numbers. */
export function attentionOf([B, T, H, D]: readonly [number, number, number, number], floors: Floors): FunctionRow {
  const operand = (seed: number) => ({ shape: [B, T, H, D], seed, other: [0, 2, 1, 3] });
  let held: Rival;
  return {
    kind: 'function',
    name: `causal attention B${B} H${H} S${T} D${D}`,
    floors,
    otherFor: ['tfjs', 'ort', 'torch'],
    operands: [operand(1), operand(2), operand(3)],
    result: { shape: [B, T, H, D], other: [0, 2, 1, 3] },
    heed: (q, k, v) => scaledDotProductAttention(q, k, v, { causal: true }),
    tfjs: (tf, q, k, v) => tfjsAttention(tf, q, k, v, (held ??= tf.keep(tf.tensor(biasOf(T), [T, T])))),
    jax: ({ nn }, q, k, v) => nn.dotProductAttention(q, k, v, { isCausal: true }),
    ort: (g, q, k, v) => {
      const scores = g.node('MatMul', [g.node('Mul', [q, g.constant(Float32Array.of(1 / Math.sqrt(D)), [])]), g.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
      return g.node('MatMul', [g.node('Softmax', [g.node('Add', [scores, g.constant(biasOf(T), [T, T])])], { axis: -1 }), v]);
    },
    torch: 'lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)',
    // Half of what the whole matrix of scores would take.
    flops: 2 * B * H * T * T * D,
    tolerance: 2e-5,
  };
}

/** With the gradients of queries, keys and values: five products of T x T where the value has two. */
export const attentionGradients = (row: FunctionRow, floors: Floors): FunctionRow => withGradients(row, 3, { floors, flops: 3.5 * row.flops! });

const attention = attentionOf([4, 512, 8, 64], { js: 6, torch: 0.9 });

export const rows: readonly FunctionRow[] = [
  attention,
  attentionGradients(attention, { js: 5, torch: 1.2 }),
];
