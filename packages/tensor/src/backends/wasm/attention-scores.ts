/** What attention's two kernels share: the sizes of blocks, the places of parameters, and what changes scores. */
import type { Func, Local, Operand, Value } from './assembler.js';
import { emitSweep, loadLanes, loadPart, loadSplat, storePart } from './loops.js';

/** Queries whose scores are computed at once, a multiple of 8; the keys that they see are counted in so many, too. */
export const strip = 16;
/** Keys in a block, a multiple of a strip; in the backward kernel queries, too. */
export const block = 128;

/** How an operand of the scores is read along the keys: not there, one value for all, or one for each. */
export type Along = 'none' | 'still' | 'moving';
export interface Variant { relaxed: boolean; depth: number; mask: Along; bias: Along }

/** Parameters by place, row strides in bytes; behind them come the loops over heads. */
const common = ['T', 'S', 'D', 'V', 'scale', 'reach', 'qRow', 'kRow', 'vRow', 'maskRow', 'biasRow'] as const;
export const forwardSlots = [...common, 'oRow', 'packedQ', 'packedK', 'packedV', 'dense', 'scores', 'packedP', 'sums', 'rows', 'edge'] as const;
export const backwardSlots = [...common, 'gRow', 'gqRow', 'gkRow', 'gvRow', 'qPanels', 'qBlocks', 'gPanels', 'gBlocks', 'kPanels', 'kBlocks', 'vPanels',
  'dense', 'scores', 'slopes', 'packed', 'turnedWeights', 'turnedSlopes', 'sumQ', 'sumK', 'sumV', 'edge'] as const;

/** Short names for arithmetic and loops. */
export const helpers = (f: Func) => ({
  add: (a: Operand, b: Operand): Value => f.op('i32.add', a, b),
  times: (a: Operand, b: Operand): Value => f.op('i32.mul', a, b),
  min: (a: Value, b: Operand): Value => f.op('select', a, b, f.op('i32.lt_s', a, b)),
  /** n rounded up to a multiple of a power of two. */
  up: (n: Operand, to: number): Value => f.op('i32.and', f.op('i32.add', n, to - 1), -to),
  each: (index: Local, end: Operand, by: number, body: () => void): void => f.each(index, 0, end, by, body),
});

/** Zeroes; a multiple of 16 bytes. */
export function zeroFill(f: Func, start: Value, bytes: Operand): void {
  const p = f.local('i32', start);
  const end = f.local('i32', f.op('i32.add', p, bytes));
  f.while(f.op('i32.lt_u', p, end), () => { f.store('v128.store', p, f.f32x4(0)); f.advance(p, 16); });
}

/** A row of `columns` numbers to another place, times a factor where there is one. */
export function moveRow(f: Func, to: Value, from: Value, columns: Operand, factor?: Local): void {
  const [s, p, left] = [f.local('i32', to), f.local('i32', from), f.local('i32', columns)];
  emitSweep(f, left, [[s, 4], [p, 4]], 4, (vectors, rest) => {
    const values = Array.from({ length: vectors }, (_, u) => f.local('v128', loadPart(f, 'float32', p, u, rest)));
    values.forEach((v, u) => storePart(f, 'float32', s, factor ? f.op('f32x4.mul', v, factor) : v, u, rest));
  });
}

/** Rows to another place: where each begins, and the bytes from one to the next. */
export function moveRows(f: Func, rows: Operand, columns: Local, to: readonly [start: Operand, row: Local], from: readonly [start: Operand, row: Local], factor?: Local): void {
  const { each } = helpers(f);
  const [s, p] = [to, from].map(([start]) => f.local('i32', start));
  each(f.local('i32'), rows, 1, () => {
    moveRow(f, s, p, columns, factor);
    f.advance(s, to[1]);
    f.advance(p, from[1]);
  });
}

/** A strip of scores among all: m queries from i on, n keys from j on; and what changes them, null where it is not there. */
export interface Strip {
  readonly i: Local;
  readonly m: Local;
  readonly j: Local;
  readonly n: Local;
  readonly reach: Local;
  readonly mask: Local | null;
  readonly bias: Local | null;
  readonly maskRow: Local;
  readonly biasRow: Local;
}

/** How many of the keys from j to j + n the strip's last query sees, in strips; may be negative. */
export function keysSeen(f: Func, { i, m, j, reach }: Strip, n: Operand): Value {
  const { add, min, up } = helpers(f);
  return min(up(f.op('i32.sub', add(add(i, m), reach), j), strip), n);
}

/** Adds the bias to a strip's scores, and makes those minus infinity that are hidden, or lie in a last vector that is not full. */
export function emitChanges(f: Func, { mask: maskAlong, bias: biasAlong }: Variant, { i, m, j, n, reach, mask, bias, maskRow, biasRow }: Strip, scores: Local): void {
  const { add, times, min, each } = helpers(f);
  const [r, c] = [f.local('i32'), f.local('i32')];
  const low = f.f32x4(-Infinity);
  const all = (): void => each(r, m, 1, () => {
    const query = f.local('i32', add(i, r));
    const at = (start: Local, row: Local, along: Along, key: Operand) => f.local('i32', add(add(start, times(query, row)), along === 'moving' ? key : 0));
    const maskAt = mask && at(mask, maskRow, maskAlong, j);
    const biasAt = bias && at(bias, biasRow, biasAlong, f.op('i32.shl', j, 2));
    const limit = f.local('v128', f.op('i32x4.splat', min(f.op('i32.sub', add(add(query, 1), reach), j), n)));
    const p = f.local('i32', add(scores, times(r, 4 * block)));
    each(c, n, 4, () => {
      const v = f.local('v128', f.load('v128.load', p));
      if (biasAt) f.set(v, f.op('f32x4.add', v, biasAlong === 'still' ? loadSplat(f, 'float32', biasAt) : f.load('v128.load', add(biasAt, f.op('i32.shl', c, 2)))));
      if (maskAt) f.set(v, f.op('v128.bitselect', v, low, maskAlong === 'still' ? loadSplat(f, 'bool', maskAt) : loadLanes(f, 'bool', add(maskAt, c))));
      const keys = f.op('i32x4.add', f.vector(Int32Array.of(0, 1, 2, 3)), f.op('i32x4.splat', c));
      f.store('v128.store', p, f.op('v128.bitselect', v, low, f.op('i32x4.lt_s', keys, limit)));
      f.advance(p, 16);
    });
  });
  if (mask || bias) return all();
  // Whether the first query sees fewer keys than there are, or the last vector is not full.
  f.if(f.op('i32.or', f.op('i32.lt_s', add(add(i, 1), reach), add(j, n)), f.op('i32.and', n, 3)), all);
}
