/** Multi-head attention, with Keras's names, layouts and defaults. */
import { add, expandDims, logicalAnd, matmul, reshape, SeedGenerator, ShapeError, tensor, type Like, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { share, wholeNumber } from '@heed/tensor/checks';
import { attachMask, Layer, nextSeed, serialize, type ActivityOption, type CallOptions, type InitializerLike, type LayerDefaults, type LayerOptions, type WeightChoices } from '@heed/layers';
import { scaledDotProductAttention } from './scaled-dot-product-attention.js';

export interface MultiHeadAttentionOptions extends LayerOptions, ActivityOption, WeightChoices<'kernel' | 'bias'> {
  readonly valueDim?: number;
  readonly dropout?: number;
  readonly useBias?: boolean;
  /** Size of the output's last axis; the query's by default. */
  readonly outputShape?: number;
  readonly seed?: number;
}

export interface MultiHeadCallOptions {
  readonly key?: Like;
  /** Bool [B, T] or [B, S], true = attend; by default the masks that the inputs carry. */
  readonly queryMask?: Tensor | null;
  readonly valueMask?: Tensor | null;
  readonly keyMask?: Tensor | null;
  /** Bool [B, T, S] or [B, H, T, S]. */
  readonly attentionMask?: Tensor | null;
  readonly useCausalMask?: boolean;
  readonly returnAttentionScores?: boolean;
  readonly training?: boolean;
}

/** An initializer that shares no seed with this one, so that kernels of one shape differ. */
const anew = (initializer: InitializerLike): InitializerLike => (typeof initializer === 'function' && !('getConfig' in initializer) ? initializer : serialize(initializer, 'MultiHeadAttention') as InitializerLike);

/**
 * Several attentions side by side: query, key and value are projected for each head, scaled dot-product attention runs in each, and
 * the heads' outputs are projected together.
 *
 * Call:    apply(query, value, { key?, attentionMask?, useCausalMask?, returnAttentionScores?, training? }); key defaults to value.
 * Shape:   query [B, T, D], value [B, S, E] -> [B, T, D]; weights [B, H, T, S], those before dropout.
 * Weights: query/kernel [D, H, keyDim], query/bias [H, keyDim], key/..., value/kernel [E, H, valueDim], ...,
 *          attention_output/kernel [H, valueDim, D], attention_output/bias [D].
 * Source:  Vaswani et al. 2017.
 */
export class MultiHeadAttention extends Layer<MultiHeadAttentionOptions> {
  static override readonly positional = ['numHeads', 'keyDim'];
  static override readonly defaults: LayerDefaults<MultiHeadAttentionOptions> = {
    valueDim: null, dropout: 0, useBias: true, outputShape: null, kernelInitializer: 'glorot_uniform', biasInitializer: 'zeros',
    kernelRegularizer: null, biasRegularizer: null, activityRegularizer: null, kernelConstraint: null, biasConstraint: null, seed: null,
  };
  private readonly valueDim: number;
  private readonly generator: SeedGenerator;
  private readonly kernels: Partial<Record<'query' | 'key' | 'value' | 'attention_output', { kernel: Variable; bias: Variable | null }>> = {};
  constructor(readonly numHeads: number, readonly keyDim: number, o: MultiHeadAttentionOptions = {}) {
    super({ ...o, valueDim: o.valueDim ?? keyDim });
    const { valueDim = keyDim, outputShape = 1, dropout = 0 } = o;
    for (const [name, n] of [['numHeads', numHeads], ['keyDim', keyDim], ['valueDim', valueDim], ['outputShape', outputShape]] as const) wholeNumber('MultiHeadAttention', name, n);
    share('MultiHeadAttention', 'dropout', dropout);
    this.valueDim = valueDim;
    this.generator = new SeedGenerator(o.seed ?? nextSeed(), { name: `${this.name}/seed_generator` });
  }

  override build(shapes: Shape | readonly Shape[]): void {
    const list = shapes as readonly Shape[];
    if (!(list.length === 2 || list.length === 3) || !list.every((s) => Array.isArray(s) && s.length === 3)) {
      const got = list.every((s) => Array.isArray(s)) ? list.map((s) => `[${s.join(', ')}]`).join(', ') : `[${list.join(', ')}] alone`;
      throw new ShapeError(`MultiHeadAttention: expected query [B, T, D], value [B, S, E] and perhaps key [B, S, F], got ${got}.`);
    }
    const [query, value, key = value] = (shapes as readonly Shape[]).map((s) => s[s.length - 1]!) as [number, number, number?];
    const { numHeads: H, keyDim, valueDim } = this;
    const out = this.o.outputShape ?? query;
    const add = (name: 'query' | 'key' | 'value' | 'attention_output', kernel: Shape, bias: Shape, fanIn: number, fanOut: number) => {
      this.kernels[name] = {
        kernel: this.addWeight(`${name}/kernel`, kernel, { ...this.choices('kernel'), initializer: anew(this.o.kernelInitializer), fans: [fanIn, fanOut] }),
        bias: this.o.useBias ? this.addWeight(`${name}/bias`, bias, { ...this.choices('bias'), initializer: anew(this.o.biasInitializer) }) : null,
      };
    };
    add('query', [query, H, keyDim], [H, keyDim], query, H * keyDim);
    add('key', [key!, H, keyDim], [H, keyDim], key!, H * keyDim);
    add('value', [value, H, valueDim], [H, valueDim], value, H * valueDim);
    add('attention_output', [H, valueDim, out], [out], H * valueDim, out);
  }

  /** x W + b for each head: [B, T, C] -> [B, T, H, size]. */
  private project(name: 'query' | 'key' | 'value', x: Tensor): Tensor {
    const { kernel, bias } = this.kernels[name]!;
    const [c, h, d] = kernel.shape as [number, number, number];
    const y = reshape(matmul(x, reshape(kernel.value, [c, h * d])), [x.shape[0]!, x.shape[1]!, h, d]);
    return bias ? add(y, bias.value) : y;
  }

  /** Takes query and value as two arguments, as Keras does, or [query, value, key?] as one. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  override apply(query: any, value?: any, o: any = {}): any {
    if (Array.isArray(query) && (value === undefined || isOptions(value))) return super.apply(query, value ?? {});
    const { key, ...rest } = o as MultiHeadCallOptions;
    return super.apply(key === undefined ? [query, value] : [query, value, key], rest as Record<string, unknown>);
  }

  override call([query, value, key = value]: readonly Tensor[], o: MultiHeadCallOptions & CallOptions): Tensor | [Tensor, Tensor] {
    const { attentionMask, useCausalMask = false, returnAttentionScores = false, training = false } = o;
    const carried = Array.isArray(o.mask) ? o.mask : [o.mask];
    const queryMask = o.queryMask ?? carried[0] ?? null;
    const masks = [[queryMask, 2], [o.valueMask ?? carried[1], 1], [o.keyMask ?? carried[2], 1]] as const;
    let mask: Tensor | null = attentionMask ?? null;
    for (const [m, axis] of masks) {
      if (!m) continue;
      const wide = expandDims(tensor(m), axis); // [B, T, 1] or [B, 1, S]
      mask = mask ? logicalAnd(mask, mask.rank === 4 ? expandDims(wide, 1) : wide) : wide;
    }
    const { dropout } = this.o;
    const projected = [this.project('query', query!), this.project('key', key!), this.project('value', value!)] as const;
    const options = { mask, causal: useCausalMask, ...(training && dropout ? { dropout, seed: this.generator } : {}) };
    // Where nobody asks for the weights they are never written down.
    const { output, weights } = returnAttentionScores
      ? scaledDotProductAttention(...projected, { ...options, returnWeights: true })
      : { output: scaledDotProductAttention(...projected, options), weights: null };
    const { kernel, bias } = this.kernels.attention_output!;
    const [h, v, d] = kernel.shape as [number, number, number];
    const flat = matmul(reshape(output, [output.shape[0]!, output.shape[1]!, h * v]), reshape(kernel.value, [h * v, d]));
    const y = bias ? add(flat, bias.value) : flat;
    attachMask(y, queryMask);
    return weights ? [y, weights] : y;
  }
  /** `call` gives the output the mask of the query itself, an explicit one included. */
  override computeMask(): null { return null; }
}

const isOptions = (x: unknown): boolean => typeof x === 'object' && x !== null && Object.getPrototypeOf(x) === Object.prototype;
