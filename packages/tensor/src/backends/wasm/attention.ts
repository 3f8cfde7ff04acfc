/** Attention on the wasm backend: which operand goes where. */
import type { AttentionParams } from '../js/attention.js';
import { broadcastStrides, sizeOf } from '../../shape.js';
import { nest } from '../nest.js';
import { writeAttentionGradient } from './attention-backward.js';
import { writeAttention } from './attention-forward.js';
import { block, strip, type Along, type Variant } from './attention-scores.js';
import { copyDense } from './copy.js';
import type { Engine } from './engine.js';
import type { Located, Place, Recipe } from './recipe.js';

/** A reach to every key there can be. */
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
  const room = (...n: number[]): Place => recipe.own(4 * sizeOf(n));
  const [T8, S8, D8, V8] = [up(T, 8), up(S, 8), up(D, 8), up(V, 8)];
  const row = (x: Located | undefined, axis: number, bytes = 4): number => (x ? x.strides[axis] * bytes : 0);
  const common = [T, S, D, V, scale, p.reach ?? everything, row(q, 1), row(k, 1), row(v, 1), row(mask, 2, 1), row(bias, 2)];
  const scratch = p.direction === 'forward'
    ? [row(outputs[0], 1), room(strip, D), room(S8, D), room(up(S, block), V8), room(strip, D), room(strip, block), room(strip, block), room(strip, V8), room(2, strip), recipe.own(128)]
    : [row(rest[2], 1), ...outputs.map((y) => row(y, 1)), room(T8, D), room(up(T, block), D8), room(T8, V), room(up(T, block), V8), room(S8, D), room(up(S, block), D8), room(S8, V),
      room(block, Math.max(D8, V8)), ...[strip, strip, strip, block, block].map((n) => room(n, block)), room(T, D8), room(block, D8), room(block, V8), recipe.own(128)];
  const params: (number | Place)[] = [...common, ...scratch, ...heads.map(([x]) => x.place)];
  loops.sizes.forEach((size, d) => params.push(size, ...heads.map(([x], i) => loops.strides[i][d] * (x.dtype === 'bool' ? 1 : 4))));
  const kernel = engine.kernel(`attention:${p.direction}:${variant.mask}:${variant.bias}:${depth}`, () => engine.compile((module) => (p.direction === 'forward' ? writeAttention : writeAttentionGradient)(module, variant)));
  const pairs = (T * S * (p.reach === null ? 1 : 0.5)) * (p.direction === 'forward' ? 1 : 2.5);
  recipe.step(kernel, params, sizeOf(loops.sizes), { nanoseconds: pairs * (1.5 + 0.042 * (D + V)) });
}
