/**
 * Attention, backwards: blocks of keys, and for each the blocks of queries that see it. The scores are computed once more, a strip at a
 * time, and give the weights P = e^(scores - logarithm) and their slopes dS = P (g V^T - delta); then gv += P^T g, gk += dS^T (scale Q),
 * gq += dS K, which is scaled at the end. Source: Dao 2023, "FlashAttention-2".
 */
import { backwardSlots, block, emitChanges, helpers, keysSeen, moveRows, strip, zeroFill, type Strip, type Variant } from './attention-scores.js';
import type { Func, Local, Module } from './assembler.js';
import { transpose4 } from './copy.js';
import { writePack, writeTiles } from './gemm.js';
import { emitRows, param } from './loops.js';
import { lockstep, shareExp } from './math.js';

/** Writes `run`. Panels hold an operand whole, four rows or eight columns wide; blocks hold it as the right operand of a product over one block. */
export function writeAttentionGradient(module: Module, variant: Variant): void {
  const packRows = writePack(module, 4);
  const packColumns = writePack(module, 8);
  const tiles = writeTiles(module, variant.relaxed);
  const operands = 9 + Number(variant.mask !== 'none') + Number(variant.bias !== 'none');
  module.run((f, parameters, from, to) => {
    const names = Object.fromEntries(backwardSlots.map((name, i) => [name, f.local('i32', param(f, parameters, i))])) as Record<(typeof backwardSlots)[number], Local>;
    const { T, S, D, V, reach, qRow, kRow, vRow, maskRow, biasRow, gRow, gqRow, gkRow, gvRow, qPanels, qBlocks, gPanels, gBlocks, kPanels, kBlocks, vPanels } = names;
    const { dense, scores, slopes, packed, turnedWeights, turnedSlopes, sumQ, sumK, sumV, edge } = names;
    const { add, times, min, up, each } = helpers(f);
    const scale = f.local('v128', f.op('f32x4.splat', f.op('f32.reinterpret_i32', names.scale)));
    const [i, j, m, n, r, c, first, count, height, width] = Array.from({ length: 10 }, () => f.local('i32'));
    const [wideD, wideV] = [D, V].map((columns) => f.local('i32', times(up(columns, 8), 4)));
    const left = (total: Local, at: Local, most: number) => min(f.op('i32.sub', total, at), most);
    emitRows(f, parameters, from, to, backwardSlots.length, operands, variant.depth, (at) => {
      const [q, k, v, logarithm, delta, g] = at;
      const mask = variant.mask === 'none' ? null : at[6];
      const bias = variant.bias === 'none' ? null : at[mask ? 7 : 6];
      const here: Strip = { i: first, m: height, j, n: width, reach, mask, bias, maskRow, biasRow };
      const [gq, gk, gv] = at.slice(-3);
      zeroFill(f, sumQ, times(T, wideD));
      // An operand in panels and in blocks; its rows, which other heads lie between, are put side by side first and so fetched once.
      const pack = (width: 4 | 8, x: Local, row: Local, length: Local, columns: Local, wide: Local, panels: Local, blocks: Local | null, factor?: Local) => each(i, length, block, () => {
        f.set(m, left(length, i, block));
        moveRows(f, m, columns, [dense, wide], [add(x, times(i, row)), row], factor);
        f.run(f.call(width === 4 ? packRows : packColumns, add(panels, times(i, times(columns, 4))), dense, 4, wide, columns, m));
        if (blocks) f.run(f.call(packColumns, add(blocks, times(i, wide)), dense, wide, 4, m, columns));
      });
      pack(4, q, qRow, T, D, wideD, qPanels, qBlocks, scale);
      pack(4, g, gRow, T, V, wideV, gPanels, gBlocks);
      pack(8, k, kRow, S, D, wideD, kPanels, kBlocks);
      pack(8, v, vRow, S, V, wideV, vPanels, null);
      each(j, S, block, () => {
        f.set(n, left(S, j, block));
        zeroFill(f, sumK, times(n, wideD));
        zeroFill(f, sumV, times(n, wideV));
        each(i, T, block, () => {
          f.set(m, left(T, i, block));
          each(r, m, strip, () => {
            f.set(first, add(i, r));
            f.set(height, left(m, r, strip));
            f.set(width, keysSeen(f, here, n));
            f.if(f.op('i32.gt_s', width, 0), () => {
              const product = (a: Local, depth: Local, b: Local, into: Local) => f.run(f.call(tiles, add(a, times(first, times(depth, 4))), times(depth, 16),
                add(b, times(j, times(depth, 4))), into, height, width, depth, 32, times(depth, 32), 4 * block, 0, edge));
              product(qPanels, D, kPanels, scores);
              product(gPanels, V, vPanels, slopes);
              emitChanges(f, variant, here, scores);
              each(c, height, 4, () => {
                const there = (start: Local, bytes: number) => f.local('i32', add(start, times(c, bytes)));
                const ofQueries = (start: Local) => [0, 1, 2, 3].map((row) => f.local('v128', f.load('v128.load32_splat', add(start, f.op('i32.shl', add(first, min(add(c, row), f.op('i32.sub', height, 1))), 2)))));
                const turned = add(r, c);
                emitSlopes(f, variant.relaxed, {
                  n: width, logarithms: ofQueries(logarithm), deltas: ofQueries(delta), scores: there(scores, 4 * block), slopes: there(slopes, 4 * block), packed: there(packed, 4 * block),
                  turnedWeights: f.local('i32', add(turnedWeights, f.op('i32.shl', turned, 4))), turnedSlopes: f.local('i32', add(turnedSlopes, f.op('i32.shl', turned, 4))),
                });
              });
              f.run(f.call(tiles, packed, 16 * block, add(kBlocks, times(j, wideD)), add(sumQ, times(first, wideD)), height, D, width, 32, times(n, 32), wideD, 1, edge));
            });
          });
          each(c, n, strip, () => {
            // The first query of the block that sees the strip's first key.
            f.set(first, f.op('i32.sub', add(j, c), add(i, reach)));
            f.set(first, f.op('select', first, 0, f.op('i32.gt_s', first, 0)));
            f.set(count, f.op('i32.sub', m, first));
            f.if(f.op('i32.gt_s', count, 0), () => {
              const product = (a: Local, b: Local, into: Local, columns: Local, wide: Local) => f.run(f.call(tiles, add(a, add(times(c, 4 * block), f.op('i32.shl', first, 4))), 16 * block,
                add(b, add(times(i, wide), f.op('i32.shl', first, 5))), add(into, times(c, wide)), left(n, c, strip), columns, count, 32, times(m, 32), wide, 1, edge));
              product(turnedWeights, gBlocks, sumV, V, wideV);
              product(turnedSlopes, qBlocks, sumK, D, wideD);
            });
          });
        });
        moveRows(f, n, D, [add(gk, times(j, gkRow)), gkRow], [sumK, wideD]);
        moveRows(f, n, V, [add(gv, times(j, gvRow)), gvRow], [sumV, wideV]);
      });
      moveRows(f, T, D, [gq, gqRow], [sumQ, wideD], scale);
    });
  });
}

