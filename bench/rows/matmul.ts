/** How fast are matrices multiplied? */
import { matmul } from '@heed/tensor';
import type { Floors, FunctionRow } from '../row.js';

interface Turned {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** a b, for a [..., m, k] and b [..., k, n]; a transposed operand is held the other way round. */
export function product(name: string, lead: readonly number[], [m, k, n]: readonly [number, number, number], floors: Floors, { transposeA = false, transposeB = false }: Turned = {}): FunctionRow {
  const batch = lead.reduce((p, q) => p * q, 1);
  const axes = [...lead.keys(), lead.length + 1, lead.length];
  return {
    kind: 'function',
    name,
    floors,
    operands: [{ shape: [...lead, ...(transposeA ? [k, m] : [m, k])], seed: 1 }, { shape: [...lead, ...(transposeB ? [n, k] : [k, n])], seed: 2 }],
    result: { shape: [...lead, m, n] },
    heed: (a, b) => matmul(a, b, { transposeA, transposeB }),
    tfjs: (tf, a, b) => tf.matMul(a, b, transposeA, transposeB),
    jax: ({ numpy: np }, a, b) => np.matmul(transposeA ? np.matrixTranspose(a) : a, transposeB ? np.matrixTranspose(b) : b),
    ort: (g, a, b) => g.node('MatMul', [transposeA ? g.node('Transpose', [a], { perm: axes }) : a, transposeB ? g.node('Transpose', [b], { perm: axes }) : b]),
    torch: `lambda a, b: ${transposeA ? 'a.mT' : 'a'} @ ${transposeB ? 'b.mT' : 'b'}`,
    flops: 2 * batch * m * k * n,
    ...(lead.length || transposeA || transposeB ? {} : { gpujs: { output: [m, n], kernel: `function (a, b) { let sum = 0; for (let i = 0; i < ${k}; i++) { sum += a[this.thread.y][i] * b[i][this.thread.x]; } return sum; }` } }),
    tolerance: 1e-5,
  };
}

const usual = { js: 1.3, torch: 0.4 };
export const square = (size: number, turned?: Turned, floors: Floors = usual): FunctionRow =>
  product(`matmul ${size}${turned?.transposeA ? ', a transposed' : turned?.transposeB ? ', b transposed' : ''}`, [], [size, size, size], floors, turned);

export const rows: readonly FunctionRow[] = [
  ...[128, 256, 512, 1024, 2048].map((size) => square(size)),
  ...[128, 256, 512, 1024, 2048].flatMap((size) => [square(size, { transposeA: true }), square(size, { transposeB: true })]),
  product('matmul [32,128,64] [32,64,128]', [32], [128, 64, 128], usual),
  product('matmul [1,1024] [1024,1024]', [], [1, 1024, 1024], { js: 0.95, torch: 0.7 }),
];
