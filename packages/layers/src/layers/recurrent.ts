/** Recurrent layers: one cell applied along the time axis. */
import { add, cast, concat, div, expandDims, flip, greaterEqual, gruStep, lstmStep, matmul, mul, random, SeedGenerator, ShapeError, slice, split, sub, tensor, transpose, where, zeros, ValueError, type Like, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { scan } from '@heed/autograd';
import { share, wholeNumber } from '@heed/tensor/checks';
import { formatShape, sameShape } from '@heed/tensor/shape';
import { getActivation, type ActivationLike } from '../activations.js';
import { getInitializer, nextSeed, type InitializerLike } from '../initializers.js';
import { Layer, type ActivityOption, type CallOptions, type LayerDefaults, type LayerOptions, type WeightChoices } from '../layer.js';

export interface RecurrentOptions extends LayerOptions, ActivityOption, WeightChoices<'kernel' | 'recurrent' | 'bias'> {
  readonly activation?: ActivationLike;
  readonly useBias?: boolean;
  /** Rates of dropout in training: of the inputs, and of the state where it meets the recurrent kernel. One mask serves all steps. */
  readonly dropout?: number;
  readonly recurrentDropout?: number;
  readonly seed?: number;
  /** The outputs of all steps instead of the last. */
  readonly returnSequences?: boolean;
  /** The output, then the final states. */
  readonly returnState?: boolean;
  readonly goBackwards?: boolean;
}
const defaults: LayerDefaults<RecurrentOptions> = {
  activation: 'tanh', useBias: true, kernelInitializer: 'glorot_uniform', recurrentInitializer: 'orthogonal', biasInitializer: 'zeros',
  kernelRegularizer: null, recurrentRegularizer: null, biasRegularizer: null, activityRegularizer: null,
  kernelConstraint: null, recurrentConstraint: null, biasConstraint: null,
  dropout: 0, recurrentDropout: 0, seed: null, returnSequences: false, returnState: false, goBackwards: false,
};

/** What is carried along time: the states, and the last output where it is not one of them. */
type Walk = readonly [states: readonly Tensor[], output: Tensor | null];

/** What recurrent layers share: the walk along time, masks, states. A subclass says its weights and one step. */
export abstract class Recurrent<O extends RecurrentOptions = RecurrentOptions> extends Layer<O> {
  static override readonly positional = ['units'];
  static override readonly defaults: Readonly<Record<string, unknown>> = defaults;
  private readonly generator: SeedGenerator | null;
  kernel!: Variable;
  recurrentKernel!: Variable;
  bias: Variable | null = null;
  constructor(readonly units: number, o: O = {} as O) {
    super(o);
    const { dropout = 0, recurrentDropout = 0, seed } = o;
    wholeNumber(this.constructor.name, 'units', units);
    for (const [name, rate] of [['dropout', dropout], ['recurrentDropout', recurrentDropout]] as const) {
      share(this.constructor.name, name, rate);
    }
    this.generator = dropout || recurrentDropout ? new SeedGenerator(seed ?? nextSeed(), { name: `${this.name}/seed_generator` }) : null;
  }

  /** Gates per unit. */
  protected abstract readonly gates: number;
  /** State tensors: h, or h and c. */
  abstract readonly states: number;
  protected biasShape(): Shape { return [this.gates * this.units]; }
  protected biasInit(): InitializerLike { return this.o.biasInitializer!; }

  override build(shape: Shape | readonly Shape[]): void {
    const input = shape as Shape;
    if (input.length !== 3) throw new ShapeError(`${this.constructor.name}: expected x [B, T, C], got [${input.join(', ')}].`);
    this.kernel = this.addWeight('kernel', [input[2]!, this.gates * this.units], this.choices('kernel'));
    this.recurrentKernel = this.addWeight('recurrent_kernel', [this.units, this.gates * this.units], this.choices('recurrent'));
    if (this.o.useBias) this.bias = this.addWeight('bias', this.biasShape(), { ...this.choices('bias'), initializer: this.biasInit() });
  }

  /** x W (+ b) of all steps at once: [T, B, C] -> [T, B, gates units]. */
  project(x: Tensor): Tensor {
    const y = matmul(x, this.kernel.value);
    return this.bias ? add(y, this.inputBias(this.bias.value)) : y;
  }
  protected inputBias(bias: Tensor): Tensor { return bias; }

  /** Zeroes a part of x, the same at every call of the result: a mask of this shape, drawn once. Null where nothing is dropped. */
  private dropping(rate: number, training: boolean, shape: Shape): ((x: Tensor) => Tensor) | null {
    if (!training || !rate) return null;
    const keep = greaterEqual(random.uniform(shape, { seed: this.generator! }), rate);
    return (x) => where(keep, div(x, 1 - rate), 0);
  }

  /** A mask or a state that is given, of this shape. */
  private given(what: string, x: Like, shape: Shape): Tensor {
    const t = tensor(x);
    if (!sameShape(t.shape, shape)) throw new ShapeError(`${this.constructor.name}: ${what} is ${formatShape(t.shape)}; it must be ${formatShape(shape)}.`);
    return t;
  }

  /** The states after one step, given the projected input of that step; `thin` drops from the state before it meets the recurrent kernel. The first is the output. */
  abstract step(projected: Tensor, states: readonly Tensor[], thin?: (h: Tensor) => Tensor): Tensor[];

  override call(x: Tensor, { mask, initialState, training = false }: CallOptions): Tensor | Tensor[] {
    if (x.rank !== 3 || x.shape[2] !== this.kernel.shape[0]) throw new ShapeError(`${this.constructor.name}: expected x [B, T, ${this.kernel.shape[0]}], got [${x.shape.join(', ')}].`);
    const { returnSequences, returnState, goBackwards } = this.o;
    const [batch, steps] = x.shape as [number, number];
    if (steps === 0) throw new ShapeError(`${this.constructor.name}: x [${x.shape.join(', ')}] has no time steps; it needs at least one.`);
    if (initialState && initialState.length !== this.states) throw new ValueError(`${this.constructor.name}: initialState has ${initialState.length} tensors, it must have ${this.states}.`);
    const [thinInput, thin] = [this.dropping(this.o.dropout!, training, [batch, 1, x.shape[2]!]), this.dropping(this.o.recurrentDropout!, training, [batch, this.units])];
    // Time first, so that one step is one dense block.
    const early = (t: Tensor): Tensor => transpose(t, [1, 0, 2]);
    const projected = this.project(early(thinInput ? thinInput(x) : x));
    const like = { dtype: projected.dtype };
    const initial: readonly Tensor[] = initialState?.map((s, k) => cast(this.given(`initialState[${k}]`, s, [batch, this.units]), projected.dtype)) ?? Array.from({ length: this.states }, () => zeros([batch, this.units], like));
    const keep = mask ? early(expandDims(this.given('the mask', mask as Tensor, [batch, steps]), -1)) : null; // [T, B, 1]
    // A masked step holds the state and repeats the previous output, which is the state unless one was given to begin with.
    const repeats = keep !== null && Boolean(initialState);
    const step = ([states, before]: Walk, [p, k]: readonly Tensor[]): [Walk, Tensor | null] => {
      const next = this.step(p!, states, thin ?? undefined);
      const held = k ? next.map((s, i) => where(k, s, states[i]!)) : next;
      const output = before ? where(k!, next[0]!, before) : held[0]!;
      return [[held, before && output], returnSequences ? output : null];
    };
    const first = repeats ? zeros([batch, this.units], like) : null;
    const [[states, output], all] = scan(step, [initial, first] as Walk, keep ? [projected, keep] : [projected], { reverse: goBackwards });
    const y = all ? early(goBackwards ? flip(all, { axis: 0 }) : all) : output ?? states[0]!;
    return returnState ? [y, ...states] : y;
  }

  override computeMask(_x: Tensor, mask: Tensor | null): Tensor | null { return this.o.returnSequences ? mask : null; }

  /** The same options, for a twin that runs the other way. */
  get options(): RecurrentOptions { return this.o; }
}

/**
 * h' = activation(x W + h U + b).
 *
 * Weights: kernel [in, units], recurrent_kernel [units, units], bias [units].
 */
export class SimpleRNN extends Recurrent {
  protected readonly gates = 1;
  readonly states = 1;
  step(projected: Tensor, [h]: readonly Tensor[], thin = same): Tensor[] {
    return [getActivation(this.o.activation)(add(projected, matmul(thin(h!), this.recurrentKernel.value)))];
  }
}

export interface GatedOptions extends RecurrentOptions {
  readonly recurrentActivation?: ActivationLike;
}
const gatedDefaults: LayerDefaults<GatedOptions> = { ...defaults, recurrentActivation: 'sigmoid' };
const isDefault = (o: GatedOptions): boolean => o.activation === 'tanh' && o.recurrentActivation === 'sigmoid';

export interface LSTMOptions extends GatedOptions {
  /** The forget gate's bias begins at 1 (Jozefowicz et al. 2015). */
  readonly unitForgetBias?: boolean;
}

/**
 * c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'), with [i f g o] = x W + h U + b.
 *
 * Weights: kernel [in, 4 units], recurrent_kernel [units, 4 units], bias [4 units]; gates in the order i, f, c, o.
 * Source:  Hochreiter and Schmidhuber 1997.
 */
export class LSTM extends Recurrent<LSTMOptions> {
  static override readonly defaults: LayerDefaults<LSTMOptions> = { ...gatedDefaults, unitForgetBias: true };
  protected readonly gates = 4;
  readonly states = 2;
  protected override biasInit(): InitializerLike {
    if (!this.o.unitForgetBias) return super.biasInit();
    const rest = getInitializer(super.biasInit());
    return (_, dtype) => concat([rest([this.units], dtype), tensor(new Float32Array(this.units).fill(1), { dtype }), rest([2 * this.units], dtype)]);
  }
  step(projected: Tensor, [h, c]: readonly Tensor[], thin = same): Tensor[] {
    const gates = add(projected, matmul(thin(h!), this.recurrentKernel.value));
    if (isDefault(this.o)) return lstmStep(gates, c!);
    const [activation, gate] = [getActivation(this.o.activation), getActivation(this.o.recurrentActivation)];
    const [i, f, g, o] = split(gates, 4, { axis: -1 }) as [Tensor, Tensor, Tensor, Tensor];
    const cell = add(mul(gate(f), c!), mul(gate(i), activation(g)));
    return [mul(gate(o), activation(cell)), cell];
  }
}

export interface GRUOptions extends GatedOptions {
  /** Whether the reset gate acts after the matrix product (the default, with two biases) or before it. */
  readonly resetAfter?: boolean;
}

/**
 * h' = z h + (1 - z) tanh(x_h + r u_h), z = sigmoid(x_z + u_z), r = sigmoid(x_r + u_r), with x = x W + b, u = h U + c; with
 * `resetAfter: false`, the candidate is tanh(x_h + (r h) U_h).
 *
 * Weights: kernel [in, 3 units], recurrent_kernel [units, 3 units], bias [2, 3 units], or [3 units]; gates in the order z, r, h.
 * Source:  Cho et al. 2014.
 */
export class GRU extends Recurrent<GRUOptions> {
  static override readonly defaults: LayerDefaults<GRUOptions> = { ...gatedDefaults, resetAfter: true };
  protected readonly gates = 3;
  readonly states = 1;
  private get resetAfter(): boolean { return this.o.resetAfter; }
  protected override biasShape(): Shape { return this.resetAfter ? [2, 3 * this.units] : [3 * this.units]; }
  protected override inputBias(bias: Tensor): Tensor { return this.resetAfter ? slice(bias, 0) : bias; }
  step(projected: Tensor, [h]: readonly Tensor[], thin = same): Tensor[] {
    const { units } = this;
    const seen = thin(h!);
    const U = this.recurrentKernel.value;
    if (this.resetAfter) {
      const product = matmul(seen, U);
      const recurrent = this.bias ? add(product, slice(this.bias.value, 1)) : product;
      if (isDefault(this.o)) return [gruStep(projected, recurrent, h!)];
      const [activation, gate] = this.functions();
      const [xz, xr, xh] = split(projected, 3, { axis: -1 }) as [Tensor, Tensor, Tensor];
      const [uz, ur, uh] = split(recurrent, 3, { axis: -1 }) as [Tensor, Tensor, Tensor];
      return [mix(gate(add(xz, uz)), h!, activation(add(xh, mul(gate(add(xr, ur)), uh))))];
    }
    const [activation, gate] = this.functions();
    const [xz, xr, xh] = split(projected, 3, { axis: -1 }) as [Tensor, Tensor, Tensor];
    const [uz, ur] = split(matmul(seen, slice(U, null, [0, 2 * units])), 2, { axis: -1 }) as [Tensor, Tensor];
    const candidate = activation(add(xh, matmul(mul(gate(add(xr, ur)), seen), slice(U, null, [2 * units, null]))));
    return [mix(gate(add(xz, uz)), h!, candidate)];
  }
  private functions() { return [getActivation(this.o.activation), getActivation(this.o.recurrentActivation)] as const; }
}

const same = (h: Tensor): Tensor => h;
/** z h + (1 - z) c. */
const mix = (z: Tensor, h: Tensor, c: Tensor): Tensor => add(mul(z, h), mul(sub(1, z), c));

const mergeModes = ['concat', 'sum', 'ave', 'mul', null] as const;
export type MergeMode = (typeof mergeModes)[number];
export interface BidirectionalOptions extends LayerOptions {
  readonly mergeMode?: MergeMode;
  readonly backwardLayer?: Recurrent;
}

/**
 * A recurrent layer and its twin that reads backwards; their outputs joined (concat, sum, ave, mul), or both (null). In sequences,
 * masked steps are 0.
 *
 * Weights: the forward layer's, then the backward layer's. Source: Schuster and Paliwal 1997.
 */
export class Bidirectional extends Layer<BidirectionalOptions> {
  static override readonly positional = ['layer'];
  static override readonly defaults: LayerDefaults<BidirectionalOptions> = { mergeMode: 'concat', backwardLayer: null };
  readonly forwardLayer: Recurrent;
  readonly backwardLayer: Recurrent;
  private readonly mergeMode: MergeMode;
  constructor(layer: Recurrent, o: BidirectionalOptions = {}) {
    super(o);
    for (const [name, l] of [['layer', layer], ['backwardLayer', o.backwardLayer]] as const) {
      if (l !== undefined && l !== null && !(l instanceof Recurrent)) throw new ValueError(`Bidirectional: ${name} is a ${(l as object).constructor.name}; it must be recurrent: LSTM, GRU, SimpleRNN or one of your own.`);
    }
    if (!layer) throw new ValueError('Bidirectional: there is no layer; give the recurrent layer that reads forwards.');
    this.mergeMode = o.mergeMode === undefined ? 'concat' : o.mergeMode;
    if (!mergeModes.includes(this.mergeMode)) throw new ValueError(`Bidirectional: there is no mergeMode '${String(this.mergeMode)}'; use concat, sum, ave, mul or null.`);
    this.forwardLayer = layer;
    const Twin = layer.constructor as new (units: number, o: RecurrentOptions) => Recurrent;
    this.backwardLayer = o.backwardLayer ?? new Twin(layer.units, { ...layer.options, name: `backward_${layer.name}`, goBackwards: !layer.options.goBackwards });
    const [f, b] = [layer.options, this.backwardLayer.options];
    if (f.goBackwards === b.goBackwards) throw new ValueError(`Bidirectional: layer and backwardLayer both have goBackwards: ${f.goBackwards}; one must read the other way.`);
    for (const option of ['returnSequences', 'returnState'] as const) {
      if (f[option] !== b[option]) throw new ValueError(`Bidirectional: layer has ${option}: ${f[option]} and backwardLayer ${b[option]}; they must be equal.`);
    }
  }
  get layer(): Recurrent { return this.forwardLayer; }
  override build(shape: Shape | readonly Shape[]): void {
    this.forwardLayer.ensureBuilt(shape);
    this.backwardLayer.ensureBuilt(shape);
  }
  override call(x: Tensor, o: CallOptions): Tensor | Tensor[] {
    const n = this.forwardLayer.states;
    if (o.initialState && o.initialState.length !== 2 * n) throw new ValueError(`Bidirectional: initialState has ${o.initialState.length} tensors, it must have ${2 * n}: those of ${this.forwardLayer.name}, then those of ${this.backwardLayer.name}.`);
    const half = (k: number) => ({ ...o, initialState: o.initialState?.slice(k * n, (k + 1) * n) });
    const [forward, backward] = [this.forwardLayer.apply(x, half(0)), this.backwardLayer.apply(x, half(1))];
    const [f, ...fs] = Array.isArray(forward) ? forward : [forward];
    let [b, ...bs] = Array.isArray(backward) ? backward : [backward];
    if (this.forwardLayer.options.returnSequences) b = flip(b!, { axis: 1 });
    // Unlike a recurrent layer alone, whose masked steps repeat the output before them.
    const heard = (y: Tensor) => (o.mask && this.forwardLayer.options.returnSequences ? where(expandDims(o.mask as Tensor, -1), y, 0) : y);
    const joined = this.join(heard(f!), heard(b!));
    return this.forwardLayer.options.returnState ? [...joined, ...fs, ...bs] : joined.length === 1 ? joined[0]! : joined;
  }
  private join(f: Tensor, b: Tensor): Tensor[] {
    switch (this.mergeMode) {
      case 'concat': return [concat([f, b], { axis: -1 })];
      case 'sum': return [add(f, b)];
      case 'ave': return [mul(add(f, b), 0.5)];
      case 'mul': return [mul(f, b)];
      case null: return [f, b];
    }
  }
  override computeMask(_x: Tensor, mask: Tensor | null): Tensor | null { return this.forwardLayer.options.returnSequences ? mask : null; }
}

