/** How fast are sums along an axis, and a transposed copy? */
import { sum, transpose } from '@heed/tensor';
import type { FunctionRow } from '../row.js';

const shape = [2048, 2048];
const bytes = 4 * 2048 * 2048;
const floors = { js: 1.2, torch: 0.7 };

const along = (axis: number): FunctionRow => ({
  kind: 'function',
  name: `sum [2048,2048], axis ${axis}`,
  floors,
  operands: [{ shape, seed: 1 }],
  result: { shape: [2048] },
  heed: (x) => sum(x, { axis }),
  tfjs: (tf, x) => tf.sum(x, axis),
  jax: ({ numpy: np }, x) => np.sum(x, axis),
  ort: (g, x) => g.node('ReduceSum', [x, g.constant([axis])], { keepdims: 0 }),
  torch: `lambda x: x.sum(${axis})`,
  bytes,
});

export const rows: readonly FunctionRow[] = [
  along(0),
  along(1),
  {
    kind: 'function',
    name: 'transpose 2048',
    floors,
    operands: [{ shape, seed: 1 }],
    result: { shape },
    heed: (x) => transpose(x),
    view: true,
    tfjs: (tf, x) => tf.transpose(x),
    jax: ({ numpy: np }, x) => np.transpose(x),
    ort: (g, x) => g.node('Transpose', [x], { perm: [1, 0] }),
    torch: 'lambda x: x.T.contiguous()',
  },
];
