/** Refusals of arguments, in one voice. */
import { ValueError } from './errors.js';

/** Refuses what is no whole number of at least `least`. */
export function wholeNumber(who: string, name: string, n: unknown, least = 1): void {
  if (!Number.isInteger(n) || (n as number) < least) throw new ValueError(`${who}: ${name} is ${String(n)}; it must be a whole number >= ${least}.`);
}

/** One whole number >= 1 for rows and columns, or one for each. */
export function wholePair(who: string, name: string, v: number | readonly [number, number]): [number, number] {
  const pair = typeof v === 'number' ? [v, v] : v;
  if (!Array.isArray(pair) || pair.length !== 2 || pair.some((n) => !Number.isInteger(n) || n < 1)) throw new ValueError(`${who}: ${name} is ${JSON.stringify(v)}; give a whole number >= 1, or two of them.`);
  return [pair[0]!, pair[1]!];
}

/** Refuses what is no number in [0, 1), or with `closed` in [0, 1]. */
export function share(who: string, name: string, v: unknown, closed = false): void {
  if (!(typeof v === 'number' && v >= 0 && (closed ? v <= 1 : v < 1))) throw new ValueError(`${who}: ${name} is ${String(v)}; it must be in [0, 1${closed ? ']' : ')'}.`);
}
