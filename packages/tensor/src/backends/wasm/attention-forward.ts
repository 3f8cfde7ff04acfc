/**
 * Attention, forwards: for a block of queries after another, blocks of keys with a running softmax, so that the scores stay in the
 * cache and blocks that order hides are never computed. Source: Dao 2023, "FlashAttention-2"; Milakov and Gimelshein 2018.
 */
import type { Func, Local, Module, Operand } from './assembler.js';
import { block, emitScore, forwardSlots, isCut, min, rowOf, type Variant } from './attention-scores.js';
import { transpose4 } from './copy.js';
import { writePack, writeTiles } from './gemm.js';
import { emitRows, param, storeSome } from './loops.js';
import { lockstep, log, shareExp } from './math.js';

/** The larger of each lane and its neighbours, on every lane; or their sum. */
const across = (f: Func, v: Local, op: 'f32x4.pmax' | 'f32x4.add'): void => {
  f.set(v, f.op(op, v, f.local('v128', f.shuffle([2, 3, 0, 1], v, v))));
  f.set(v, f.op(op, v, f.local('v128', f.shuffle([1, 0, 3, 2], v, v))));
};

/** Writes `run`. */
export function writeAttention(module: Module, variant: Variant): void {
  const packRows = writePack(module, 4);
  const packColumns = writePack(module, 8);
  const tiles = writeTiles(module, variant.relaxed);
  const operands = 5 + Number(variant.mask !== 'none') + Number(variant.bias !== 'none');
  module.func(['i32', 'i32', 'i32'], [], (f, parameters, from, to) => {
    const names = Object.fromEntries(forwardSlots.map((name, i) => [name, f.local('i32', param(f, parameters, i))])) as Record<(typeof forwardSlots)[number], Local>;
    const { T, S, D, V, reach, qRow, kRow, vRow, maskRow, biasRow, oRow, packedQ, packedK, packedV, scores, packedP, sums, rows, edge } = names;
    const scale = f.local('v128', f.op('f32x4.splat', f.op('f32.reinterpret_i32', names.scale)));
    const [i, j, n, m, r, c, last, p, s, hide] = Array.from({ length: 10 }, () => f.local('i32'));
    const add = (a: Operand, b: Operand) => f.op('i32.add', a, b);
    const times = (a: Operand, b: Operand) => f.op('i32.mul', a, b);
    const V8 = f.local('i32', f.op('i32.and', add(V, 7), -8));
    const sumRow = f.local('i32', times(V8, 4));
    /** Three columns of a number per query of the block: the running maximum, the running sum, and what the sums so far are multiplied by. */
    const top = (at: Local) => add(rows, f.op('i32.shl', at, 2));
    const each = (index: Local, end: Operand, by: number, body: () => void) => {
      f.set(index, 0);
      f.while(f.op('i32.lt_u', index, end), () => { body(); f.advance(index, by); });
    };
    emitRows(f, parameters, from, to, forwardSlots.length, operands, variant.depth, (at) => {
      const [q, k, v] = at;
      const maskAt = variant.mask === 'none' ? null : at[3];
      const biasAt = variant.bias === 'none' ? null : at[maskAt ? 4 : 3];
      const place = { i, j, n, reach, mask: maskAt, bias: biasAt, maskRow, biasRow };
      const [o, logarithm] = at.slice(-2);
      f.run(f.call(packColumns, packedK, k, 4, kRow, D, S));
      each(j, S, block, () => f.run(f.call(packColumns, add(packedV, times(j, sumRow)), add(v, times(j, vRow)), vRow, 4, min(f, f.op('i32.sub', S, j), block), V)));
      each(i, T, block, () => {
        f.set(m, min(f, f.op('i32.sub', T, i), block));
        f.run(f.call(packRows, packedQ, add(q, times(i, qRow)), 4, qRow, D, m));
        each(r, block, 4, () => {
          f.store('v128.store', top(r), f.f32x4(-Infinity));
          f.store('v128.store', top(r), f.f32x4(0), 4 * block);
        });
        each(r, times(V8, block), 4, () => f.store('v128.store', add(sums, f.op('i32.shl', r, 2)), f.f32x4(0)));
        // Keys that the block's last query sees.
        f.set(last, add(add(i, m), reach));
        f.set(last, f.op('select', f.op('select', last, 0, f.op('i32.gt_s', last, 0)), S, f.op('i32.lt_s', last, S)));
        each(j, last, block, () => {
          f.set(n, min(f, f.op('i32.sub', last, j), block));
          f.run(f.call(tiles, packedQ, add(packedK, times(j, times(D, 4))), scores, m, n, D, 32, times(D, 32), 4 * block, 0, edge));
          f.set(hide, isCut(f, place));
          each(r, m, 1, () => {
            const row = rowOf(f, variant, place, r, hide);
            f.set(p, add(scores, times(r, 4 * block)));
            const high = f.local('v128', f.f32x4(-Infinity));
            each(c, n, 4, () => {
              const x = emitScore(f, variant, f.load('v128.load', p), scale, row, c);
              f.set(high, f.op('f32x4.pmax', high, x));
              f.store('v128.store', p, x);
              f.advance(p, 16);
            });
            across(f, high, 'f32x4.pmax');
            // The third column holds the block's maxima until the old ones are no longer needed.
            f.store('v128.store32_lane', top(r), high, 8 * block, 0);
          });
          each(r, m, 4, () => emitShares(f, variant.relaxed, { top: f.local('i32', top(r)), scores: f.local('i32', add(scores, times(r, 4 * block))), packed: f.local('i32', add(packedP, times(r, times(n, 4)))), n, c, p, s }));
          each(r, m, 1, () => {
            const factor = f.local('v128', f.load('v128.load32_splat', top(r), 8 * block));
            f.set(p, add(sums, times(r, sumRow)));
            each(c, V8, 4, () => {
              f.store('v128.store', p, f.op('f32x4.mul', f.load('v128.load', p), factor));
              f.advance(p, 16);
            });
          });
          f.run(f.call(tiles, packedP, add(packedV, times(j, sumRow)), sums, m, V, n, 32, times(min(f, f.op('i32.sub', S, j), block), 32), sumRow, 1, edge));
        });
        each(r, m, 4, () => {
          const total = f.local('v128', f.load('v128.load', top(r), 4 * block));
          const [l] = lockstep(f, [log(f, total)]);
          const result = f.local('v128', f.op('f32x4.add', f.load('v128.load', top(r)), l));
          f.set(s, f.op('i32.sub', m, r));
          f.set(p, add(logarithm, f.op('i32.shl', add(i, r), 2)));
          f.if(f.op('i32.ge_u', s, 4), () => f.store('v128.store', p, result), () => storeSome(f, 'float32', p, result, s));
          f.store('v128.store', top(r), f.op('v128.andnot', f.op('f32x4.div', f.f32x4(1), total), f.op('f32x4.eq', total, f.f32x4(0))), 4 * block);
        });
        each(r, m, 1, () => {
          const factor = f.local('v128', f.load('v128.load32_splat', top(r), 4 * block));
          f.set(p, add(sums, times(r, sumRow)));
          f.set(s, add(o, times(add(i, r), oRow)));
          f.set(c, V);
          f.while(f.op('i32.ge_u', c, 4), () => {
            f.store('v128.store', s, f.op('f32x4.mul', f.load('v128.load', p), factor));
            f.advance(p, 16);
            f.advance(s, 16);
            f.set(c, f.op('i32.sub', c, 4));
          });
          f.if(c, () => storeSome(f, 'float32', s, f.local('v128', f.op('f32x4.mul', f.load('v128.load', p), factor)), c));
        });
      });
    });
  }, 'run');
}

