/** Element types and the arrays that hold them. Order of promotion: bool < int32 < float32 < float64. */
import { OutOfMemoryError } from './errors.js';
import type { Kind } from './scalar/convert.js';

export type DType = 'float32' | 'float64' | 'int32' | 'bool';
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export const dtypes: readonly DType[] = ['bool', 'int32', 'float32', 'float64'];

const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array, bool: Uint8Array } as const;

/** A zeroed array of `size` elements. */
export function allocate(dtype: DType, size: number): TypedArray {
  try {
    return new arrays[dtype](size);
  } catch (error) {
    throw new OutOfMemoryError(`allocate: no room for ${size * bytesPer[dtype]} bytes, ${size} elements of ${dtype}: ${(error as Error).message}; use smaller tensors or batches.`);
  }
}

/** Bytes for which a buffer of their own takes longer to make than to fill; what is smaller V8 keeps on its heap, where it is cheap. */
const small = { from: 65, to: 512 };
const pageBytes = 4096;
/** A buffer that several results share. */
class Page extends ArrayBuffer {}
let page = new Page(0);
let used = 0;

/** An array that may be transferred to a worker: itself, or a copy where `allocateResult` put it beside others. */
export const ownArray = (x: TypedArray): TypedArray => (x.buffer instanceof Page ? x.slice() : x);

/** A zeroed array for the result of an op. Small ones lie side by side in one buffer, which lives as long as any of them. */
export function allocateResult(dtype: DType, size: number): TypedArray {
  const bytes = size * bytesPer[dtype];
  if (bytes < small.from || bytes > small.to) return allocate(dtype, size);
  if (used + bytes > page.byteLength) [page, used] = [new Page(pageBytes), 0];
  const y = new arrays[dtype](page, used, size);
  used += (bytes + 7) & ~7; // float64 lies at multiples of 8
  return y;
}

/** The typed-array class of a dtype. */
export const arrayType = (dtype: DType): (typeof arrays)[DType] => arrays[dtype];

export const bytesPer: Record<DType, number> = { float32: 4, float64: 8, int32: 4, bool: 1 };

/** The dtype an array holds; null for a kind of array that heed doesn't use. */
export function dtypeOf(data: ArrayLike<unknown>): DType | null {
  return dtypes.find((d) => data instanceof arrays[d]) ?? null;
}

export const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64';

/** The dtype that can hold both. */
export const promote = (a: DType, b: DType): DType => (dtypes.indexOf(a) >= dtypes.indexOf(b) ? a : b);

/** Integers and booleans become float32; floats stay. */
export const toFloat = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'float32');

/** The dtype of a value of the scalar language; floats may be float64, too. */
export const dtypeOfKind: Readonly<Record<Kind, DType>> = { f: 'float32', i: 'int32', b: 'bool' };
/** How the scalar language sees a dtype. */
export const kindOf = (dtype: DType): Kind => (isFloat(dtype) ? 'f' : dtype === 'int32' ? 'i' : 'b');
