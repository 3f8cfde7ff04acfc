/** How fast is a convolution, and how fast are its gradients? */
import { conv2d } from '@heed/tensor';
import { withGradients, type FunctionRow } from '../row.js';

const convolution: FunctionRow = {
  kind: 'function',
  name: 'convolution 32x32x32x32 -> 64, 3x3 same',
  floors: { js: 1.1, torch: 0.37 },
  otherFor: ['jax', 'ort', 'torch'],
  operands: [{ shape: [32, 32, 32, 32], seed: 1, other: [0, 3, 1, 2], channelsLast: true }, { shape: [3, 3, 32, 64], seed: 2, scale: 0.1, other: [3, 2, 0, 1], channelsLast: true }],
  result: { shape: [32, 32, 32, 64], other: [0, 3, 1, 2], channelsLast: true },
  heed: (x, kernel) => conv2d(x, kernel, { padding: 'same' }),
  tfjs: (tf, x, kernel) => tf.conv2d(x, kernel, 1, 'same'),
  jax: ({ lax }, x, kernel) => lax.convGeneralDilated(x, kernel, [1, 1], 'SAME'),
  ort: (g, x, kernel) => g.node('Conv', [x, kernel], { pads: [1, 1, 1, 1] }),
  torch: 'lambda x, kernel: F.conv2d(x, kernel, padding=1)',
  flops: 2 * 32 * 32 * 32 * 64 * 9 * 32,
};

export const rows: readonly FunctionRow[] = [
  convolution,
  // The gradient of the kernel is a sum of 32,768 products.
  withGradients(convolution, 2, { floors: { torch: 0.4 }, tolerance: 1e-4 }),
];
