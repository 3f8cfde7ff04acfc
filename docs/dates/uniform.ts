/**
 * A seeded stream of numbers in [0, 1), the same on every platform (a counter, mixed by the murmur3 finalizer).
 * Streams of different seeds are unrelated; seeds are integers.
 */
export function uniform(seed: number): () => number {
  let state = mix(seed | 0);
  return () => mix((state = (state + 0x9e3779b9) | 0)) / 2 ** 32;
}

/** A whole number in [0, n). */
export function below(n: number, next: () => number): number {
  return Math.floor(next() * n);
}

/** Shuffles in place (Fisher and Yates) and returns the list. */
export function shuffle<T>(list: T[], next: () => number): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = below(i + 1, next);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

/** Scrambles the bits of a 32-bit integer, one to one. */
export function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
