/**
 * Attention, backwards: blocks of keys, and for each the blocks of queries that see it. The scores are computed once more, and give the
 * weights P = e^(scores - logarithm) and their slopes dS = P (g V^T - delta) scale; then gv += P^T g, gk += dS^T Q, gq += dS K.
 * Source: Dao 2023, "FlashAttention-2".
 */
import { backwardSlots, block, emitScore, isCut, min, rowOf, type Variant } from './attention-scores.js';
import type { Local, Module, Operand } from './assembler.js';
import { writePack, writeTiles } from './gemm.js';
import { emitRows, param } from './loops.js';
import { lockstep, shareExp } from './math.js';

/** Writes `run`. Panels hold an operand whole, four rows or eight columns wide; blocks hold it as the right operand of a product over one block. */
export function writeAttentionGradient(module: Module, variant: Variant): void {
  const packRows = writePack(module, 4);
  const packColumns = writePack(module, 8);
  const tiles = writeTiles(module, variant.relaxed);
  const operands = 9 + Number(variant.mask !== 'none') + Number(variant.bias !== 'none');
  module.func(['i32', 'i32', 'i32'], [], (f, parameters, from, to) => {
    const names = Object.fromEntries(backwardSlots.map((name, i) => [name, f.local('i32', param(f, parameters, i))])) as Record<(typeof backwardSlots)[number], Local>;
    const { T, S, D, V, reach, qRow, kRow, vRow, maskRow, biasRow, gRow, gqRow, gkRow, gvRow, qPanels, qBlocks, gPanels, gBlocks, kPanels, kBlocks, vPanels, scores, slopes, packed, edge } = names;
    const factor = f.local('f32', f.op('f32.reinterpret_i32', names.scale));
    const scale = f.local('v128', f.op('f32x4.splat', factor));
    const [i, j, n, m, r, c, p, s, hide] = Array.from({ length: 9 }, () => f.local('i32'));
    const add = (a: Operand, b: Operand) => f.op('i32.add', a, b);
    const times = (a: Operand, b: Operand) => f.op('i32.mul', a, b);
    const each = (index: Local, end: Operand, by: number, body: () => void) => {
      f.set(index, 0);
      f.while(f.op('i32.lt_u', index, end), () => { body(); f.advance(index, by); });
    };
    const bytesOf = (columns: Local) => f.local('i32', times(f.op('i32.and', add(columns, 7), -8), 4));
    const [wideD, wideV] = [bytesOf(D), bytesOf(V)];
    const zeroRows = (start: Local, rows: Local, stride: Local, columns: Local) => each(r, rows, 1, () => {
      f.set(p, add(start, times(r, stride)));
      each(c, columns, 1, () => { f.store('i32.store', p, 0); f.advance(p, 4); });
    });
    const left = (total: Local, at: Local) => min(f, f.op('i32.sub', total, at), block);
    emitRows(f, parameters, from, to, backwardSlots.length, operands, variant.depth, (at) => {
      const [q, k, v, logarithm, delta, g] = at;
      const maskAt = variant.mask === 'none' ? null : at[6];
      const biasAt = variant.bias === 'none' ? null : at[maskAt ? 7 : 6];
      const place = { i, j, n, reach, mask: maskAt, bias: biasAt, maskRow, biasRow };
      const [gq, gk, gv] = at.slice(-3);
      zeroRows(gq, T, gqRow, D);
      zeroRows(gk, S, gkRow, D);
      zeroRows(gv, S, gvRow, V);
      f.run(f.call(packRows, qPanels, q, 4, qRow, D, T));
      f.run(f.call(packRows, gPanels, g, 4, gRow, V, T));
      f.run(f.call(packColumns, kPanels, k, 4, kRow, D, S));
      f.run(f.call(packColumns, vPanels, v, 4, vRow, V, S));
      each(i, T, block, () => {
        f.run(f.call(packColumns, add(qBlocks, times(i, wideD)), add(q, times(i, qRow)), qRow, 4, left(T, i), D));
        f.run(f.call(packColumns, add(gBlocks, times(i, wideV)), add(g, times(i, gRow)), gRow, 4, left(T, i), V));
      });
      each(j, S, block, () => f.run(f.call(packColumns, add(kBlocks, times(j, wideD)), add(k, times(j, kRow)), kRow, 4, left(S, j), D)));
      each(j, S, block, () => {
        f.set(n, left(S, j));
        each(i, T, block, () => {
          f.set(m, left(T, i));
          f.if(f.op('i32.gt_s', add(add(i, m), reach), j), () => {
            const product = (a: Local, depth: Local, b: Local, into: Local) => f.run(f.call(tiles,
              add(a, times(i, times(depth, 4))), add(b, times(j, times(depth, 4))), into, m, n, depth, 32, times(depth, 32), 4 * block, 0, edge));
            product(qPanels, D, kPanels, scores);
            product(gPanels, V, vPanels, slopes);
            f.set(hide, isCut(f, place));
            each(r, m, 1, () => {
              const row = rowOf(f, variant, place, r, hide);
              const ofQuery = f.op('i32.shl', add(i, r), 2);
              const top = f.local('v128', f.load('v128.load32_splat', add(logarithm, ofQuery)));
              // A query that sees nothing: 0 instead of minus infinity, so that every weight is 0.
              f.set(top, f.op('v128.bitselect', f.f32x4(0), top, f.op('f32x4.eq', top, f.f32x4(-Infinity))));
              const own = f.local('v128', f.load('v128.load32_splat', add(delta, ofQuery)));
              f.set(p, add(scores, times(r, 4 * block)));
              f.set(s, add(slopes, times(r, 4 * block)));
              each(c, n, 4, () => {
                const x = emitScore(f, variant, f.load('v128.load', p), scale, row, c);
                const [weight] = lockstep(f, [shareExp(f, f.local('v128', f.op('f32x4.sub', x, top)), variant.relaxed)]);
                f.store('v128.store', p, weight);
                f.store('v128.store', s, f.op('f32x4.mul', f.op('f32x4.mul', weight, f.op('f32x4.sub', f.load('v128.load', s), own)), scale));
                f.advance(p, 16);
                f.advance(s, 16);
              });
            });
            /** into += (a block of scores or slopes, transposed) times a block of queries. */
            const turned = (a: Local, b: Local, wide: Local, columns: Local, into: Local, row: Local) => {
              f.run(f.call(packRows, packed, a, 4 * block, 4, m, n));
              f.run(f.call(tiles, packed, add(b, times(i, wide)), add(into, times(j, row)), n, columns, m, 32, times(m, 32), row, 1, edge));
            };
            turned(scores, gBlocks, wideV, V, gv, gvRow);
            turned(slopes, qBlocks, wideD, D, gk, gkRow);
            f.run(f.call(packRows, packed, slopes, 4, 4 * block, n, m));
            f.run(f.call(tiles, packed, add(kBlocks, times(j, wideD)), add(gq, times(i, gqRow)), m, D, n, 32, times(n, 32), gqRow, 1, edge));
          });
        });
      });
    });
  }, 'run');
}
