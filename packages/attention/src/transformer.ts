/** Transformer blocks, with KerasHub's names, layouts and defaults. */
import { add, ShapeError, ValueError, type Shape, type Tensor } from '@heed/tensor';
import { share, wholeNumber } from '@heed/tensor/checks';
import { Dense, Dropout, getActivation, Layer, LayerNormalization, type ActivationLike, type CallOptions, type LayerDefaults, type LayerOptions } from '@heed/layers';
import { MultiHeadAttention } from './multi-head-attention.js';

export interface TransformerOptions extends LayerOptions {
  /** Size of the hidden layer of the feedforward network. */
  readonly intermediateDim: number;
  readonly numHeads: number;
  readonly dropout?: number;
  readonly activation?: ActivationLike;
  readonly layerNormEpsilon?: number;
  /** Whether each part normalizes its input (as GPT-2) and not its sum with the input (as BERT, the default). */
  readonly normalizeFirst?: boolean;
  readonly seed?: number;
}

export interface TransformerEncoderCallOptions extends CallOptions {
  /** Bool [B, T], true = a real place; by default the mask that the input carries. */
  readonly paddingMask?: Tensor | null;
  /** Bool [T, T], [B, T, T] or [B, H, T, T]. */
  readonly attentionMask?: Tensor | null;
  readonly returnAttentionScores?: boolean;
}

export interface TransformerDecoderCallOptions extends CallOptions {
  readonly decoderPaddingMask?: Tensor | null;
  readonly decoderAttentionMask?: Tensor | null;
  /** Bool [B, S], true = a real place of the encoder's sequence; by default the mask that it carries. */
  readonly encoderPaddingMask?: Tensor | null;
  /** Bool [T, S], [B, T, S] or [B, H, T, S]. */
  readonly encoderAttentionMask?: Tensor | null;
  /** True by default. */
  readonly useCausalMask?: boolean;
}

/** A part of a block: a sublayer between normalization, dropout and the sum with its input. */
interface Part {
  readonly norm: LayerNormalization;
  readonly dropout: Dropout;
}

/** What both blocks share: the options, and how a part joins the stream. */
abstract class TransformerBlock extends Layer<TransformerOptions> {
  static override readonly defaults: LayerDefaults<TransformerOptions> = {
    intermediateDim: undefined, numHeads: undefined, dropout: 0, activation: 'relu', layerNormEpsilon: 1e-5, normalizeFirst: false, seed: null,
  };
  constructor(o: TransformerOptions) {
    super(o);
    const { intermediateDim, numHeads, dropout = 0 } = o;
    const who = this.constructor.name;
    for (const [name, n] of [['intermediateDim', intermediateDim], ['numHeads', numHeads]] as const) wholeNumber(who, name, n);
    share(who, 'dropout', dropout);
    getActivation(o.activation);
  }

  /** Options of the sublayer of this name; each draws with a seed of its own. */
  private sub(name: string, place: number) {
    const { seed } = this.o;
    return { name: `${this.name}/${name}`, dtype: this.dtype, ...(seed === undefined ? {} : { seed: seed + place }) };
  }
  protected makeAttention(name: string, place: number, [query, value]: readonly [Shape, Shape]): MultiHeadAttention {
    const { numHeads, dropout } = this.o;
    const channels = query[query.length - 1]!;
    if (query.length !== 3) throw new ShapeError(`${this.constructor.name}: expected x [B, T, C], got [${query.join(', ')}].`);
    if (channels < numHeads) throw new ShapeError(`${this.constructor.name}: x [${query.join(', ')}] has ${channels} channels for ${numHeads} heads; there must be at least one for each.`);
    const layer = new MultiHeadAttention(numHeads, Math.floor(channels / numHeads), { ...this.sub(name, place), dropout });
    layer.ensureBuilt([query, value]);
    return layer;
  }
  protected makeNorm(name: string, shape: Shape): LayerNormalization {
    const layer = new LayerNormalization({ ...this.sub(name, 0), epsilon: this.o.layerNormEpsilon });
    layer.ensureBuilt(shape);
    return layer;
  }
  protected makeDropout(name: string, place: number): Dropout { return new Dropout(this.o.dropout, this.sub(name, place)); }
  protected makeDense(name: string, units: number, shape: Shape, activation: ActivationLike = null): Dense {
    const layer = new Dense(units, { ...this.sub(name, 0), activation });
    layer.ensureBuilt(shape);
    return layer;
  }

