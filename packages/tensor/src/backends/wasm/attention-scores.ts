/** What attention's two kernels share: the block size, the places of parameters, and how a row of scores comes about. */
import type { Func, Local, Operand, Value } from './assembler.js';
import { loadLanes, loadSplat } from './loops.js';

/** Queries and keys in a block; a multiple of 8. */
export const block = 64;

/** How an operand of the scores is read along the keys: not there, one value for all, or one for each. */
export type Along = 'none' | 'still' | 'moving';
export interface Variant { relaxed: boolean; depth: number; mask: Along; bias: Along }

/** Parameters by place, row strides in bytes; behind them come the loops over heads. */
const common = ['T', 'S', 'D', 'V', 'scale', 'reach', 'qRow', 'kRow', 'vRow', 'maskRow', 'biasRow'] as const;
export const forwardSlots = [...common, 'oRow', 'packedQ', 'packedK', 'packedV', 'scores', 'packedP', 'sums', 'rows', 'edge'] as const;
export const backwardSlots = [...common, 'gRow', 'gqRow', 'gkRow', 'gvRow',
  'qPanels', 'qBlocks', 'gPanels', 'gBlocks', 'kPanels', 'kBlocks', 'vPanels', 'scores', 'slopes', 'packed', 'edge'] as const;

export const min = (f: Func, a: Value, b: Operand): Value => f.op('select', a, b, f.op('i32.lt_u', a, b));

/** Where a block of scores lies among all: queries from i on, n keys from j on; and what changes them, null where it is not there. */
export interface Block {
  readonly i: Local;
  readonly j: Local;
  readonly n: Local;
  readonly reach: Local;
  readonly mask: Local | null;
  readonly bias: Local | null;
  readonly maskRow: Local;
  readonly biasRow: Local;
}

/** What a row of scores is changed by: pointers to its mask and bias, the number of keys of the block that it sees, whether that matters. */
export interface Row { mask: Local | null; bias: Local | null; limit: Local; hide: Local }

/** Whether the block's first query sees fewer keys than there are, or the last vector is not full. */
export const isCut = (f: Func, { i, j, n, reach }: Block): Value =>
  f.op('i32.or', f.op('i32.lt_s', f.op('i32.add', f.op('i32.add', i, 1), reach), f.op('i32.add', j, n)), f.op('i32.and', n, 3));

/** Row `r` of a block. */
export function rowOf(f: Func, variant: Variant, { i, j, n, reach, mask, bias, maskRow, biasRow }: Block, r: Local, hide: Local): Row {
  const add = (a: Operand, b: Operand) => f.op('i32.add', a, b);
  const query = f.local('i32', add(i, r));
  const at = (start: Local, row: Local, along: Along, key: Operand) => f.local('i32', add(add(start, f.op('i32.mul', query, row)), along === 'moving' ? key : 0));
  const seen = f.local('i32', add(add(query, 1), f.op('i32.sub', reach, j)));
  return {
    mask: mask && at(mask, maskRow, variant.mask, j),
    bias: bias && at(bias, biasRow, variant.bias, f.op('i32.shl', j, 2)),
    limit: f.local('v128', f.op('i32x4.splat', f.op('select', seen, n, f.op('i32.lt_s', seen, n)))),
    hide,
  };
}

/** One vector of a row's scores, keys `c` to `c + 3` of the block: scaled, biased, minus infinity where hidden. */
export function emitScore(f: Func, { mask: maskAlong, bias: biasAlong }: Variant, raw: Value, scale: Local, p: Row, c: Local): Local {
  const v = f.local('v128', f.op('f32x4.mul', raw, scale));
  if (p.bias) f.set(v, f.op('f32x4.add', v, biasAlong === 'still' ? loadSplat(f, 'float32', p.bias) : f.load('v128.load', f.op('i32.add', p.bias, f.op('i32.shl', c, 2)))));
  const low = f.f32x4(-Infinity);
  if (p.mask) f.set(v, f.op('v128.bitselect', v, low, maskAlong === 'still' ? loadSplat(f, 'bool', p.mask) : loadLanes(f, 'bool', f.op('i32.add', p.mask, c))));
  f.if(p.hide, () => {
    const keys = f.op('i32x4.add', f.vector(Int32Array.of(0, 1, 2, 3)), f.op('i32x4.splat', c));
    f.set(v, f.op('v128.bitselect', v, low, f.op('i32x4.lt_s', keys, p.limit)));
  });
  return v;
}
