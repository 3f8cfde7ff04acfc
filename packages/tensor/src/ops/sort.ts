/** Order along an axis. */
import { sortFamily, type SortParams } from '../backends/js/sort.js';
import { arange, tensor, type Like } from '../create.js';
import { ValueError } from '../errors.js';
import { defineOp, run1 } from '../op.js';
import { formatShape, normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { add, mul } from './binary.js';
import { gather } from './gather.js';
import { reshape, transpose } from './reshape.js';
import { slice } from './slice.js';
import { withOp } from './with-op.js';

export const argsortOp = /* @__PURE__ */ defineOp<SortParams>({
  name: 'argsort',
  infer: ([x]) => [{ shape: x!.shape, dtype: 'int32' }],
  lower: (_, a) => ({ family: sortFamily, params: a }),
  vjp: [null],
  reads: { inputs: [], outputs: [] },
});

export interface SortOptions {
  readonly axis?: number;
  readonly descending?: boolean;
}

/** The element of each row at each of its indices: y[..., i, ...] = x[..., indices[..., i, ...], ...]. */
function along(x: Tensor, indices: Tensor, axis: number): Tensor {
  const others = [...x.shape.keys()].filter((i) => i !== axis);
  const order = [...others, axis];
  const [n, k] = [x.shape[axis]!, indices.shape[axis]!];
  const outer = others.map((i) => x.shape[i]!);
  const rows = outer.reduce((p, q) => p * q, 1);
  const starts = reshape(mul(arange(rows), n), [rows, 1]);
  const places = add(reshape(transpose(indices, order), [rows, k]), starts);
  const y = gather(reshape(transpose(x, order), [rows * n]), places); // [rows n] -> [rows, k]
  return transpose(reshape(y, [...outer, k]), order.map((_, i) => order.indexOf(i)));
}

/** Where the elements lie in ascending order along an axis (int32). Equal ones stay in their order, NaN comes last in either direction. */
export const argsort = /* @__PURE__ */ withOp(argsortOp, (x: Like, { axis = -1, descending = false }: SortOptions = {}): Tensor => {
  const t = tensor(x);
  return run1(argsortOp, [t], { axis: normalizeAxis('argsort', axis, t.shape), descending });
});

/**
 * The elements in ascending order along an axis; NaN last in either direction.
 *
 * Shape:    x -> y, the same.
 * Gradient: g, put back to where the elements came from; equal ones count as in their order.
 */
export function sort(x: Like, { axis = -1, descending = false }: SortOptions = {}): Tensor {
  const t = tensor(x);
  const at = normalizeAxis('sort', axis, t.shape);
  return along(t, argsort(t, { axis: at, descending }), at);
}

/**
 * The k largest elements along an axis, largest first, and where they are (int32): `{ values, indices }`. Of equal ones the first
 * counts as larger, NaN as smaller than anything.
 *
 * Shape:    x [..., n, ...] -> values and indices [..., k, ...].
 * Gradient: that of the values, put back to where they came from; 0 elsewhere.
 */
export function topK(x: Like, k: number, { axis = -1 }: { readonly axis?: number } = {}): { values: Tensor; indices: Tensor } {
  const t = tensor(x);
  const at = normalizeAxis('topK', axis, t.shape);
  const n = t.shape[at]!;
  if (!Number.isInteger(k) || k < 0 || k > n) throw new ValueError(`topK: k is ${k} for axis ${at} of x ${formatShape(t.shape)}; it must be a whole number in [0, ${n}].`);
  const order = argsort(t, { axis: at, descending: true });
  const indices = slice(order, ...t.shape.map((_, i) => (i === at ? ([0, k] as const) : null)));
  return { values: along(t, indices, at), indices };
}