  /** x + dropout(f(norm(x))) with normalizeFirst, norm(x + dropout(f(x))) without. */
  protected residual(x: Tensor, { norm, dropout }: Part, training: boolean, f: (x: Tensor) => Tensor): Tensor {
    const first = this.o.normalizeFirst;
    const y = add(x, dropout.apply(f(first ? norm.apply(x) : x), { training }) as Tensor);
    return first ? y : norm.apply(y);
  }
}

const maskAt = (mask: CallOptions['mask'], i: number): Tensor | null =>
  (Array.isArray(mask) ? (mask[i] ?? null) : i === 0 ? ((mask as Tensor | null | undefined) ?? null) : null);

/**
 * A block of an encoder: y = norm(x + attention(x, x)), z = norm(y + W_2 activation(W_1 y)).
 *
 * Call:    apply(x, { paddingMask?, attentionMask?, returnAttentionScores?, training? }).
 * Shape:   x [B, T, C] -> z, the same; weights [B, H, T, T].
 * Weights: self_attention_layer/..., self_attention_layer_norm/..., feedforward_layer_norm/..., feedforward_intermediate_dense/...,
 *          feedforward_output_dense/...
 * Source:  Vaswani et al. 2017, 3.1; normalizeFirst: Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture".
 */
export class TransformerEncoder extends TransformerBlock {
  private attention!: MultiHeadAttention;
  private attentionNorm!: LayerNormalization;
  private attentionDropout!: Dropout;
  private feedforwardNorm!: LayerNormalization;
  private intermediate!: Dense;
  private output!: Dense;
  private feedforwardDropout!: Dropout;
  constructor(o: TransformerOptions) { super(o); }

  override build(shapes: Shape | readonly Shape[]): void {
    const shape = shapes as Shape;
    const { intermediateDim, activation } = this.o;
    this.attention = this.makeAttention('self_attention_layer', 1, [shape, shape]);
    this.attentionNorm = this.makeNorm('self_attention_layer_norm', shape);
    this.attentionDropout = this.makeDropout('self_attention_dropout', 2);
    this.feedforwardNorm = this.makeNorm('feedforward_layer_norm', shape);
    this.intermediate = this.makeDense('feedforward_intermediate_dense', intermediateDim, shape, activation);
    this.output = this.makeDense('feedforward_output_dense', shape[shape.length - 1]!, [...shape.slice(0, -1), intermediateDim]);
    this.feedforwardDropout = this.makeDropout('feedforward_dropout', 3);
  }

  override call(x: Tensor, { mask, paddingMask, attentionMask = null, returnAttentionScores = false, training = false }: TransformerEncoderCallOptions): Tensor | [Tensor, Tensor] {
    const valueMask = paddingMask ?? maskAt(mask, 0);
    let weights: Tensor | undefined;
    const y = this.residual(x, { norm: this.attentionNorm, dropout: this.attentionDropout }, training, (v) => {
      const found = this.attention.apply(v, v, { queryMask: maskAt(mask, 0), valueMask, attentionMask, returnAttentionScores, training }) as Tensor | [Tensor, Tensor];
      if (!Array.isArray(found)) return found;
      weights = found[1];
      return found[0];
    });
    const z = this.residual(y, { norm: this.feedforwardNorm, dropout: this.feedforwardDropout }, training, (v) => this.output.apply(this.intermediate.apply(v)));
    return weights ? [z, weights] : z;
  }
}

