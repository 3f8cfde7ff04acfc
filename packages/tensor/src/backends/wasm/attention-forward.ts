/**
 * Attention, forwards: for a strip of queries after another, blocks of keys with a running softmax, so that the scores stay in the
 * cache and what order hides is hardly computed. Source: Dao 2023, "FlashAttention-2"; Milakov and Gimelshein 2018.
 */
import type { Func, Local, Module, Value } from './assembler.js';
import { block, emitChanges, forwardSlots, helpers, keysSeen, moveRow, moveRows, strip, zeroFill, type Strip, type Variant } from './attention-scores.js';
import { transpose4 } from './copy.js';
import { writePack, writeTiles } from './gemm.js';
import { emitRows, param, storeSome } from './loops.js';
import { lockstep, log, shareExp } from './math.js';

/** Writes `run`. */
export function writeAttention(module: Module, variant: Variant): void {
  const packRows = writePack(module, 4);
  const packColumns = writePack(module, 8);
  const tiles = writeTiles(module, variant.relaxed);
  const operands = 5 + Number(variant.mask !== 'none') + Number(variant.bias !== 'none');
  module.run((f, parameters, from, to) => {
    const names = Object.fromEntries(forwardSlots.map((name, i) => [name, f.local('i32', param(f, parameters, i))])) as Record<(typeof forwardSlots)[number], Local>;
    const { T, S, D, V, reach, qRow, kRow, vRow, maskRow, biasRow, oRow, packedQ, packedK, packedV, dense, scores, packedP, sums, rows, edge } = names;
    const { add, times, min, up, each } = helpers(f);
    const scale = f.local('v128', f.op('f32x4.splat', f.op('f32.reinterpret_i32', names.scale)));
    const [i, j, m, n, r, keys, s] = Array.from({ length: 7 }, () => f.local('i32'));
    const [rowD, sumRow] = [times(D, 4), times(up(V, 8), 4)].map((bytes) => f.local('i32', bytes));
    /** Two columns of a number per query of the strip: the running maximum and the running sum. */
    const top = (at: Local) => add(rows, f.op('i32.shl', at, 2));
    emitRows(f, parameters, from, to, forwardSlots.length, operands, variant.depth, (at) => {
      const [q, k, v] = at;
      const mask = variant.mask === 'none' ? null : at[3];
      const bias = variant.bias === 'none' ? null : at[mask ? 4 : 3];
      const here: Strip = { i, m, j, n, reach, mask, bias, maskRow, biasRow };
      const [o, logarithm] = at.slice(-2);
      f.run(f.call(packColumns, packedK, k, 4, kRow, D, S));
      each(j, S, block, () => f.run(f.call(packColumns, add(packedV, times(j, sumRow)), add(v, times(j, vRow)), vRow, 4, min(f.op('i32.sub', S, j), block), V)));
      each(i, T, strip, () => {
        f.set(m, min(f.op('i32.sub', T, i), strip));
        moveRows(f, m, D, [dense, rowD], [add(q, times(i, qRow)), qRow], scale);
        f.run(f.call(packRows, packedQ, dense, 4, rowD, D, m));
        zeroFill(f, sums, times(sumRow, strip));
        each(r, strip, 4, () => {
          f.store('v128.store', top(r), f.f32x4(-Infinity));
          f.store('v128.store', top(r), f.f32x4(0), 4 * strip);
        });
        f.set(j, 0);
        f.set(keys, keysSeen(f, here, S));
        f.while(f.op('i32.lt_s', j, keys), () => {
          f.set(n, min(f.op('i32.sub', keys, j), block));
          f.run(f.call(tiles, packedQ, times(D, 16), add(packedK, times(j, rowD)), scores, m, n, D, 32, times(D, 32), 4 * block, 0, edge));
          emitChanges(f, variant, here, scores);
          each(r, m, 4, () => emitShares(f, variant.relaxed, {
            top: f.local('i32', top(r)), n, V, sumRow,
            scores: f.local('i32', add(scores, times(r, 4 * block))), packed: f.local('i32', add(packedP, times(r, 4 * block))), sums: f.local('i32', add(sums, times(r, sumRow))),
          }));
          f.run(f.call(tiles, packedP, 16 * block, add(packedV, times(j, sumRow)), sums, m, V, n, 32, times(min(f.op('i32.sub', S, j), block), 32), sumRow, 1, edge));
          f.advance(j, block);
        });
        each(r, m, 4, () => {
          const total = f.local('v128', f.load('v128.load', top(r), 4 * strip));
          const [l] = lockstep(f, [log(f, total)]);
          const result = f.local('v128', f.op('f32x4.add', f.load('v128.load', top(r)), l));
          const p = f.local('i32', add(logarithm, f.op('i32.shl', add(i, r), 2)));
          f.set(s, f.op('i32.sub', m, r));
          f.if(f.op('i32.ge_u', s, 4), () => f.store('v128.store', p, result), () => storeSome(f, 'float32', p, result, s));
          f.store('v128.store', top(r), f.op('v128.andnot', f.op('f32x4.div', f.f32x4(1), total), f.op('f32x4.eq', total, f.f32x4(0))), 4 * strip);
        });
        each(r, m, 1, () => moveRow(f, add(o, times(add(i, r), oRow)), add(sums, times(r, sumRow)), V, f.local('v128', f.load('v128.load32_splat', top(r), 4 * strip))));
      });
    });
  });
}