interface Shares { top: Local; scores: Local; packed: Local; n: Local; c: Local; p: Local; s: Local }

/** Four queries: e^(score - maximum), laid out as the left operand of the product with the values; the maxima and sums move on. */
function emitShares(f: Func, relaxed: boolean, { top, scores, packed, n, c, p, s }: Shares): void {
  const old = f.local('v128', f.load('v128.load', top));
  const next = f.local('v128', f.op('f32x4.pmax', old, f.load('v128.load', top, 8 * block)));
  // Nothing seen yet: 0 is subtracted instead of minus infinity, so that every share is 0.
  const base = f.local('v128', f.op('v128.bitselect', f.f32x4(0), next, f.op('f32x4.eq', next, f.f32x4(-Infinity))));
  const [factor] = lockstep(f, [shareExp(f, f.local('v128', f.op('f32x4.sub', old, base)), relaxed)]);
  const bases = [0, 1, 2, 3].map((lane) => f.local('v128', f.shuffle([lane, lane, lane, lane], base, base)));
  const totals = bases.map(() => f.local('v128', f.f32x4(0)));
  f.set(p, scores);
  f.set(s, packed);
  f.set(c, 0);
  f.while(f.op('i32.lt_u', c, n), () => {
    const shares: Local[] = [];
    for (const pair of [[0, 1], [2, 3]]) { // more vectors in flight would not fit in the registers
      const x = pair.map((row) => f.local('v128', f.op('f32x4.sub', f.load('v128.load', p, 4 * block * row), bases[row])));
      shares.push(...lockstep(f, x.map((v) => shareExp(f, v, relaxed))));
    }
    shares.forEach((v, row) => f.set(totals[row], f.op('f32x4.add', totals[row], v)));
    transpose4(f, shares).forEach((v, key) => f.store('v128.store', s, v, 16 * key));
    f.advance(p, 16);
    f.advance(s, 64);
    f.advance(c, 4);
  });
  const folded = transpose4(f, totals);
  const sum = f.op('f32x4.add', f.op('f32x4.add', folded[0], folded[1]), f.op('f32x4.add', folded[2], folded[3]));
  f.store('v128.store', top, f.op('f32x4.add', f.op('f32x4.mul', f.load('v128.load', top, 4 * block), factor), sum), 4 * block);
  f.store('v128.store', top, next);
  f.store('v128.store', top, factor, 8 * block);
}
