/** Keras's Attention and AdditiveAttention. */
import { add, expandDims, greaterEqual, div, logicalAnd, matmul, mul, random, SeedGenerator, ShapeError, softmax, sum, tanh, transpose, ValueError, where, cast, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { share } from '@heed/tensor/checks';
import { Layer, nextSeed, type CallOptions, type LayerDefaults, type LayerOptions } from '@heed/layers';
import { causalMask } from './masks.js';

export interface AttentionLayerOptions extends LayerOptions {
  readonly useScale?: boolean;
  readonly dropout?: number;
  readonly seed?: number;
}

export interface AttentionOptions extends AttentionLayerOptions {
  readonly scoreMode?: 'dot' | 'concat';
}

export interface AttentionCallOptions extends CallOptions {
  readonly useCausalMask?: boolean;
  /** Whether the weights are returned beside the output: [output, weights]. As in Keras, they are those after dropout. */
  readonly returnAttentionScores?: boolean;
}

/** What both layers share: everything but the scores. Inputs come in the order query, value, key; the key defaults to the value. */
abstract class ScoredAttention<O extends AttentionLayerOptions = AttentionLayerOptions> extends Layer<O> {
  protected scale: Variable | null = null;
  private readonly generator: SeedGenerator;
  constructor(o: O) {
    super(o);
    const { dropout = 0 } = o;
    share(this.constructor.name, 'dropout', dropout);
    this.generator = new SeedGenerator(o.seed ?? nextSeed(), { name: `${this.name}/seed_generator` });
  }
  /** Refuses anything but a list of two or three sequences. */
  override build(shapes: Shape | readonly Shape[]): void {
    const list = shapes as readonly Shape[];
    if (!(list.length === 2 || list.length === 3) || !list.every((s) => Array.isArray(s) && s.length === 3)) {
      const got = list.every((s) => Array.isArray(s)) ? list.map((s) => `[${s.join(', ')}]`).join(', ') : `[${list.join(', ')}] alone`;
      throw new ShapeError(`${this.constructor.name}: expected query [B, T, C], value [B, S, V] and perhaps key [B, S, C], got ${got}.`);
    }
  }
  /** [B, T, C] and [B, S, C] -> [B, T, S]. */
  protected abstract scores(query: Tensor, key: Tensor): Tensor;

  override call([query, value, key = value]: readonly Tensor[], { mask, training = false, useCausalMask = false, returnAttentionScores = false }: AttentionCallOptions): Tensor | [Tensor, Tensor] {
    if (mask && !Array.isArray(mask)) throw new ValueError(`${this.constructor.name}: mask must be a list, [queryMask, valueMask]; null where there is none.`);
    const [queryMask, valueMask] = (Array.isArray(mask) ? mask : [mask]) as (Tensor | null | undefined)[];
    const scores = this.scores(query!, key!);
    const [T, S] = scores.shape.slice(-2) as [number, number];
    const seen = valueMask ? expandDims(valueMask, 1) : null; // [B, 1, S]
    const order = useCausalMask ? expandDims(causalMask(T, S), 0) : null; // [1, T, S]
    let weights = softmax(scores, { mask: (seen && order ? logicalAnd(seen, order) : seen ?? order) ?? undefined });
    const { dropout } = this.o;
    if (training && dropout) weights = where(greaterEqual(random.uniform(weights.shape, { seed: this.generator }), dropout), div(weights, 1 - dropout), 0);
    let output = matmul(weights, value!); // [B, T, V]
    if (queryMask) output = mul(output, cast(expandDims(queryMask, -1), output.dtype));
    return returnAttentionScores ? [output, weights] : output;
  }
  override computeMask(_x: readonly Tensor[], mask: Tensor | null | readonly (Tensor | null)[]): Tensor | null {
    return Array.isArray(mask) ? (mask[0] ?? null) : (mask as Tensor | null);
  }
}

/**
 * output = softmax(query key^T) value, without the usual 1 / sqrt(C); with `useScale` the scores are multiplied by a learned number.
 * Score mode 'concat' is Keras's: c sum_d tanh(scale (q + k)).
 *
 * Call:    apply([query, value, key?], { mask: [queryMask, valueMask], useCausalMask, returnAttentionScores, training }).
 * Shape:   query [B, T, C], value [B, S, V], key [B, S, C] -> [B, T, V], weights [B, T, S].
 * Weights: scale [] with useScale, concat_score_weight [] with score mode 'concat'.
 * Source:  Luong et al. 2015. A query that may attend to nothing gets 0 (Keras attends evenly to padding).
 */
export class Attention extends ScoredAttention<AttentionOptions> {
  static override readonly defaults: LayerDefaults<AttentionOptions> = { useScale: false, scoreMode: 'dot', dropout: 0, seed: null };
  private concatWeight: Variable | null = null;
  private readonly scoreMode: 'dot' | 'concat';
  constructor(o: AttentionOptions = {}) {
    super(o);
    this.scoreMode = this.o.scoreMode;
    if (!['dot', 'concat'].includes(this.scoreMode)) throw new ValueError(`Attention: there is no scoreMode '${String(o.scoreMode)}'; use 'dot' or 'concat'.`);
  }
  override build(shapes: Shape | readonly Shape[]): void {
    super.build(shapes);
    if (this.o.useScale) this.scale = this.addWeight('scale', [], { initializer: 'ones' });
    if (this.scoreMode === 'concat') this.concatWeight = this.addWeight('concat_score_weight', [], { initializer: 'ones' });
  }
  protected scores(query: Tensor, key: Tensor): Tensor {
    if (this.scoreMode === 'dot') {
      const s = matmul(query, transpose(key, [0, 2, 1]));
      return this.scale ? mul(s, this.scale.value) : s;
    }
    const both = add(expandDims(query, 2), expandDims(key, 1)); // [B, T, S, C]
    return mul(sum(tanh(this.scale ? mul(both, this.scale.value) : both), { axis: -1 }), this.concatWeight!.value);
  }
}

/**
 * Scores by a sum: e_ts = sum_d scale_d tanh(q_t + k_s)_d. It has no projections (BahdanauAttention has).
 *
 * Call and shapes as Attention. Weights: scale [C] with useScale (the default).
 */
export class AdditiveAttention extends ScoredAttention {
  static override readonly defaults: LayerDefaults<AttentionLayerOptions> = { useScale: true, dropout: 0, seed: null };
  constructor(o: AttentionLayerOptions = {}) { super(o); }
  override build(shapes: Shape | readonly Shape[]): void {
    super.build(shapes);
    const query = (shapes as readonly Shape[])[0]!;
    if (this.o.useScale) this.scale = this.addWeight('scale', [query[query.length - 1]!], { initializer: 'glorot_uniform' });
  }
  protected scores(query: Tensor, key: Tensor): Tensor {
    const hidden = tanh(add(expandDims(query, 2), expandDims(key, 1))); // [B, T, S, C]
    return sum(this.scale ? mul(hidden, this.scale.value) : hidden, { axis: -1 });
  }
}