interface Four { top: Local; n: Local; V: Local; sumRow: Local; scores: Local; packed: Local; sums: Local }

/** Four queries: e^(score - maximum), laid out as the left operand of the product with the values; the maxima and all sums move on. */
function emitShares(f: Func, relaxed: boolean, { top, n, V, sumRow, scores, packed, sums }: Four): void {
  const rows = [0, 1, 2, 3];
  const [p, s, end] = [f.local('i32', scores), f.local('i32', packed), f.local('i32', f.op('i32.add', scores, f.op('i32.shl', n, 2)))];
  const highs = rows.map(() => f.local('v128', f.f32x4(-Infinity)));
  f.repeat(() => {
    highs.forEach((high, row) => f.set(high, f.op('f32x4.pmax', high, f.load('v128.load', p, 4 * block * row))));
    f.advance(p, 16);
  }, f.op('i32.lt_u', p, end));
  const old = f.local('v128', f.load('v128.load', top));
  const next = f.local('v128', transpose4(f, highs).reduce<Value>((a, b) => f.op('f32x4.pmax', a, b), old));
  // Nothing seen yet: 0 is subtracted instead of minus infinity, so that every share is 0.
  const base = f.local('v128', f.op('v128.bitselect', f.f32x4(0), next, f.op('f32x4.eq', next, f.f32x4(-Infinity))));
  const [factor] = lockstep(f, [shareExp(f, f.local('v128', f.op('f32x4.sub', old, base)), relaxed)]);
  const ofRow = (v: Local) => rows.map((lane) => f.local('v128', f.shuffle([lane, lane, lane, lane], v, v)));
  const bases = ofRow(base);
  const totals = rows.map(() => f.local('v128', f.f32x4(0)));
  f.set(p, scores);
  f.repeat(() => {
    const shares: Local[] = [];
    for (const pair of [[0, 1], [2, 3]]) { // more vectors in flight would not fit in the registers
      const x = pair.map((row) => f.local('v128', f.op('f32x4.sub', f.load('v128.load', p, 4 * block * row), bases[row])));
      shares.push(...lockstep(f, x.map((v) => shareExp(f, v, relaxed))));
    }
    shares.forEach((v, row) => f.set(totals[row], f.op('f32x4.add', totals[row], v)));
    transpose4(f, shares).forEach((v, key) => f.store('v128.store', s, v, 16 * key));
    f.advance(p, 16);
    f.advance(s, 64);
  }, f.op('i32.lt_u', p, end));
  const sum = transpose4(f, totals).reduce<Value>((a, b) => f.op('f32x4.add', a, b), f.op('f32x4.mul', f.load('v128.load', top, 4 * strip), factor));
  f.store('v128.store', top, sum, 4 * strip);
  f.store('v128.store', top, next);
  ofRow(factor).forEach((one) => {
    moveRow(f, sums, sums, V, one);
    f.advance(sums, sumRow);
  });
}
