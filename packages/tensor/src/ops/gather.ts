/** Picking by index, and adding back by index: each is the other's transpose. */
import { gatherFamily, scatterAddFamily, type GatherParams } from '../backends/js/gather.js';
import { isTensor, isVariable } from '../brand.js';
import { arange, tensor, zeros, type Like } from '../create.js';
import { promote } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { defineOp, run1, type Op } from '../op.js';
import { formatShape, normalizeAxis, sameShape, type Shape } from '../shape.js';
import type { Spec, Tensor } from '../tensor.js';
import { equal } from './binary.js';
import { cast } from './cast.js';
import { expandDims } from './reshape.js';
import { withOp } from './with-op.js';

const gathered = (x: Shape, indices: Shape, axis: number): number[] => [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)];

function checkIndices(who: string, indices: Spec): void {
  if (indices.dtype !== 'int32') throw new DTypeError(`${who}: indices ${formatShape(indices.shape)} are ${indices.dtype}; they must be int32.`);
}

export const gatherOp: Op<GatherParams> = defineOp<GatherParams>({
  name: 'gather',
  infer([x, indices], { axis }) {
    checkIndices('gather', indices!);
    return [{ shape: gathered(x!.shape, indices!.shape, axis), dtype: x!.dtype }];
  },
  lower: (_, a) => ({ family: gatherFamily, params: a }),
  vjp: [([g], { x: [x, indices], a }) => run1(scatterAddOp, [zeros(x!.shape, { dtype: g!.dtype }), indices!, g!], a), null],
  reads: { inputs: [1], outputs: [] },
});

/** Plain whole numbers are taken as indices; fractions are refused by the conversion, tensors of other dtypes and booleans by `checkIndices`. */
function asIndices(x: Like): Tensor {
  const t = tensor(x);
  return isTensor(x) || isVariable(x) || t.dtype === 'bool' ? t : tensor(x, { dtype: 'int32' });
}

/**
 * The slices of x at the given indices along an axis; negative indices count from the end.
 *
 * Shape:    x [p, n, q], indices [i, j], axis 1 -> y [p, i, j, q].
 * Gradient: g added back at the indices.
 */
export const gather = /* @__PURE__ */ withOp(gatherOp, (x: Like, indices: Like, { axis = 0 }: { axis?: number } = {}): Tensor => {
  const t = tensor(x);
  return run1(gatherOp, [t, asIndices(indices)], { axis: normalizeAxis('gather', axis, t.shape) });
});

export const scatterAddOp: Op<GatherParams> = defineOp<GatherParams>({
  name: 'scatterAdd',
  infer([x, indices, updates], { axis }) {
    checkIndices('scatterAdd', indices!);
    const wanted = gathered(x!.shape, indices!.shape, axis);
    if (!sameShape(wanted, updates!.shape)) throw new ShapeError(`scatterAdd: updates ${formatShape(updates!.shape)} do not fit x ${formatShape(x!.shape)} at indices ${formatShape(indices!.shape)} along axis ${axis}; they must be ${formatShape(wanted)}.`);
    return [{ shape: x!.shape, dtype: promote(x!.dtype, updates!.dtype) }];
  },
  lower: (_, a) => ({ family: scatterAddFamily, params: a }),
  vjp: [([g]) => g!, null, ([g], { x: [, indices], a }) => run1(gatherOp, [g!, indices!], a)],
  reads: { inputs: [1], outputs: [] },
});

/**
 * x with `updates` added along an axis at the given indices; repeated indices add up. Booleans count as 0 and 1, in int32.
 *
 * Shape:    x [p, n, q], indices [i, j], updates [p, i, j, q], axis 1 -> y [p, n, q].
 * Gradient: g for x; g at the indices for the updates.
 */
export const scatterAdd = /* @__PURE__ */ withOp(scatterAddOp, (x: Like, indices: Like, updates: Like, { axis = 0 }: { axis?: number } = {}): Tensor => {
  const [t, u] = [tensor(x), tensor(updates)];
  const dtype = promote(promote(t.dtype, u.dtype), 'int32'); // booleans count
  return run1(scatterAddOp, [cast(t, dtype), asIndices(indices), cast(u, dtype)], { axis: normalizeAxis('scatterAdd', axis, t.shape) });
});

/** 1 at the index and 0 elsewhere along a new last axis of size `depth`, float32; an index out of range gives a row of 0. */
export function oneHot(indices: Like, depth: number): Tensor {
  if (!Number.isInteger(depth) || depth < 0) throw new ValueError(`oneHot: depth ${depth}; it must be a whole number >= 0.`);
  const at = asIndices(indices);
  checkIndices('oneHot', at);
  return cast(equal(expandDims(at, -1), arange(depth)), 'float32');
}
