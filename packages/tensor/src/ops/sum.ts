/** Sums, and their transpose, repetition: what broadcasting needs in both directions. */
import { reduceFamily } from '../backends/js/reduce.js';
import { tensor, type Like } from '../create.js';
import { ShapeError } from '../errors.js';
import { defineOp, run1 } from '../op.js';
import { broadcastStrides, checkShape, formatShape, normalizeAxes, reducedShape, sameShape, type Axis, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { reshape } from './reshape.js';
import { withOp } from './with-op.js';

export interface ReduceOptions {
  readonly axis?: Axis;
  readonly keepDims?: boolean;
}
export interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

export const sumOp = defineOp<ReduceAttributes>({
  name: 'sum',
  infer: ([x], { axes, keepDims }) => [{ shape: reducedShape(x!.shape, axes, keepDims), dtype: x!.dtype === 'bool' ? 'int32' : x!.dtype }],
  lower: (_, { axes }) => ({ family: reduceFamily, params: { kind: 'sum', axes } }),
  vjp: [([g], { x, a }) => broadcastTo(reshape(g!, reducedShape(x[0]!.shape, a.axes, true)), x[0]!.shape)],
  reads: { inputs: [], outputs: [] },
});

/**
 * Adds the elements along some axes, or all of them: y = sum_i x_i. Booleans count as 0 and 1, in int32.
 *
 * Shape:    x [..., n, ...] -> y [..., ...], or [..., 1, ...] with keepDims. The sum of nothing is 0.
 * Gradient: g, repeated along the axes.
 * Numerics: js adds in float64 and rounds once.
 */
export const sum = /* @__PURE__ */ withOp(sumOp, (x: Like, { axis, keepDims = false }: ReduceOptions = {}): Tensor => {
  const t = tensor(x);
  const axes = normalizeAxes('sum', axis, t.shape);
  return axes.length || t.dtype === 'bool' ? run1(sumOp, [t], { axes, keepDims }) : t;
});

export const broadcastToOp = defineOp<{ readonly shape: Shape }>({
  name: 'broadcastTo',
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  view: (x, { shape }) => ({ shape, strides: broadcastStrides(x.shape, x.strides, shape), offset: x.offset }),
  vjp: [([g], { x }) => sumTo(g!, x[0]!.shape)],
  reads: { inputs: [], outputs: [] },
});

/**
 * x repeated along new axes and axes of size 1 until it has the given shape. A view: nothing is copied.
 *
 * Gradient: g, summed over the repetitions.
 */
export const broadcastTo = /* @__PURE__ */ withOp(broadcastToOp, (x: Like, shape: Shape): Tensor => {
  const t = tensor(x);
  checkShape('broadcastTo', shape);
  const lead = shape.length - t.rank;
  if (lead < 0 || t.shape.some((n, i) => n !== 1 && n !== shape[i + lead])) {
    throw new ShapeError(`broadcastTo: cannot broadcast x ${formatShape(t.shape)} to ${formatShape(shape)}; sizes must be equal or 1, counted from the last axis.`);
  }
  return sameShape(t.shape, shape) ? t : run1(broadcastToOp, [t], { shape });
});

/** x summed over the axes along which `shape` was repeated to give it: the transpose of broadcastTo. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return reshape(cast(run1(sumOp, [x], { axes, keepDims: true }), x.dtype), shape);
}
