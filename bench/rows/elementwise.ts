/** How fast is work that takes every element by itself? */
import { add, gelu } from '@heed/tensor';
import { sizeOf } from '../operands.js';
import type { Floors, FunctionRow } from '../row.js';
import { tfjsGelu } from './parts.js';

const big = [2048, 2048];

/** A second operand of the same shape, or one that is added to every row. */
export const addition = (name: string, shape: readonly number[], second: readonly number[], floors: Floors): FunctionRow => ({
  kind: 'function',
  name,
  floors,
  operands: [{ shape, seed: 1 }, { shape: second, seed: 2 }],
  result: { shape },
  heed: (a, b) => add(a, b),
  tfjs: (tf, a, b) => tf.add(a, b),
  jax: ({ numpy: np }, a, b) => np.add(a, b),
  ort: (g, a, b) => g.node('Add', [a, b]),
  torch: 'lambda a, b: a + b',
  gpujs: { output: shape, kernel: `function (a, b) { return a[this.thread.y][this.thread.x] + b${second.length > 1 ? '[this.thread.y]' : ''}[this.thread.x]; }` },
  bytes: 4 * sizeOf(shape) * (second.length > 1 ? 3 : 2),
});

export const geluOf = (name: string, shape: readonly number[], floors: Floors, bytes?: number): FunctionRow => ({
  kind: 'function',
  name,
  floors,
  operands: [{ shape, seed: 1 }],
  result: { shape },
  heed: (x) => gelu(x, { approximate: true }),
  tfjs: tfjsGelu,
  jax: ({ nn }, x) => nn.gelu(x, { approximate: true }),
  ort: (g, x) => g.node('Gelu', [x], { approximate: 'tanh' }),
  torch: `lambda x: F.gelu(x, approximate='tanh')`,
  gpujs: { output: shape, kernel: 'function (x) { const v = x[this.thread.y][this.thread.x]; return v / (1 + Math.exp(-1.5957691216057308 * v * (1 + 0.044715 * v * v))); }' },
  bytes,
});

const floors = { js: 0.95, torch: 0.7 };
export const rows: readonly FunctionRow[] = [
  addition('add 4M', big, big, floors),
  addition('add [2048,2048] [2048]', big, [2048], floors),
  geluOf('GELU 4M', big, { js: 1.5, torch: 1.5 }),
];
