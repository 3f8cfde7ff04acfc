/** How fast are rows normalized: softmax and layer norm? */
import { layerNorm, softmax } from '@heed/tensor';
import { withGradients, type FunctionRow } from '../row.js';
import { jaxLayerNorm, tfjsLayerNorm } from './parts.js';

const shape = [4096, 512];
const epsilon = 1e-5;

const soft: FunctionRow = {
  kind: 'function',
  name: 'softmax [4096,512]',
  floors: { js: 0.9, torch: 0.7 },
  operands: [{ shape, seed: 1 }],
  result: { shape },
  heed: (x) => softmax(x),
  tfjs: (tf, x) => tf.softmax(x),
  jax: ({ nn }, x) => nn.softmax(x),
  ort: (g, x) => g.node('Softmax', [x], { axis: -1 }),
  torch: 'lambda x: F.softmax(x, -1)',
};

const norm: FunctionRow = {
  kind: 'function',
  name: 'layer norm [4096,512]',
  floors: { js: 3, torch: 0.7 },
  operands: [{ shape, seed: 1 }, { shape: [512], seed: 2, scale: 0.1, shift: 1 }, { shape: [512], seed: 3, scale: 0.1 }],
  result: { shape },
  heed: (x, gamma, beta) => layerNorm(x, { gamma, beta, epsilon }),
  tfjs: (tf, x, gamma, beta) => tfjsLayerNorm(tf, x, gamma, beta, epsilon),
  jax: (jax, x, gamma, beta) => jaxLayerNorm(jax, x, gamma, beta, epsilon),
  ort: (g, x, gamma, beta) => g.node('LayerNormalization', [x, gamma, beta], { axis: -1, epsilon: { float: epsilon } }),
  torch: `lambda x, gamma, beta: F.layer_norm(x, (512,), gamma, beta, ${epsilon})`,
};

export const rows: readonly FunctionRow[] = [
  soft,
  withGradients(soft, 1, { floors: { js: 3, torch: 0.7 } }),
  norm,
  // A gradient of beta is a sum of 4096 numbers.
  withGradients(norm, 3, { floors: { js: 3, torch: 0.7 }, tolerance: 3e-5 }),
];
