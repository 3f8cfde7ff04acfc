/** How fast is work that takes every element by itself? */
import { add, gelu } from '@heed/tensor';
import type { FunctionRow } from '../row.js';

const big = [2048, 2048];
const bytes = 4 * 2048 * 2048;

const sum = (name: string, second: readonly number[], moved: number): FunctionRow => ({
  kind: 'function',
  name,
  floors: { js: 0.95, torch: 0.7 },
  operands: [{ shape: big, seed: 1 }, { shape: second, seed: 2 }],
  result: { shape: big },
  heed: (a, b) => add(a, b),
  tfjs: (tf, a, b) => tf.add(a, b),
  jax: ({ numpy: np }, a, b) => np.add(a, b),
  ort: (g, a, b) => g.node('Add', [a, b]),
  torch: 'lambda a, b: a + b',
  bytes: moved,
});

export const rows: readonly FunctionRow[] = [
  sum('add 4M', big, 3 * bytes),
  sum('add [2048,2048] [2048]', [2048], 2 * bytes),
  {
    kind: 'function',
    name: 'GELU 4M',
    floors: { js: 1.5, torch: 1.5 },
    operands: [{ shape: big, seed: 1 }],
    result: { shape: big },
    heed: (x) => gelu(x, { approximate: true }),
    // x sigmoid(2 u), which is the tanh form in fewer operations.
    tfjs: (tf, x) => tf.mul(x, tf.sigmoid(tf.mul(tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715), 1)), 1.5957691216057308))),
    jax: ({ nn }, x) => nn.gelu(x, { approximate: true }),
    ort: (g, x) => g.node('Gelu', [x], { approximate: 'tanh' }),
    torch: `lambda x: F.gelu(x, approximate='tanh')`,
  },
];
