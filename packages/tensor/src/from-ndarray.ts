/** `ndarray` views in; nothing is copied. The way out is to-ndarray.ts, which needs the library itself. */
import type { NdArray } from 'ndarray';
import type { View } from './backend.js';
import { dtypeOf, type TypedArray } from './dtype.js';
import { DTypeError } from './errors.js';
import { checkShape } from './shape.js';

/** The memory that an `ndarray` looks at, with any strides (negative and zero ones too). */
export function fromNdarrayView(a: NdArray): View {
  const dtype = dtypeOf(a.data as unknown as ArrayLike<number>);
  if (!dtype) {
    throw new DTypeError(`fromNdarray: data is ${Object.prototype.toString.call(a.data).slice(8, -1)}; it must be Float32Array, Float64Array, Int32Array or Uint8Array (bool).`);
  }
  checkShape('fromNdarray', [...a.shape]);
  return { data: a.data as unknown as TypedArray, shape: [...a.shape], strides: [...a.stride], offset: a.offset, dtype };
}