interface Four {
  n: Local; logarithms: readonly Local[]; deltas: readonly Local[];
  scores: Local; slopes: Local; packed: Local; turnedWeights: Local; turnedSlopes: Local;
}

/** Four queries: weights and slopes, laid out as left operands of products: turned round for the keys' gradients, the slopes as they are for the queries'. */
function emitSlopes(f: Func, relaxed: boolean, { n, logarithms, deltas, scores, slopes, packed, turnedWeights, turnedSlopes }: Four): void {
  // A query that sees nothing: 0 instead of minus infinity, so that every weight is 0.
  for (const l of logarithms) f.set(l, f.op('v128.bitselect', f.f32x4(0), l, f.op('f32x4.eq', l, f.f32x4(-Infinity))));
  const end = f.local('i32', f.op('i32.add', scores, f.op('i32.shl', n, 2)));
  f.repeat(() => {
    const found: Local[] = [];
    for (const pair of [[0, 1], [2, 3]]) { // more vectors in flight would not fit in the registers
      const x = pair.map((row) => f.local('v128', f.op('f32x4.sub', f.load('v128.load', scores, 4 * block * row), logarithms[row])));
      const weights = lockstep(f, x.map((v) => shareExp(f, v, relaxed)));
      pair.forEach((row, t) => {
        f.store('v128.store', turnedWeights, weights[t], 16 * row);
        const slope = f.local('v128', f.op('f32x4.mul', weights[t], f.op('f32x4.sub', f.load('v128.load', slopes, 4 * block * row), deltas[row])));
        f.store('v128.store', turnedSlopes, slope, 16 * row);
        found.push(slope);
      });
    }
    transpose4(f, found).forEach((v, key) => f.store('v128.store', packed, v, 16 * key));
    for (const [p, bytes] of [[scores, 16], [slopes, 16], [packed, 64], [turnedWeights, 16 * block], [turnedSlopes, 16 * block]] as const) f.advance(p, bytes);
  }, f.op('i32.lt_u', scores, end));
}
