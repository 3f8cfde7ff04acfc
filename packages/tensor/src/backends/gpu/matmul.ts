/** Matrix products: in pieces that the device binds, by the kernel that suits their shape, long sums in parts. */
import type { Expr } from '../../scalar/expression.js';
import type { MatmulParams } from '../js/matmul.js';
import { broadcastShapes, sizeOf } from '../../shape.js';
import { choose, chunkOf, tiles, type Choice } from './choice.js';
import type { Dispatch } from './device.js';
import { joined } from './finish.js';
import { planMatrices } from './matrices.js';
import { planCopy } from './map.js';
import { planTiles } from './gemm.js';
import { planCells, planVectors } from './gemv.js';
import { allFloat, type Context } from './plan.js';
import type { Spec } from '../../tensor.js';
import { parts, pieces, productOf, type Product } from './product.js';
import { margin, spanOf, type GpuView } from './shader.js';

/** Operands of an epilogue, at most: bindings are few. */
const mostOthers = 4;

export function fitsMatmul({ taken = [] }: MatmulParams, inputs: readonly Spec[], outputs: readonly Spec[]): boolean {
  return allFloat(inputs.slice(0, 2)) && outputs.length === 1 && inputs.length <= 2 + mostOthers && taken.every((shape, i) => !shape || (i < 2 && parts(inputs[i]!.shape, shape)));
}

/** a [..., M, K], b [..., K, N] -> y [..., M, N], batches broadcast, or an epilogue of it; in parts where an operand is more than a kernel reaches, from a dense copy where that is less. */
export function planMatmul(context: Context, { taken = [] }: MatmulParams, inputs: readonly GpuView[], y: GpuView, epilogue?: readonly Expr[]): Dispatch[] {
  const { gpu } = context;
  const [p, q] = [taken[0] ?? inputs[0]!.shape, taken[1] ?? inputs[1]!.shape];
  const shape = [...broadcastShapes('matmul', [p, q], ['a', 'b'], 2), p[p.length - 2]!, q[q.length - 1]!];
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1));
  const copies: Dispatch[] = [];
  const near = inputs.map((v, i): GpuView => {
    if (taken[i] || spanOf(v) <= gpu.mostBound || sizeOf(v.shape) * 4 + margin > gpu.mostBound) return v;
    const dense = context.scratch({ shape: v.shape, dtype: v.dtype });
    copies.push(...planCopy(context, v, dense));
    return dense;
  });
  const products = pieces(near, { ...y, shape, strides }, gpu.mostBound, !taken.some(Boolean))
    .flatMap((piece) => {
      const product = productOf(piece.inputs, piece.y, epilogue?.[0], taken);
      return planProduct(context, product, choose(gpu, product));
    });
  return [...copies, ...products];
}

/** A product in a chosen way. */
export function planProduct(context: Context, product: Product, choice: Choice): Dispatch[] {
  if (choice.way === 'cells') return [planCells(context, product)];
  if (choice.way === 'matrices') return [planMatrices(context, product)];
  const step = choice.way === 'tiles' ? tiles[choice.tile]!.k : 4;
  const chunk = chunkOf(product.k, choice.splits, step);
  const splits = Math.max(1, Math.ceil(product.k / chunk));
  const plan = (p: Product, parts: number): Dispatch =>
    choice.way === 'tiles' ? planTiles(context, p, tiles[choice.tile]!, parts, chunk) : planVectors(context, p, choice.slices, parts, chunk);
  if (splits === 1) return [plan(product, 1)];
  const { y, batch: { sizes, strides }, m, n } = product;
  const sums = context.scratch({ shape: [splits, ...sizes, m, n], dtype: 'float32' });
  const alone = { ...product, others: [], epilogue: undefined, y: sums, batch: { sizes, strides: [strides[0]!, strides[1]!, strides[strides.length - 1]!] } };
  return [plan(alone, splits), joined(context, { ...product, y }, sums, splits)];
}
