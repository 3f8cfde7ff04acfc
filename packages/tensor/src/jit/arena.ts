/** Where the buffers of a program lie in its one block of memory. */

const align = 64;
/** Bytes that a buffer takes. */
export const aligned = (bytes: number): number => Math.ceil(Math.max(bytes, 1) / align) * align;

/**
 * Offsets for buffers in one block: a buffer may take the place of others that are no longer needed. First fit, the
 * buffers in order of birth; `last[i]` is the last node that reads buffer i. No buffer crosses a multiple of `part`, where the
 * memory may be in several blocks.
 */
export function planArena(sizes: readonly number[], born: readonly number[], last: readonly number[], part = Infinity): { offsets: number[]; bytes: number } {
  const offsets = new Array<number>(sizes.length).fill(0);
  const live: number[] = [];
  let bytes = 0;
  const order = [...sizes.keys()].sort((p, q) => born[p]! - born[q]!);
  for (const i of order) {
    for (let k = live.length - 1; k >= 0; k--) if (last[live[k]!]! < born[i]!) live.splice(k, 1);
    const inPart = (from: number): number => (Math.floor(from / part) === Math.floor((from + sizes[i]! - 1) / part) ? from : Math.ceil(from / part) * part);
    let at = 0;
    let place = 0;
    for (; place < live.length; place++) {
      const other = live[place]!;
      if (at + sizes[i]! <= offsets[other]!) break;
      at = inPart(Math.max(at, offsets[other]! + sizes[other]!));
    }
    offsets[i] = at;
    live.splice(place, 0, i);
    bytes = Math.max(bytes, at + sizes[i]!);
  }
  return { offsets, bytes };
}
