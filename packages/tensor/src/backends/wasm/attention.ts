/**
 * Attention, forwards: for a block of queries after another, blocks of keys with a running softmax, so that the scores stay in the
 * cache and blocks that order hides are never computed. Source: Dao 2023, "FlashAttention-2"; Milakov and Gimelshein 2018.
 */
import type { AttentionParams } from '../js/attention.js';
import { broadcastStrides, sizeOf } from '../../shape.js';
import { nest } from '../nest.js';
import type { Func, Local, Module, Operand, Value } from './assembler.js';
import { writeAttentionGradient } from './attention-gradient.js';
import { copyDense, transpose4 } from './copy.js';
import type { Engine } from './engine.js';
import { writePack, writeTiles } from './gemm.js';
import { emitRows, loadLanes, loadSplat, param, storeSome } from './loops.js';
import { lockstep, log, shareExp } from './math.js';
import type { Located, Place, Recipe } from './recipe.js';

/** Queries and keys in a block; multiples of 8. */
export const block = 64;

/** How an operand of the scores is read along the keys: not there, one value for all, or one for each. */
export type Along = 'none' | 'still' | 'moving';
export interface Variant { relaxed: boolean; depth: number; mask: Along; bias: Along }

/** Parameters by place, sizes first, row strides in bytes; then the loops over heads. */
const sizes = ['T', 'S', 'D', 'V', 'scale', 'reach'] as const;
export const forwardSlots = [...sizes, 'qRow', 'kRow', 'vRow', 'maskRow', 'biasRow', 'oRow', 'packedQ', 'packedK', 'packedV', 'scores', 'packedP', 'sums', 'rows', 'edge'] as const;
export const backwardSlots = [...sizes, 'qRow', 'kRow', 'vRow', 'maskRow', 'biasRow', 'gRow', 'gqRow', 'gkRow', 'gvRow',
  'qPanels', 'qBlocks', 'gPanels', 'gBlocks', 'kPanels', 'kBlocks', 'vPanels', 'scores', 'slopes', 'packed', 'edge'] as const;

/** Row strides that reach every query and key, whatever is not ordered. */
const everything = 2 ** 30;
const up = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Adds the steps of a call; the operands are float32 (the mask bool) and nothing is empty. */
export function planAttention(engine: Engine, recipe: Recipe, p: AttentionParams, given: readonly Located[], outputs: readonly Located[]): void {
  const dense = (x: Located): Located => (x.strides[x.shape.length - 1] === 1 || x.shape[x.shape.length - 1] === 1 ? x : copyDense(engine, recipe, x));
  const [q, k, v, ...rest] = given.map((x, i) => (i < 3 || (p.direction === 'backward' && i === 5) ? dense(x) : x));
  const [B, T, H, D] = q.shape;
  const [, S, K, V] = v.shape;
  const G = H / K;
  // Operands of the scores, seen as [B, H, T, S].
  const onScores = (x: Located | undefined): Located | undefined => {
    if (!x) return undefined;
    const last = broadcastStrides(x.shape, x.strides, [B, H, T, S])[3];
    const y = last === 0 || last === 1 || S === 1 ? x : copyDense(engine, recipe, x);
    return { ...y, shape: [B, H, T, S], strides: broadcastStrides(y.shape, y.strides, [B, H, T, S]) };
  };
  const extras = rest.slice(p.direction === 'forward' ? 0 : 3);
  const mask = onScores(p.masked ? extras[0] : undefined);
  const bias = onScores(p.biased ? extras[p.masked ? 1 : 0] : undefined);
  const along = (x: Located | undefined): Along => (!x ? 'none' : x.strides[3] === 0 || S === 1 ? 'still' : 'moving');

  /** Strides over [B, K, G] of what has an axis of query heads, or of key heads. */
  const byQuery = (b: number, h: number): number[] => [b, G * h, h];
  const perQuery = (x: Located, b = 0, h = 2) => byQuery(x.strides[b], x.strides[h]);
  const perKey = (x: Located) => [x.strides[0], x.strides[2], 0];
  const heads: [Located, number[]][] = [[q, perQuery(q)], [k, perKey(k)], [v, perKey(v)]];
  if (p.direction === 'backward') {
    heads.push([rest[0], perQuery(rest[0], 0, 1)], [rest[1], perQuery(rest[1], 0, 1)], [rest[2], perQuery(rest[2])]);
    if (rest[0].strides[2] !== 1 && T > 1) heads[3] = [copyDense(engine, recipe, rest[0]), byQuery(H * T, T)];
    if (rest[1].strides[2] !== 1 && T > 1) heads[4] = [copyDense(engine, recipe, rest[1]), byQuery(H * T, T)];
  }
  for (const x of [mask, bias]) if (x) heads.push([x, perQuery(x, 0, 1)]);
  if (p.direction === 'forward') heads.push([outputs[0], perQuery(outputs[0])], [outputs[1], perQuery(outputs[1], 0, 1)]);
  else for (const y of outputs) heads.push([y, perQuery(y)]);

  const loops = nest([B, K, G], heads.map(([, strides]) => ({ shape: [B, K, G], strides })));
  const depth = loops.sizes.length;
  const variant: Variant = { relaxed: engine.relaxed, depth, mask: along(mask), bias: along(bias) };
  const scale = new Int32Array(Float32Array.of(p.scale).buffer)[0];
  const room = (...n: number[]): Place => recipe.room(4 * sizeOf(n));
  const [T8, S8, D8, V8] = [up(T, 8), up(S, 8), up(D, 8), up(V, 8)];
  const row = (x: Located | undefined, axis: number, bytes = 4): number => (x ? x.strides[axis] * bytes : 0);
  const common = [T, S, D, V, scale, p.reach ?? everything, row(q, 1), row(k, 1), row(v, 1), row(mask, 2, 1), row(bias, 2)];
  const scratch = p.direction === 'forward'
    ? [row(outputs[0], 1), room(block, D), room(S8, D), room(up(S, block), V8), room(block, block), room(block, block), room(block, V8), room(3, block), recipe.room(128)]
    : [row(rest[2], 1), ...outputs.map((y) => row(y, 1)),
      room(T8, D), room(up(T, block), D8), room(T8, V), room(up(T, block), V8), room(S8, D), room(up(S, block), D8), room(S8, V), room(block, block), room(block, block), room(block, block), recipe.room(128)];
  const params: (number | Place)[] = [...common, ...scratch, ...heads.map(([x]) => x.place)];
  loops.sizes.forEach((size, d) => params.push(size, ...heads.map(([x], i) => loops.strides[i][d] * (x.dtype === 'bool' ? 1 : 4))));
  const kernel = engine.kernel(`attention:${p.direction}:${variant.mask}:${variant.bias}:${depth}`, () => engine.compile((module) => (p.direction === 'forward' ? writeAttention : writeAttentionGradient)(module, variant)));
  recipe.step(kernel, params, sizeOf(loops.sizes));
}

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

