/** How fast are rows normalized: softmax and layer norm? */
import { layerNorm, softmax } from '@heed/tensor';
import { withGradients, type Floors, type FunctionRow } from '../row.js';
import { jaxLayerNorm, tfjsLayerNorm } from './parts.js';

const epsilon = 1e-5;

const named = (shape: readonly number[]): string => `[${shape.join()}]`;

export const soft = (shape: readonly number[], floors: Floors): FunctionRow => ({
  kind: 'function',
  name: `softmax ${named(shape)}`,
  floors,
  operands: [{ shape, seed: 1 }],
  result: { shape },
  heed: (x) => softmax(x),
  tfjs: (tf, x) => tf.softmax(x),
  jax: ({ nn }, x) => nn.softmax(x),
  ort: (g, x) => g.node('Softmax', [x], { axis: -1 }),
  torch: 'lambda x: F.softmax(x, -1)',
});

export const norm = (shape: readonly [number, number], floors: Floors): FunctionRow => ({
  kind: 'function',
  name: `layer norm ${named(shape)}`,
  floors,
  operands: [{ shape, seed: 1 }, { shape: [shape[1]], seed: 2, scale: 0.1, shift: 1 }, { shape: [shape[1]], seed: 3, scale: 0.1 }],
  result: { shape },
  heed: (x, gamma, beta) => layerNorm(x, { gamma, beta, epsilon }),
  tfjs: (tf, x, gamma, beta) => tfjsLayerNorm(tf, x, gamma, beta, epsilon),
  jax: (jax, x, gamma, beta) => jaxLayerNorm(jax, x, gamma, beta, epsilon),
  ort: (g, x, gamma, beta) => g.node('LayerNormalization', [x, gamma, beta], { axis: -1, epsilon: { float: epsilon } }),
  torch: `lambda x, gamma, beta: F.layer_norm(x, (${shape[1]},), gamma, beta, ${epsilon})`,
});

const usual = [4096, 512] as const;
const [softmaxRow, normRow] = [soft(usual, { js: 0.9, torch: 0.7 }), norm(usual, { js: 3, torch: 0.7 })];
export const rows: readonly FunctionRow[] = [
  softmaxRow,
  withGradients(softmaxRow, 1, { floors: { js: 3, torch: 0.7 } }),
  normRow,
  // A gradient of beta is a sum of 4096 numbers.
  withGradients(normRow, 3, { floors: { js: 3, torch: 0.7 }, tolerance: 3e-5 }),
];
