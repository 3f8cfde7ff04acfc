/** The types of the scalar language, and conversion between them. */

/** 'f' a float (32 or 64 bits, as the kernel runs), 'i' a 32-bit integer, 'b' a boolean. */
export type Kind = 'f' | 'i' | 'b';

/** The number `v` as a value of type `to`, by the rules of `cast`. */
export function convert(v: number, to: Kind): number {
  if (to === 'f') return v;
  if (to === 'b') return v !== 0 ? 1 : 0;
  return Math.min(2147483647, Math.max(-2147483648, v)) | 0;
}
