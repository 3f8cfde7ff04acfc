/** Masks: bool, true = attend. */
import { arange, expandDims, greaterEqual, less, tensor, ValueError, type Like, type Tensor } from '@heed/tensor';

export type CausalAlign = 'upper-left' | 'lower-right';

/**
 * Query t attends to keys up to its own place. Where there are more keys than queries, 'upper-left' counts places from the first
 * (Keras, PyTorch), 'lower-right' from the last (a decoder with a cache).
 *
 * Shape: -> bool [T, S].
 */
export function causalMask(T: number, S: number, { align = 'upper-left' }: { readonly align?: CausalAlign } = {}): Tensor {
  if (align !== 'upper-left' && align !== 'lower-right') throw new ValueError(`causalMask: there is no align '${String(align)}'; use 'upper-left' or 'lower-right'.`);
  const shift = align === 'lower-right' ? S - T : 0;
  return greaterEqual(expandDims(arange(T), 1).add(shift), arange(S));
}

/** True for the first `lengths[b]` of T places. Shape: lengths [B] -> bool [B, T]. */
export const paddingMask = (lengths: Like, T: number): Tensor => less(arange(T), expandDims(tensor(lengths), -1));