/** The larger of each lane and its neighbours, on every lane; or their sum. */
const across = (f: Func, v: Local, op: 'f32x4.pmax' | 'f32x4.add'): void => {
  f.set(v, f.op(op, v, f.local('v128', f.shuffle([2, 3, 0, 1], v, v))));
  f.set(v, f.op(op, v, f.local('v128', f.shuffle([1, 0, 3, 2], v, v))));
};

function writeAttention(module: Module, variant: Variant): void {
  const packRows = writePack(module, 4);
  const packColumns = writePack(module, 8);
  const tiles = writeTiles(module, variant.relaxed);
  const operands = 5 + Number(variant.mask !== 'none') + Number(variant.bias !== 'none');
  module.func(['i32', 'i32', 'i32'], [], (f, parameters, from, to) => {
    const names = Object.fromEntries(forwardSlots.map((name, i) => [name, f.local('i32', param(f, parameters, i))])) as Record<(typeof forwardSlots)[number], Local>;
    const { T, S, D, V, reach, qRow, kRow, vRow, maskRow, biasRow, oRow, packedQ, packedK, packedV, scores, packedP, sums, rows, edge } = names;
    const scale = f.local('v128', f.op('f32x4.splat', f.op('f32.reinterpret_i32', names.scale)));
    const [i, j, n, m, r, c, limit, last, p, s, hide] = Array.from({ length: 11 }, () => f.local('i32'));
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
          // Whether the block's first query sees fewer keys than there are, or the last vector is not full.
          f.set(hide, f.op('i32.or', f.op('i32.lt_s', add(add(i, 1), reach), add(j, n)), f.op('i32.and', n, 3)));
          each(r, m, 1, () => {
            f.set(limit, add(add(i, add(r, 1)), f.op('i32.sub', reach, j)));
            f.set(limit, f.op('select', limit, n, f.op('i32.lt_s', limit, n)));
            const pointers: RowPointers = {
              mask: maskAt && f.local('i32', add(add(maskAt, times(add(i, r), maskRow)), variant.mask === 'moving' ? j : 0)),
              bias: biasAt && f.local('i32', add(add(biasAt, times(add(i, r), biasRow)), variant.bias === 'moving' ? f.op('i32.shl', j, 2) : 0)),
              limit: f.local('v128', f.op('i32x4.splat', limit)), hide,
            };
            f.set(p, add(scores, times(r, 4 * block)));
            const high = f.local('v128', f.f32x4(-Infinity));
            each(c, n, 4, () => {
              const x = emitScore(f, variant, f.load('v128.load', p), scale, pointers, c);
              f.set(high, f.op('f32x4.pmax', high, x));
              f.store('v128.store', p, x);
              f.advance(p, 16);
            });
            across(f, high, 'f32x4.pmax');
            // The third column holds the block's maxima until the old ones are no longer needed.
            f.store('v128.store32_lane', top(r), high, 8 * block, 0);
          });
          each(r, m, 4, () => emitShares(f, { top: f.local('i32', top(r)), scores: f.local('i32', add(scores, times(r, 4 * block))), packed: f.local('i32', add(packedP, times(r, times(n, 4)))), n, c, p, s }));
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
function emitShares(f: Func, { top, scores, packed, n, c, p, s }: Shares): void {
  const old = f.local('v128', f.load('v128.load', top));
  const next = f.local('v128', f.op('f32x4.pmax', old, f.load('v128.load', top, 8 * block)));
  // Nothing seen yet: 0 is subtracted instead of minus infinity, so that every share is 0.
  const base = f.local('v128', f.op('v128.bitselect', f.f32x4(0), next, f.op('f32x4.eq', next, f.f32x4(-Infinity))));
  const [factor] = lockstep(f, [shareExp(f, f.local('v128', f.op('f32x4.sub', old, base)))]);
  const bases = [0, 1, 2, 3].map((lane) => f.local('v128', f.shuffle([lane, lane, lane, lane], base, base)));
  const totals = bases.map(() => f.local('v128', f.f32x4(0)));
  f.set(p, scores);
  f.set(s, packed);
  f.set(c, 0);
  f.while(f.op('i32.lt_u', c, n), () => {
    const shares: Local[] = [];
    for (const pair of [[0, 1], [2, 3]]) { // more vectors in flight would not fit in the registers
      const x = pair.map((row) => f.local('v128', f.op('f32x4.sub', f.load('v128.load', p, 4 * block * row), bases[row])));
      shares.push(...lockstep(f, x.map((v) => shareExp(f, v))));
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
