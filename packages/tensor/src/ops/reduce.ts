/** Reductions other than the sum, and what is made of sums. */
import { reduceFamily, type ReduceKind } from '../backends/js/reduce.js';
import { tensor, type Like } from '../create.js';
import { ShapeError, ValueError } from '../errors.js';
import { toFloat, type DType } from '../dtype.js';
import { defineOp, run1, type Op, type Rule } from '../op.js';
import { formatShape, normalizeAxes, normalizeAxis, reducedShape, sizeOf, type Shape } from '../shape.js';
import type { Spec, Tensor } from '../tensor.js';
import { div, equal, mul, sub, where } from './binary.js';
import { cast } from './cast.js';
import { concat } from './concat.js';
import { reshape, transpose } from './reshape.js';
import { slice } from './slice.js';
import { sum, type ReduceAttributes, type ReduceOptions } from './sum.js';
import { abs, exp, log, sqrt, square } from './unary.js';
import { withOp } from './with-op.js';

const keepShape = (x: Spec, axes: readonly number[]): number[] => reducedShape(x.shape, axes, true);

/** Refuses to reduce nothing, where nothing has no answer. */
function needElements(who: string, shape: Shape, axes: readonly number[]): void {
  for (const i of axes) if (shape[i] === 0) throw new ShapeError(`${who}: x ${formatShape(shape)} has no elements along axis ${i}; ${who} of nothing is not defined.`);
}

function reduceOp(kind: ReduceKind, dtype: ((x: DType) => DType) | null, rule: Rule<ReduceAttributes> | null): Op<ReduceAttributes> {
  return defineOp<ReduceAttributes>({
    name: kind,
    infer([x], { axes, keepDims }) {
      if (kind !== 'any' && kind !== 'all') needElements(kind, x!.shape, axes);
      return [{ shape: reducedShape(x!.shape, axes, keepDims), dtype: dtype ? dtype(x!.dtype) : x!.dtype }];
    },
    lower: (_, { axes }) => ({ family: reduceFamily, params: { kind, axes } }),
    vjp: [rule],
    reads: rule ? { inputs: [0], outputs: [0] } : { inputs: [], outputs: [] },
  });
}

/** g goes to the elements that equal the result, in equal parts. */
const toWinners: Rule<ReduceAttributes> = ([g], { x, y, a }) => {
  const shape = keepShape(x[0]!, a.axes);
  const winners = equal(x[0]!, reshape(y[0]!, shape));
  const share = div(reshape(g!, shape), cast(sum(winners, { axis: a.axes, keepDims: true }), g!.dtype));
  return where(winners, share, cast(tensor(0), g!.dtype));
};

export const maxOp = /* @__PURE__ */ reduceOp('max', null, toWinners);
export const minOp = /* @__PURE__ */ reduceOp('min', null, toWinners);
export const anyOp = /* @__PURE__ */ reduceOp('any', () => 'bool', null);
export const allOp = /* @__PURE__ */ reduceOp('all', () => 'bool', null);
export const argmaxOp = /* @__PURE__ */ reduceOp('argmax', () => 'int32', null);
export const argminOp = /* @__PURE__ */ reduceOp('argmin', () => 'int32', null);

const reducer = (op: Op<ReduceAttributes>) => (x: Like, { axis, keepDims = false }: ReduceOptions = {}): Tensor => {
  const t = tensor(x);
  return run1(op, [t], { axes: normalizeAxes(op.name, axis, t.shape), keepDims });
};

/** The largest element along some axes, or of all; NaN if there is one. At a tie the gradient is split equally. */
export const max = /* @__PURE__ */ withOp(maxOp, reducer(maxOp));
/** The smallest element along some axes, or of all; NaN if there is one. At a tie the gradient is split equally. */
export const min = /* @__PURE__ */ withOp(minOp, reducer(minOp));
/** Whether any element is true (not 0); of nothing, false. */
export const any = /* @__PURE__ */ withOp(anyOp, reducer(anyOp));
/** Whether all elements are true (not 0); of nothing, true. */
export const all = /* @__PURE__ */ withOp(allOp, reducer(allOp));

export interface ArgOptions {
  readonly axis?: number;
  readonly keepDims?: boolean;
}
const argReducer = (op: Op<ReduceAttributes>) => (x: Like, { axis, keepDims = false }: ArgOptions = {}): Tensor => {
  const t = tensor(x);
  return run1(op, [t], { axes: axis === undefined ? normalizeAxes(op.name, undefined, t.shape) : [normalizeAxis(op.name, axis, t.shape)], keepDims });
};
/** Where the first largest element is along an axis (int32), or in all elements taken in row-major order. */
export const argmax = /* @__PURE__ */ withOp(argmaxOp, argReducer(argmaxOp));
/** Where the first smallest element is along an axis (int32), or in all elements taken in row-major order. */
export const argmin = /* @__PURE__ */ withOp(argminOp, argReducer(argminOp));

