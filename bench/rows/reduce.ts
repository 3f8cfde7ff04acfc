/** How fast are sums along an axis, and a transposed copy? */
import { sum, transpose } from '@heed/tensor';
import { sizeOf } from '../operands.js';
import type { Floors, FunctionRow } from '../row.js';

const shape = [2048, 2048] as const;
const floors = { js: 1.2, torch: 0.7 };

export const along = (axis: 0 | 1, shape: readonly [number, number], floors: Floors): FunctionRow => ({
  kind: 'function',
  name: `sum [${shape.join()}], axis ${axis}`,
  floors,
  operands: [{ shape, seed: 1 }],
  result: { shape: [shape[1 - axis]!] },
  heed: (x) => sum(x, { axis }),
  tfjs: (tf, x) => tf.sum(x, axis),
  jax: ({ numpy: np }, x) => np.sum(x, axis),
  ort: (g, x) => g.node('ReduceSum', [x, g.constant([axis])], { keepdims: 0 }),
  torch: `lambda x: x.sum(${axis})`,
  gpujs: { output: [shape[1 - axis]!], kernel: `function (x) { let sum = 0; for (let i = 0; i < ${shape[axis]}; i++) { sum += x${axis ? '[this.thread.x][i]' : '[i][this.thread.x]'}; } return sum; }` },
  bytes: 4 * sizeOf(shape),
});

export const rows: readonly FunctionRow[] = [
  along(0, shape, floors),
  along(1, shape, floors),
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
