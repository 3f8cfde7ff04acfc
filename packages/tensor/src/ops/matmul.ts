/** Matrix products. */
import { matmulFamily } from '../backends/js/matmul.js';
import { tensor, type Like } from '../create.js';
import { promote, toFloat } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { defineOp, run1, type Op } from '../op.js';
import { broadcastShapes, formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { matrixTranspose, reshape } from './reshape.js';
import { sumTo } from './sum.js';
import { withOp } from './with-op.js';

export const matmulOp: Op<void> = defineOp({
  name: 'matmul',
  infer([a, b]) {
    const [p, q] = [a!.shape, b!.shape];
    const [inner, rows] = [p[p.length - 1]!, q[q.length - 2]!];
    if (inner !== rows) throw new ShapeError(`matmul: inner sizes differ: a ${formatShape(p)} has ${inner} columns, b ${formatShape(q)} has ${rows} rows.`);
    const batch = broadcastShapes('matmul', [p, q], ['a', 'b'], 2);
    return [{ shape: [...batch, p[p.length - 2]!, q[q.length - 1]!], dtype: promote(a!.dtype, b!.dtype) }];
  },
  lower: () => ({ family: matmulFamily, params: {} }),
  vjp: [
    ([g], { x: [a, b] }) => sumTo(run1(matmulOp, [g!, matrixTranspose(b!)], undefined), a!.shape),
    ([g], { x: [a, b] }) => sumTo(run1(matmulOp, [matrixTranspose(a!), g!], undefined), b!.shape),
  ],
  reads: (_, __, need) => ({ inputs: [need[1] ? 0 : -1, need[0] ? 1 : -1].filter((i) => i >= 0), outputs: [] }),
});

/**
 * Matrix product over the last two axes, the others broadcast: y_ij = sum_k a_ik b_kj. Vectors count as a row or a column.
 *
 * Shape:    a [..., M, K], b [..., K, N] -> y [..., M, N].
 * Gradient: ga = g b^T, gb = a^T g, summed where a or b was broadcast.
 */
export const matmul = /* @__PURE__ */ withOp(matmulOp, (a: Like, b: Like, { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean } = {}): Tensor => {
  let [p, q] = [tensor(a), tensor(b)];
  if (p.rank === 0 || q.rank === 0) throw new ShapeError(`matmul: a ${formatShape(p.shape)} and b ${formatShape(q.shape)} must have rank 1 or more; use mul for scalars.`);
  const dtype = toFloat(promote(p.dtype, q.dtype));
  [p, q] = [cast(p, dtype), cast(q, dtype)];
  const [vectorA, vectorB] = [p.rank === 1, q.rank === 1];
  if (vectorA) p = reshape(p, [1, p.size]);
  else if (transposeA) p = matrixTranspose(p);
  if (vectorB) q = reshape(q, [q.size, 1]);
  else if (transposeB) q = matrixTranspose(q);
  const lead = p.shape.slice(0, -1);
  let y = q.rank === 2 && p.rank > 2 && p.shape[p.rank - 1] === q.shape[0]
    ? reshape(run1(matmulOp, [reshape(p, [lead.reduce((n, d) => n * d, 1), p.shape[p.rank - 1]!]), q], undefined), [...lead, q.shape[1]!]) // [..., M, K] -> [..M, K]
    : run1(matmulOp, [p, q], undefined);
  if (vectorB) y = reshape(y, y.shape.slice(0, -1));
  if (vectorA) y = reshape(y, y.shape.filter((_, i) => i !== y.rank - (vectorB ? 1 : 2)));
  return y;
});
