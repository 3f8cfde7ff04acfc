/** Scaled dot-product attention without its matrix of weights: a fused kernel where the backend has one, smaller ops elsewhere. */
import { attentionFamily, type AttentionParams } from '../backends/js/attention.js';
import { arange, tensor, type Like } from '../create.js';
import { promote, toFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { defineOp, run, type Op } from '../op.js';
import { formatShape } from '../shape.js';
import type { Spec, Tensor } from '../tensor.js';
import { add, equal, greaterEqual, logicalAnd, mul, sub, where } from './binary.js';
import { cast } from './cast.js';
import { matmul } from './matmul.js';
import { logsumexp } from './reduce.js';
import { expandDims, reshape, transpose } from './reshape.js';
import { softmax } from './softmax.js';
import { sum } from './sum.js';
import { abs, exp } from './unary.js';
import { withOp } from './with-op.js';

interface Attributes {
  readonly scale: number;
  readonly reach: number | null;
  readonly masked: boolean;
  readonly biased: boolean;
}

/** Query [B, T, H, D], key [B, S, K, D], value [B, S, K, V]: their sizes, and the group G = H / K of query heads that share keys. */
function sizesOf([query, key, value]: readonly Spec[]) {
  const [B, T, H, D] = query!.shape as [number, number, number, number];
  const [, S, K] = key!.shape as [number, number, number];
  return { B, T, H, D, S, K, G: H / K, V: value!.shape[3]! };
}
type Sizes = ReturnType<typeof sizesOf>;

/** [B, L, H, C] -> [B, K, G L, C]: groups of heads that share keys, one below the other. */
const below = (x: Tensor, { B, K, G }: Sizes): Tensor => {
  const [, L, , C] = x.shape as [number, number, number, number];
  return reshape(transpose(reshape(x, [B, L, K, G, C]), [0, 2, 3, 1, 4]), [B, K, G * L, C]);
};
/** The way back. */
const beside = (x: Tensor, { B, K, G, H }: Sizes): Tensor => {
  const [L, C] = [x.shape[2]! / G, x.shape[3]!];
  return reshape(transpose(reshape(x, [B, K, G, L, C]), [0, 3, 1, 2, 4]), [B, L, H, C]);
};
/** [B, S, K, C] -> [B, K, S, C]. */
const headsFirst = (x: Tensor): Tensor => transpose(x, [0, 2, 1, 3]);

/** The scores [B, H, T, S], and where they count (null: everywhere). */
function scoresOf([query, key]: readonly Tensor[], mask: Tensor | undefined, bias: Tensor | undefined, { scale, reach }: Attributes, s: Sizes): { scores: Tensor; seen: Tensor | null } {
  const product = reshape(matmul(mul(below(query!, s), scale), headsFirst(key!), { transposeB: true }), [s.B, s.H, s.T, s.S]);
  const order = reach === null ? null : greaterEqual(expandDims(add(arange(s.T, { dtype: 'int32' }), reach), 1), arange(s.S, { dtype: 'int32' }));
  return { scores: bias ? add(product, bias) : product, seen: mask && order ? logicalAnd(mask, order) : mask ?? order };
}

const optional = (rest: readonly Tensor[], { masked, biased }: Attributes): [mask: Tensor | undefined, bias: Tensor | undefined] =>
  [masked ? rest[0] : undefined, biased ? rest[masked ? 1 : 0] : undefined];

const call = (direction: AttentionParams['direction'], a: Attributes & { readonly needBias?: boolean }) => ({ family: attentionFamily, params: { direction, ...a } });

/** Output [B, T, H, V] and the logarithm of each query's sum of e^score, [B, H, T]: minus infinity where it may attend to nothing. */
export const attentionOp: Op<Attributes> = defineOp<Attributes>({
  name: 'attention',
  infer(inputs) {
    const { B, T, H, V } = sizesOf(inputs);
    const { dtype } = inputs[0]!;
    return [{ shape: [B, T, H, V], dtype }, { shape: [B, H, T], dtype }];
  },
  compose([query, key, value, ...rest], a) {
    const s = sizesOf([query!, key!, value!]);
    const { scores, seen } = scoresOf([query!, key!], ...optional(rest, a), a, s);
    const weights = softmax(scores, { mask: seen ?? undefined }); // [B, H, T, S]
    const output = beside(matmul(reshape(weights, [s.B, s.K, s.G * s.T, s.S]), headsFirst(value!)), s);
    const shown = seen ? where(seen, scores, -Infinity) : scores;
    return [output, s.S ? logsumexp(shown, { axis: -1 }) : sub(sum(shown, { axis: -1 }), Infinity)];
  },
  fused: (_, a) => call('forward', a),
  vjp: {
    joint([g, gl], { x, y, a }, need) {
      const [query, key, value, ...rest] = x as [Tensor, Tensor, Tensor, ...Tensor[]];
      const [output, logarithm] = y as [Tensor, Tensor];
      const s = sizesOf(x);
      const go = g ?? mul(output, 0);
      // What a score's gradient lacks from its query's others: sum_s w_s dw_s = go . output.
      const own = transpose(sum(mul(go, output), { axis: -1 }), [0, 2, 1]); // [B, H, T]
      const delta = gl ? sub(own, gl) : own;
      const found = run(attentionGradientOp, [query, key, value, logarithm, delta, go, ...rest], { ...a, needBias: a.biased && Boolean(need[x.length - 1]) });
      const grouped = (t: Tensor): Tensor => (s.G === 1 ? t : sum(reshape(t, [s.B, s.S, s.K, s.G, t.shape[3]!]), { axis: 3 }));
      const gradients: (Tensor | null)[] = [found[0]!, grouped(found[1]!), grouped(found[2]!), ...(a.masked ? [null] : []), ...(a.biased ? [found[3] ?? null] : [])];
      return gradients.map((t, k) => (need[k] ? t : null));
    },
  },
});

/** The gradients of query [B, T, H, D], and of key and value for each query head, [B, S, H, D] and [B, S, H, V]; of the bias, if needed. */
export const attentionGradientOp: Op<Attributes & { readonly needBias: boolean }> = defineOp<Attributes & { readonly needBias: boolean }>({
  name: 'attentionGradient',
  infer(inputs, { needBias }) {
    const { B, T, H, D, S, V } = sizesOf(inputs);
    const { dtype } = inputs[0]!;
    const shapes = [[B, T, H, D], [B, S, H, D], [B, S, H, V], ...(needBias ? [inputs[inputs.length - 1]!.shape] : [])];
    return shapes.map((shape) => ({ shape, dtype }));
  },
  compose([query, key, value, logarithm, delta, go, ...rest], a) {
    const s = sizesOf([query!, key!, value!]);
    const [mask, bias] = optional(rest, a);
    const { scores, seen } = scoresOf([query!, key!], mask, bias, a, s);
    const column = (x: Tensor): Tensor => expandDims(x, -1); // [B, H, T, 1]
    const finite = where(equal(abs(logarithm!), Infinity), 0, logarithm!);
    // Where nothing is seen e^0 is taken and dropped, so that no infinity comes near.
    const weights = seen ? mul(exp(sub(where(seen, scores, column(finite)), column(finite))), cast(seen, scores.dtype)) : exp(sub(scores, column(finite)));
    const perHead = (x: Tensor): Tensor => transpose(reshape(expandDims(x, 3).broadcastTo([s.B, s.S, s.K, s.G, x.shape[3]!]), [s.B, s.S, s.H, x.shape[3]!]), [0, 2, 1, 3]); // [B, H, S, C]
    const gh = transpose(go!, [0, 2, 1, 3]); // [B, H, T, V]
    const dScores = mul(weights, sub(matmul(gh, perHead(value!), { transposeB: true }), column(delta!)));
    const scaled = mul(dScores, a.scale);
    const back = (x: Tensor): Tensor => transpose(x, [0, 2, 1, 3]);
    return [
      back(matmul(scaled, perHead(key!))),
      back(matmul(scaled, transpose(query!, [0, 2, 1, 3]), { transposeA: true })),
      back(matmul(weights, gh, { transposeA: true })),
      ...(a.needBias ? [sumToBias(dScores, bias!)] : []),
    ];
  },
  fused: (_, a) => call('backward', a),
  vjp: 'compose',
});

/** [B, H, T, S] summed to the shape that the bias was broadcast from. */
const sumToBias = (x: Tensor, { shape }: Tensor): Tensor => {
  const axes = x.shape.map((_, i) => i).filter((i) => (shape[i - (4 - shape.length)] ?? 1) === 1 && x.shape[i] !== 1);
  return reshape(axes.length ? sum(x, { axis: axes }) : x, shape);
};

export interface FusedAttentionOptions {
  /** Bool, broadcasts to [B, H, T, S]: true = attend. */
  readonly mask?: Like | null;
  /** Added to the scores; broadcasts as the mask does. */
  readonly bias?: Like | null;
  /** Query t sees keys up to t + reach; null, the default: all. */
  readonly reach?: number | null;
  readonly scale?: number;
}

/**
 * y_t = sum_s w_ts value_s, with w_t = softmax over s of scale (query_t . key_s) + bias, in pieces that stay in the cache: the weights
 * are never written down. A query that may attend to nothing gives 0.
 *
 * Shape:    query [B, T, H, D], key [B, S, K, D], value [B, S, K, V], K dividing H -> y [B, T, H, V].
 * Gradient: of query, key, value and bias, from the scores computed once more.
 * Source:   Vaswani et al. 2017; Milakov and Gimelshein 2018 and Rabe and Staats 2021 for the running softmax; Dao 2023 for the pieces.
 */
export const attention = /* @__PURE__ */ withOp(attentionOp, (query: Like, key: Like, value: Like, { mask, bias, reach = null, scale }: FusedAttentionOptions = {}): Tensor => {
  const given = [tensor(query), tensor(key), tensor(value)];
  const dtype = toFloat(given.reduce((d, x) => promote(d, x.dtype), given[0]!.dtype));
  const [q, k, v] = given.map((x) => cast(x, dtype)) as [Tensor, Tensor, Tensor];
  const rest = [mask, bias].filter((x) => x !== undefined && x !== null).map((x) => tensor(x));
  check([q, k, v], rest, mask !== undefined && mask !== null);
  const a = { scale: scale ?? 1 / Math.sqrt(q.shape[3]!), reach, masked: mask !== undefined && mask !== null, biased: bias !== undefined && bias !== null };
  return run(attentionOp, [q, k, v, ...rest.map((x, i) => (i === rest.length - 1 && a.biased ? cast(x, dtype) : x))], a)[0]!;
});

function check([q, k, v]: readonly Tensor[], rest: readonly Tensor[], masked: boolean): void {
  const text = [q!, k!, v!].map((x, i) => `${['query', 'key', 'value'][i]} ${formatShape(x.shape)}`).join(', ');
  if ([q!, k!, v!].some((x) => x.rank !== 4)) throw new ShapeError(`attention: ${text} must have rank 4: [B, length, heads, size].`);
  const s = sizesOf([q!, k!, v!]);
  if (k!.shape[0] !== s.B || v!.shape[0] !== s.B) throw new ShapeError(`attention: batch sizes differ: ${text}.`);
  if (k!.shape[3] !== s.D) throw new ShapeError(`attention: head sizes differ: ${text}; query and key must have the same.`);
  if (v!.shape[1] !== s.S || v!.shape[2] !== s.K) throw new ShapeError(`attention: ${text}; key and value must have the same length and heads.`);
  if (s.H % s.K) throw new ShapeError(`attention: ${s.H} query heads cannot share ${s.K} key heads evenly; ${s.K} must divide ${s.H}.`);
  rest.forEach((x, i) => {
    const name = masked && i === 0 ? 'mask' : 'bias';
    if (name === 'mask' && x.dtype !== 'bool') throw new DTypeError(`attention: mask ${formatShape(x.shape)} is ${x.dtype}; it must be bool, true = attend.`);
    const full = [s.B, s.H, s.T, s.S];
    const fits = x.rank <= 4 && x.shape.every((n, at) => n === 1 || n === full[at + 4 - x.rank]);
    if (!fits) throw new ShapeError(`attention: ${name} ${formatShape(x.shape)} does not broadcast to the scores ${formatShape(full)}.`);
  });
}
