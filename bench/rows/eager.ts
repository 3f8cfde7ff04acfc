/** What does one small op cost, run by itself? */
import { add, mul, type Tensor } from '@heed/tensor';
import { withGradients, type FunctionRow, type Rival } from '../row.js';

const small: FunctionRow = {
  kind: 'function',
  name: 'eager add [8,8], us',
  floors: { js: 3, torch: 2 },
  eager: true,
  per: 1,
  operands: [{ shape: [8, 8], seed: 1 }, { shape: [8, 8], seed: 2 }],
  result: { shape: [8, 8] },
  heed: (a, b) => add(a, b),
  tfjs: (tf, a, b) => tf.add(a, b),
  jax: ({ numpy: np }, a, b) => np.add(a, b),
  ort: { reason: 'it has no eager mode' },
  torch: 'lambda a, b: a + b',
};

/** x times a plus b, 500 times over: 1,000 ops, each on what the one before gave. */
const links = 500;
const chain: FunctionRow = {
  ...small,
  name: 'eager scalar chain of 1,000 ops',
  per: 1000,
  operands: [{ shape: [], seed: 1 }, { shape: [], seed: 2, scale: 0, shift: 0.999 }, { shape: [], seed: 3, scale: 0.001 }],
  result: { shape: [] },
  heed: (x, a, b) => {
    let y: Tensor = x;
    for (let i = 0; i < links; i++) y = add(mul(y, a), b);
    return y;
  },
  tfjs: (tf, x, a, b) => {
    let y: Rival = x;
    for (let i = 0; i < links; i++) y = tf.add(tf.mul(y, a), b);
    return y;
  },
  jax: ({ numpy: np }, x, a, b) => {
    let y: Rival = x;
    for (let i = 0; i < links; i++) y = np.add(np.multiply(y, i < links - 1 ? a.ref : a), i < links - 1 ? b.ref : b);
    return y;
  },
  torch: `lambda x, a, b: __import__('functools').reduce(lambda y, _: y * a + b, range(${links}), x)`,
  tolerance: 1e-4,
};

export const rows: readonly FunctionRow[] = [
  small,
  withGradients(small, 2, { name: 'eager add [8,8] taped, with gradients, us', floors: { js: 12, torch: 2 } }),
  withGradients(chain, 1, { name: 'eager scalar chain of 1,000 ops, with gradient, us/op', floors: { js: 15, torch: 4 } }),
];
