/** Joining along an axis, and cutting apart. */
import { concatFamily } from '../backends/js/copy.js';
import { tensor, type Like } from '../create.js';
import { promote, type DType } from '../dtype.js';
import { ShapeError, ValueError } from '../errors.js';
import { defineOp, run, run1, type Op } from '../op.js';
import { formatShape, normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { insertAxis } from './reshape.js';
import { slice } from './slice.js';
import { broadcastTo } from './sum.js';
import { withOp } from './with-op.js';

/** A list of at least one. */
function tensors(who: string, xs: readonly Like[]): Tensor[] {
  if (!Array.isArray(xs) || !xs.length) throw new ValueError(`${who}: ${Array.isArray(xs) ? 'there is nothing to join' : 'what is to be joined is no list'}; give a list of at least one tensor.`);
  return xs.map((x: Like) => tensor(x));
}

export const concatOp = defineOp<{ readonly axis: number }>({
  name: 'concat',
  infer(xs, { axis }) {
    const first = xs[0]!;
    for (const [k, x] of xs.entries()) {
      if (x.shape.length !== first.shape.length || x.shape.some((n, i) => i !== axis && n !== first.shape[i])) {
        throw new ShapeError(`concat: x[${k}] ${formatShape(x.shape)} does not fit x[0] ${formatShape(first.shape)}; all sizes but axis ${axis} must be equal.`);
      }
    }
    return [{ shape: first.shape.map((n, i) => (i === axis ? xs.reduce((sum, x) => sum + x.shape[axis]!, 0) : n)), dtype: first.dtype }];
  },
  lower: (_, { axis }) => ({ family: concatFamily, params: { axis } }),
  vjp: {
    joint([g], { x, a }, need) {
      let at = 0;
      return x.map((part, k) => {
        const from = at;
        at += part.shape[a.axis]!;
        return need[k] ? slice(g!, ...part.shape.map((_, i) => (i === a.axis ? ([from, from + part.shape[a.axis]!] as const) : null))) : null;
      });
    },
  },
  reads: { inputs: [], outputs: [] },
});

/**
 * Tensors side by side along an axis.
 *
 * Gradient: the matching block of g for each.
 */
export const concat = /* @__PURE__ */ withOp(concatOp, (xs: readonly Like[], { axis = 0 }: { axis?: number } = {}): Tensor => {
  const all = tensors('concat', xs);
  const dtype = all.reduce<DType>((d, x) => promote(d, x.dtype), 'bool');
  const at = normalizeAxis('concat', axis, all[0]!.shape, 'x[0]');
  return all.length === 1 ? all[0]! : run1(concatOp, all.map((x) => cast(x, dtype)), { axis: at });
});

/** Tensors of one shape as the slices of a new axis. */
export function stack(xs: readonly Like[], { axis = 0 }: { axis?: number } = {}): Tensor {
  const all = tensors('stack', xs);
  all.forEach((x, k) => {
    if (formatShape(x.shape) !== formatShape(all[0]!.shape)) throw new ShapeError(`stack: x[${k}] ${formatShape(x.shape)} does not fit x[0] ${formatShape(all[0]!.shape)}; all shapes must be equal.`);
  });
  return concat(all.map((x) => insertAxis('stack', x, axis)), { axis });
}

export const splitOp: Op<{ readonly axis: number; readonly sizes: readonly number[] }> = defineOp<{ readonly axis: number; readonly sizes: readonly number[] }>({
  name: 'split',
  infer: ([x], { axis, sizes }) => sizes.map((size) => ({ shape: x!.shape.map((n, i) => (i === axis ? size : n)), dtype: x!.dtype })),
  compose([x], { axis, sizes }) {
    let from = 0;
    return sizes.map((size) => slice(x!, ...x!.shape.map((_, i) => (i === axis ? ([from, (from += size)] as const) : null))));
  },
  // One concat, however many parts: adding up slices' gradients would write the whole once for each.
  vjp: [(g, { y, a }) => concat(g.map((part, k) => part ?? broadcastTo(cast(tensor(0), y[k]!.dtype), y[k]!.shape)), { axis: a.axis })],
  reads: { inputs: [], outputs: [] },
});

/**
 * x cut along an axis into equal parts (a number), or parts of the given sizes. Views.
 *
 * Gradient: the parts' gradients side by side.
 */
export const split = /* @__PURE__ */ withOp(splitOp, (x: Like, sizesOrCount: number | readonly number[], { axis = 0 }: { axis?: number } = {}): Tensor[] => {
  const t = tensor(x);
  const at = normalizeAxis('split', axis, t.shape);
  const n = t.shape[at]!;
  const sizes = typeof sizesOrCount !== 'number' ? sizesOrCount
    : n % sizesOrCount || !(sizesOrCount >= 1 && Number.isInteger(sizesOrCount)) ? [] : Array.from({ length: sizesOrCount }, () => n / sizesOrCount);
  if (!sizes.length || sizes.some((s) => !Number.isInteger(s) || s < 0) || sizes.reduce((p, q) => p + q, 0) !== n) {
    throw new ShapeError(`split: axis ${at} of x ${formatShape(t.shape)} cannot be cut into ${typeof sizesOrCount === 'number' ? `${sizesOrCount} equal parts` : formatShape(sizes)}; the parts must add up to ${n}.`);
  }
  return run(splitOp, [t], { axis: at, sizes });
});
