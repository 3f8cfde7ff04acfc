/** A tensor's memory as an `ndarray`; nothing is copied. */
import ndarray, { type NdArray } from 'ndarray';
import type { TypedArray } from './dtype.js';
import { viewOf, type Tensor } from './tensor.js';

export function toNdarray(x: Tensor): NdArray<TypedArray> {
  const { data, shape, strides, offset } = viewOf(x);
  return ndarray(data as Float32Array, [...shape], [...strides], offset) as unknown as NdArray<TypedArray>;
}