/** The arithmetic mean along some axes, or of all elements: sum_i x_i / n. Integers give float32; the mean of nothing is NaN. */
export function mean(x: Like, { axis, keepDims = false }: ReduceOptions = {}): Tensor {
  const t = tensor(x);
  const axes = normalizeAxes('mean', axis, t.shape);
  return div(sum(cast(t, toFloat(t.dtype)), { axis: axes, keepDims }), sizeOf(axes.map((i) => t.shape[i]!)));
}

export interface VarianceOptions extends ReduceOptions {
  /** The divisor is n - ddof: 0 for the population's variance, 1 for a sample's. */
  readonly ddof?: number;
}

function spread(who: string, x: Like, { axis, keepDims = false, ddof = 0 }: VarianceOptions): Tensor {
  const t = tensor(x);
  const axes = normalizeAxes(who, axis, t.shape);
  const n = sizeOf(axes.map((i) => t.shape[i]!));
  if (!(ddof >= 0 && ddof < Math.max(n, 1))) throw new ValueError(`${who}: ddof ${ddof} leaves nothing to divide by: ${n} elements are averaged; ddof must be ${n > 1 ? `in [0, ${n - 1}]` : '0'}.`);
  const centred = sub(t, mean(t, { axis: axes, keepDims: true }));
  return div(sum(square(centred), { axis: axes, keepDims }), n - ddof);
}

/** Mean squared distance from the mean: sum_i (x_i - mean)^2 / (n - ddof). Integers give float32; that of nothing is NaN. */
export const variance = (x: Like, o: VarianceOptions = {}): Tensor => spread('variance', x, o);

/** Square root of the variance. */
export const std = (x: Like, o: VarianceOptions = {}): Tensor => sqrt(spread('std', x, o));

/**
 * The product along some axes, or of all elements, by multiplying halves: log2(n) steps. The product of nothing is 1.
 *
 * Gradient: that of the multiplications, so zeros among the elements need no special case.
 */
export function prod(x: Like, { axis, keepDims = false }: ReduceOptions = {}): Tensor {
  const t = tensor(x);
  const axes = normalizeAxes('prod', axis, t.shape);
  const shape = reducedShape(t.shape, axes, keepDims);
  const kept = [...t.shape.keys()].filter((i) => !axes.includes(i));
  let rest = reshape(transpose(t, [...axes, ...kept]), [sizeOf(axes.map((i) => t.shape[i]!)), ...kept.map((i) => t.shape[i]!)]);
  if (rest.dtype === 'bool') rest = cast(rest, 'int32');
  if (rest.shape[0] === 0) return reshape(cast(tensor(1, { shape: shape as number[] }), rest.dtype), shape);
  while (rest.shape[0]! > 1) {
    const half = rest.shape[0]! >> 1;
    const product = mul(slice(rest, [0, half]), slice(rest, [half, 2 * half]));
    rest = rest.shape[0]! % 2 ? concat([product, slice(rest, [2 * half, null])]) : product;
  }
  return reshape(rest, shape);
}

/**
 * log sum_i e^(x_i) along some axes, or over all elements: m + log sum_i e^(x_i - m), with m = max_i x_i.
 *
 * Gradient:  g softmax(x).
 * Numerics:  e^(x - m) <= 1 cannot overflow; rows of minus infinity give minus infinity.
 */
export const logsumexpOp = /* @__PURE__ */ defineOp<ReduceAttributes>({
  name: 'logsumexp',
  infer([x], { axes, keepDims }) {
    needElements('logsumexp', x!.shape, axes);
    return [{ shape: reducedShape(x!.shape, axes, keepDims), dtype: x!.dtype }];
  },
  compose([x], { axes, keepDims }) {
    const m = max(x!, { axis: axes, keepDims: true });
    const finite = where(equal(abs(m), Infinity), cast(tensor(0), x!.dtype), m);
    const total = log(sum(exp(sub(x!, finite)), { axis: axes, keepDims: true }));
    return [reshape(sub(total, mul(finite, -1)), reducedShape(x!.shape, axes, keepDims))];
  },
  vjp: [([g], { x, y, a }) => {
    const shape = keepShape(x[0]!, a.axes);
    return mul(reshape(g!, shape), exp(sub(x[0]!, reshape(y[0]!, shape))));
  }],
});
export const logsumexp = /* @__PURE__ */ withOp(logsumexpOp, (x: Like, { axis, keepDims = false }: ReduceOptions = {}): Tensor => {
  const t = tensor(x);
  return run1(logsumexpOp, [cast(t, toFloat(t.dtype))], { axes: normalizeAxes('logsumexp', axis, t.shape), keepDims });
});

