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

/** What a row of scores is changed by: the scale, the bias, and what hides a key. */
export interface RowPointers { mask: Local | null; bias: Local | null; limit: Local; hide: Local }

/** One vector of a row's scores, keys `c` to `c + 3` of the block: scaled, biased, minus infinity where hidden. */
export function emitScore(f: Func, { mask: maskAlong, bias: biasAlong }: Variant, raw: Value, scale: Local, p: RowPointers, c: Local): Local {
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
