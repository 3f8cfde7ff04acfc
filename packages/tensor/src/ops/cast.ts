/** Conversion between dtypes. */
import { castFamily } from '../backends/js/copy.js';
import { dtypes, isFloat, type DType } from '../dtype.js';
import { isTensor } from '../brand.js';
import { DTypeError, ValueError } from '../errors.js';
import { defineOp, run1, type Op } from '../op.js';
import type { Tensor } from '../tensor.js';
import { withOp } from './with-op.js';

/** Refuses what is no dtype. */
export function checkDType(who: string, dtype: DType): DType {
  if (!dtypes.includes(dtype)) throw new DTypeError(`${who}: there is no dtype ${String(dtype)}; use ${[...dtypes].reverse().join(', ')}.`);
  return dtype;
}

export const castOp: Op<{ dtype: DType }> = defineOp<{ dtype: DType }>({
  name: 'cast',
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
  lower: () => ({ family: castFamily, params: {} }),
  vjp: [([g], { x }) => cast(g!, x[0]!.dtype)],
  reads: { inputs: [], outputs: [] },
});

/**
 * x as another dtype. Floats become integers by dropping the fraction, saturating, NaN -> 0; anything but 0 is true.
 *
 * Gradient: g, cast back; none through int32 and bool.
 */
export const cast = /* @__PURE__ */ withOp(castOp, (x: Tensor, dtype: DType): Tensor => {
  if (!isTensor(x)) throw new ValueError(`cast: x is ${x === null ? 'null' : typeof x}; it must be a tensor, so give it to tensor() first.`);
  return x.dtype === dtype ? x : run1(castOp, [x], { dtype: checkDType('cast', dtype) });
});

/** A JS number or boolean next to a tensor takes the tensor's dtype where it fits. */
export const weakDtype = (v: number | boolean, beside: DType): DType =>
  typeof v === 'boolean' ? 'bool' : isFloat(beside) ? beside : Number.isInteger(v) && Math.abs(v) < 2 ** 31 ? 'int32' : 'float32';
