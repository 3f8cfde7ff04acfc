/** Cutting blocks out and placing them into larger ones: each is the other's transpose. */
import { placeFamily, type PlaceParams } from '../backends/js/copy.js';
import { tensor, type Like } from '../create.js';
import { ShapeError, ValueError } from '../errors.js';
import { defineOp, run1, type Op } from '../op.js';
import { formatShape, normalizeAxes, type Axis, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { reshape } from './reshape.js';
import { withOp } from './with-op.js';

interface SliceAttributes {
  readonly start: readonly number[];
  readonly step: readonly number[];
  readonly shape: Shape;
}

export const sliceOp: Op<SliceAttributes> = defineOp<SliceAttributes>({
  name: 'slice',
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  view: (x, { start, step, shape }) => ({
    shape,
    strides: x.strides.map((s, i) => s * step[i]!),
    offset: x.offset + start.reduce((sum, s, i) => sum + (shape[i] ? s * x.strides[i]! : 0), 0),
  }),
  vjp: [([g], { x, a }) => run1(placeOp, [g!], { start: a.start, step: a.step, shape: x[0]!.shape, value: 0 })],
  reads: { inputs: [], outputs: [] },
});

/** What a range takes: one index (the axis goes), everything, or [start, stop, step] as in NumPy; negative values count from the end. */
export type Range = number | null | readonly [start: number | null, stop: number | null, step?: number];

/**
 * A block of x: one range per axis, axes left out are taken whole. A view: nothing is copied.
 *
 * Gradient: g at the places taken, 0 elsewhere.
 */
export const slice = /* @__PURE__ */ withOp(sliceOp, (x: Like, ...ranges: Range[]): Tensor => {
  const t = tensor(x);
  if (ranges.length > t.rank) throw new ShapeError(`slice: ${ranges.length} ranges for x ${formatShape(t.shape)}; give at most ${t.rank}, one per axis.`);
  const [start, step, shape]: [number[], number[], number[]] = [[], [], []];
  t.shape.forEach((n, axis) => {
    const range = ranges[axis] ?? null;
    if (typeof range === 'number') {
      if (!Number.isInteger(range) || range < -n || range >= n) throw new ValueError(`slice: index ${range} is out of range for axis ${axis} of x ${formatShape(t.shape)}; it must be in [${-n}, ${n - 1}].`);
      start.push(range < 0 ? range + n : range), step.push(1), shape.push(1);
      return;
    }
    const [from, to, by = 1] = range ?? [null, null];
    if (!Number.isInteger(by) || by === 0) throw new ValueError(`slice: step ${by} for axis ${axis}; it must be a whole number other than 0.`);
    for (const v of [from, to]) if (v !== null && !Number.isInteger(v)) throw new ValueError(`slice: bound ${v} for axis ${axis}; bounds must be whole numbers or null.`);
    const bound = (v: number, low: number, high: number) => Math.min(high, Math.max(low, v < 0 ? v + n : v));
    const first = from === null ? (by > 0 ? 0 : n - 1) : by > 0 ? bound(from, 0, n) : bound(from, -1, n - 1);
    const last = to === null ? (by > 0 ? n : -1) : by > 0 ? bound(to, 0, n) : bound(to, -1, n - 1);
    start.push(first), step.push(by), shape.push(Math.max(0, Math.ceil((last - first) / by)));
  });
  const whole = shape.every((n, i) => n === t.shape[i] && step[i] === 1);
  const block = whole ? t : run1(sliceOp, [t], { start, step, shape });
  return ranges.some((r) => typeof r === 'number') ? reshape(block, shape.filter((_, i) => typeof ranges[i] !== 'number')) : block;
});

/** x with the order of elements reversed along some axes, or all. A view. */
export function flip(x: Like, { axis }: { axis?: Axis } = {}): Tensor {
  const t = tensor(x);
  const axes = normalizeAxes('flip', axis, t.shape);
  return slice(t, ...t.shape.map((_, i): Range => (axes.includes(i) ? [null, null, -1] : null)));
}

/** The input at start + i step of a block of `shape` that holds `value` elsewhere. */
export const placeOp: Op<PlaceParams & { readonly shape: Shape }> = defineOp<PlaceParams & { readonly shape: Shape }>({
  name: 'place',
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  lower: (_, { start, step, value }) => ({ family: placeFamily, params: { start, step, value } }),
  vjp: [([g], { x, a }) => run1(sliceOp, [g!], { start: a.start, step: a.step, shape: x[0]!.shape })],
  reads: { inputs: [], outputs: [] },
});