/**
 * A block of a decoder: attention among the places up to each one's own; then, where it is called with an encoder's sequence,
 * attention to that; then the feedforward network. Each is a residual part as in TransformerEncoder.
 *
 * Call:    apply(decoderSequence, encoderSequence?, { decoderPaddingMask?, encoderPaddingMask?, useCausalMask?, training?, ... }).
 *          The first call settles whether there is an encoder's sequence.
 * Shape:   decoderSequence [B, T, C], encoderSequence [B, S, E] -> [B, T, C].
 * Weights: self_attention/..., self_attention_layer_norm/..., cross_attention/..., cross_attention_layer_norm/...,
 *          feedforward_intermediate_dense/..., feedforward_output_dense/..., feedforward_layer_norm/...
 * Source:  Vaswani et al. 2017, 3.1.
 */
export class TransformerDecoder extends TransformerBlock {
  private selfAttention!: MultiHeadAttention;
  private selfNorm!: LayerNormalization;
  private selfDropout!: Dropout;
  private crossAttention: MultiHeadAttention | null = null;
  private crossNorm: LayerNormalization | null = null;
  private crossDropout: Dropout | null = null;
  private intermediate!: Dense;
  private output!: Dense;
  private feedforwardNorm!: LayerNormalization;
  private feedforwardDropout!: Dropout;
  constructor(o: TransformerOptions) { super(o); }

  override build(shapes: Shape | readonly Shape[]): void {
    const [shape, encoder] = (Array.isArray(shapes[0]) ? shapes : [shapes]) as readonly [Shape, Shape?];
    const { intermediateDim, activation } = this.o;
    this.selfAttention = this.makeAttention('self_attention', 1, [shape, shape]);
    this.selfNorm = this.makeNorm('self_attention_layer_norm', shape);
    this.selfDropout = this.makeDropout('self_attention_dropout', 2);
    if (encoder) {
      this.crossAttention = this.makeAttention('cross_attention', 3, [shape, encoder]);
      this.crossNorm = this.makeNorm('cross_attention_layer_norm', shape);
      this.crossDropout = this.makeDropout('cross_attention_dropout', 4);
    }
    this.intermediate = this.makeDense('feedforward_intermediate_dense', intermediateDim, shape, activation);
    this.output = this.makeDense('feedforward_output_dense', shape[shape.length - 1]!, [...shape.slice(0, -1), intermediateDim]);
    this.feedforwardNorm = this.makeNorm('feedforward_layer_norm', shape);
    this.feedforwardDropout = this.makeDropout('feedforward_dropout', 5);
  }

  /** Takes the sequences as two arguments, as KerasHub does, or [decoderSequence, encoderSequence?] as one. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  override apply(decoder: any, encoder?: any, o?: any): any {
    const plain = typeof encoder === 'object' && encoder !== null && Object.getPrototypeOf(encoder) === Object.prototype;
    if (encoder === undefined || encoder === null || plain) return super.apply(decoder, (plain ? encoder : o) ?? {});
    return super.apply([decoder, encoder], o ?? {});
  }

  override call(x: Tensor | readonly Tensor[], o: TransformerDecoderCallOptions): Tensor {
    const [decoder, encoder] = (Array.isArray(x) ? x : [x]) as [Tensor, Tensor?];
    const { mask, useCausalMask = true, training = false } = o;
    if (!encoder !== !this.crossAttention) {
      throw new ValueError(`TransformerDecoder: it was built ${encoder ? 'without' : 'with'} an encoder's sequence and is called ${encoder ? 'with' : 'without'} one; every call must be like the first.`);
    }
    let y = this.residual(decoder, { norm: this.selfNorm, dropout: this.selfDropout }, training, (v) => this.selfAttention.apply(v, v, {
      queryMask: maskAt(mask, 0), valueMask: o.decoderPaddingMask ?? maskAt(mask, 0), attentionMask: o.decoderAttentionMask ?? null, useCausalMask, training,
    }) as Tensor);
    if (encoder) {
      y = this.residual(y, { norm: this.crossNorm!, dropout: this.crossDropout! }, training, (v) => this.crossAttention!.apply(v, encoder, {
        valueMask: o.encoderPaddingMask ?? maskAt(mask, 1), attentionMask: o.encoderAttentionMask ?? null, training,
      }) as Tensor);
    }
    return this.residual(y, { norm: this.feedforwardNorm, dropout: this.feedforwardDropout }, training, (v) => this.output.apply(this.intermediate.apply(v)));
  }
}
