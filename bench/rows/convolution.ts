/** How fast is a convolution, and how fast are its gradients? */
import { conv2d } from '@heed/tensor';
import { withGradients, type Floors, type FunctionRow } from '../row.js';

/** B images of S x S places with C channels, by a 3 x 3 kernel with F filters. */
export const convolutionOf = ([B, S, C, F]: readonly [number, number, number, number], floors: Floors): FunctionRow => ({
  kind: 'function',
  name: `convolution ${B}x${S}x${S}x${C} -> ${F}, 3x3 same`,
  floors,
  otherFor: ['jax', 'ort', 'torch'],
  operands: [{ shape: [B, S, S, C], seed: 1, other: [0, 3, 1, 2], channelsLast: true }, { shape: [3, 3, C, F], seed: 2, scale: 0.1, other: [3, 2, 0, 1], channelsLast: true }],
  result: { shape: [B, S, S, F], other: [0, 3, 1, 2], channelsLast: true },
  heed: (x, kernel) => conv2d(x, kernel, { padding: 'same' }),
  tfjs: (tf, x, kernel) => tf.conv2d(x, kernel, 1, 'same'),
  jax: ({ lax }, x, kernel) => lax.convGeneralDilated(x, kernel, [1, 1], 'SAME'),
  ort: (g, x, kernel) => g.node('Conv', [x, kernel], { pads: [1, 1, 1, 1] }),
  torch: 'lambda x, kernel: F.conv2d(x, kernel, padding=1)',
  flops: 2 * B * S * S * F * 9 * C,
});

const convolution = convolutionOf([32, 32, 32, 64], { js: 1.1, torch: 0.37 });

export const rows: readonly FunctionRow[] = [
  convolution,
  // The gradient of the kernel is a sum of 32,768 products.
  withGradients(convolution, 2, { floors: { torch: 0.4 }, tolerance: 1e-4 }),
];
