/** Other looks at the same elements: reshape and transpose, and what is made of them. */
import { copyFamily } from '../backends/js/copy.js';
import { tensor, type Like } from '../create.js';
import { AxisError, ShapeError } from '../errors.js';
import { defineOp, run1, type Op } from '../op.js';
import { checkShape, formatShape, normalizeAxes, normalizeAxis, reshapeStrides, sameShape, sizeOf, type Axis, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { withOp } from './with-op.js';

export const reshapeOp: Op<{ readonly shape: Shape }> = defineOp<{ readonly shape: Shape }>({
  name: 'reshape',
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  view(x, { shape }) {
    const strides = reshapeStrides(x.shape, x.strides, shape);
    return strides && { shape, strides, offset: x.offset };
  },
  lower: () => ({ family: copyFamily, params: {} }),
  vjp: [([g], { x }) => reshape(g!, x[0]!.shape)],
  reads: { inputs: [], outputs: [] },
});

/**
 * The elements in the same row-major order under another shape; one size may be -1 and is worked out.
 * A view where strides can express it, a copy otherwise.
 *
 * Gradient: g, reshaped back.
 */
export const reshape = /* @__PURE__ */ withOp(reshapeOp, (x: Like, shape: Shape): Tensor => {
  const t = tensor(x);
  if (!Array.isArray(shape)) checkShape('reshape', shape);
  const free = shape.indexOf(-1);
  let target = shape;
  if (free >= 0) {
    const rest = shape.reduce((n, d, i) => (i === free ? n : n * d), 1);
    target = shape.map((d, i) => (i === free ? (rest === 0 ? 0 : t.size / rest) : d));
    if (!Number.isInteger(target[free]) || shape.indexOf(-1, free + 1) >= 0 || (rest === 0 && t.size > 0)) {
      throw new ShapeError(`reshape: x ${formatShape(t.shape)} has ${t.size} elements, ${formatShape(shape)} cannot hold them; one size may be -1 and the others must divide ${t.size}.`);
    }
  }
  checkShape('reshape', target);
  if (sizeOf(target) !== t.size) throw new ShapeError(`reshape: x ${formatShape(t.shape)} has ${t.size} elements, ${formatShape(target)} needs ${sizeOf(target)}.`);
  return sameShape(t.shape, target) ? t : run1(reshapeOp, [t], { shape: target });
});

export const transposeOp: Op<{ readonly axes: readonly number[] }> = defineOp<{ readonly axes: readonly number[] }>({
  name: 'transpose',
  infer: ([x], { axes }) => [{ shape: axes.map((i) => x!.shape[i]!), dtype: x!.dtype }],
  view: (x, { axes }) => ({ shape: axes.map((i) => x.shape[i]!), strides: axes.map((i) => x.strides[i]!), offset: x.offset }),
  vjp: [([g], { a }) => run1(transposeOp, [g!], { axes: a.axes.map((_, i) => a.axes.indexOf(i)) })],
  reads: { inputs: [], outputs: [] },
});

/**
 * x with its axes in another order, by default reversed. A view: nothing is copied.
 *
 * Shape:    y.shape[i] = x.shape[axes[i]].
 * Gradient: g, with the axes put back.
 */
export const transpose = /* @__PURE__ */ withOp(transposeOp, (x: Like, axes?: readonly number[]): Tensor => {
  const t = tensor(x);
  const order = (axes ?? t.shape.map((_, i) => -1 - i)).map((a) => normalizeAxis('transpose', a, t.shape));
  if (order.length !== t.rank || new Set(order).size !== t.rank) {
    throw new AxisError(`transpose: axes ${formatShape(axes!)} are no order of the axes of x ${formatShape(t.shape)}; give each of its ${t.rank} axes once.`);
  }
  return order.every((a, i) => a === i) ? t : run1(transposeOp, [t], { axes: order });
});

/** The last two axes exchanged: the transpose of each matrix in a batch. */
export const matrixTranspose = (x: Tensor): Tensor => run1(transposeOp, [x], { axes: [...x.shape.keys()].map((i) => (i < x.rank - 2 ? i : 2 * x.rank - 3 - i)) });

/** A new axis of size 1 at position `axis` of the result. */
export const expandDims = (x: Like, axis: number): Tensor => insertAxis('expandDims', tensor(x), axis);

/** expandDims, speaking as `who`. */
export function insertAxis(who: string, t: Tensor, axis: number): Tensor {
  if (!Number.isInteger(axis) || axis < -t.rank - 1 || axis > t.rank) {
    throw new AxisError(`${who}: axis ${axis} is out of range for x ${formatShape(t.shape)}: the result has rank ${t.rank + 1}, so axis must be in [${-t.rank - 1}, ${t.rank}].`);
  }
  const at = axis < 0 ? axis + t.rank + 1 : axis;
  return reshape(t, [...t.shape.slice(0, at), 1, ...t.shape.slice(at)]);
}

/** Without the given axes, which must have size 1; by default all such axes. */
export function squeeze(x: Like, { axis }: { axis?: Axis } = {}): Tensor {
  const t = tensor(x);
  const axes = axis === undefined ? [...t.shape.keys()].filter((i) => t.shape[i] === 1) : normalizeAxes('squeeze', axis, t.shape);
  for (const i of axes) if (t.shape[i] !== 1) throw new ShapeError(`squeeze: axis ${i} of x ${formatShape(t.shape)} has size ${t.shape[i]}; only axes of size 1 can go.`);
  return reshape(t, t.shape.filter((_, i) => !axes.includes(i)));
}
