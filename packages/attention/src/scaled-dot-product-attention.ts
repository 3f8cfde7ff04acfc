/** Scaled dot-product attention. */
import { add, attention, div, greaterEqual, logicalAnd, matmul, mul, random, reshape, ShapeError, softmax, tensor, transpose, ValueError, where, type Like, type Seed, type Tensor } from '@heed/tensor';
import { share } from '@heed/tensor/checks';
import { causalMask } from './masks.js';

export interface AttentionOptions {
  /** Bool, true = attend; broadcasts to [B, H, T, S]; [T, S] and [B, T, S] get the missing axes. */
  readonly mask?: Like | null;
  /** Added to the scores; broadcasts as the mask does. */
  readonly bias?: Like | null;
  /** Whether a query sees only keys up to its place, counted from the first; 'lower-right' counts from the last. */
  readonly causal?: boolean | 'lower-right';
  /** Scores are multiplied by this; 1 / sqrt(D) by default. */
  readonly scale?: number;
  /** Share of the weights that become 0, the others growing by 1 / (1 - dropout); needs a seed. */
  readonly dropout?: number;
  readonly seed?: Seed;
}

/** [T, S] and [B, T, S] with the axes they lack: [.., H or 1, T, S]. */
const toScores = (m: Tensor): Tensor => (m.rank === 3 ? reshape(m, [m.shape[0]!, 1, m.shape[1]!, m.shape[2]!]) : m);

/**
 * output_t = sum_s w_ts value_s, with w_t = softmax over s of scale (query_t . key_s) + bias. A query that may attend to nothing
 * gets 0, with gradient 0.
 *
 * Shape:  query [B, T, H, D], key [B, S, K, D], value [B, S, K, V] -> output [B, T, H, V], weights [B, H, T, S]; with fewer key
 *         heads K than H, each serves H / K query heads in a row.
 * Source: Vaswani et al. 2017; grouped heads: Ainslie et al. 2023.
 */
export function scaledDotProductAttention(query: Like, key: Like, value: Like, o: AttentionOptions & { readonly returnWeights: true }): { output: Tensor; weights: Tensor };
export function scaledDotProductAttention(query: Like, key: Like, value: Like, o?: AttentionOptions & { readonly returnWeights?: false }): Tensor;
export function scaledDotProductAttention(query: Like, key: Like, value: Like, { mask, bias, causal = false, scale, dropout = 0, seed, returnWeights = false }: AttentionOptions & { readonly returnWeights?: boolean } = {}): Tensor | { output: Tensor; weights: Tensor } {
  const [q, k, v] = [tensor(query), tensor(key), tensor(value)];
  const text = (t: Tensor) => `[${t.shape.join(', ')}]`;
  if (q.rank !== 4 || k.rank !== 4 || v.rank !== 4) throw new ShapeError(`scaledDotProductAttention: query ${text(q)}, key ${text(k)} and value ${text(v)} must have rank 4: [B, length, heads, size].`);
  const [B, T, H, D] = q.shape as [number, number, number, number];
  const [, S, K, V] = v.shape as [number, number, number, number];
  if (k.shape[0] !== B || v.shape[0] !== B) throw new ShapeError(`scaledDotProductAttention: batch sizes differ: query ${text(q)}, key ${text(k)}, value ${text(v)}.`);
  if (k.shape[3] !== D) throw new ShapeError(`scaledDotProductAttention: head sizes differ: query ${text(q)} has ${D}, key ${text(k)} has ${k.shape[3]}.`);
  if (k.shape[1] !== S || k.shape[2] !== K) throw new ShapeError(`scaledDotProductAttention: key ${text(k)} and value ${text(v)} must have the same length and heads.`);
  if (H % K) throw new ShapeError(`scaledDotProductAttention: ${H} query heads cannot share ${K} key heads evenly; ${K} must divide ${H}.`);
  share('scaledDotProductAttention', 'dropout', dropout);
  if (dropout && seed === undefined) throw new ValueError(`scaledDotProductAttention: dropout ${dropout} has no seed; pass { seed: number } or a SeedGenerator.`);
  const [given, added] = [mask, bias].map((x) => (x === undefined || x === null ? null : toScores(tensor(x)))) as [Tensor | null, Tensor | null];
  if (!dropout && !returnWeights) return attention(q, k, v, { mask: given, bias: added, scale, reach: causal === 'lower-right' ? S - T : causal ? 0 : null });
  const G = H / K;
  const heads = reshape(transpose(q, [0, 2, 1, 3]), [B, K, G * T, D]); // groups of queries that share keys, one below the other
  const scaled = mul(heads, scale ?? 1 / Math.sqrt(D));
  let scores = reshape(matmul(scaled, transpose(k, [0, 2, 3, 1])), [B, H, T, S]);
  if (added) scores = add(scores, added);
  const order = causal ? causalMask(T, S, { align: causal === 'lower-right' ? 'lower-right' : 'upper-left' }) : null;
  const attend = given && order ? logicalAnd(given, order) : given ?? order;
  const weights = softmax(scores, { mask: attend ?? undefined }); // [B, H, T, S]
  const used = dropout ? where(greaterEqual(random.uniform(weights.shape, { seed: seed! }), dropout), div(weights, 1 - dropout), 0) : weights;
  const output = transpose(reshape(matmul(reshape(used, [B, K, G * T, S]), transpose(v, [0, 2, 1, 3])), [B, H, T, V]), [0, 2, 1, 3]); // [B, T, H, V]
  return returnWeights ? { output, weights } : output;
}
