/** Layer: holds variables, and says how inputs become outputs. A subclass writes `build` and `call`; users call `apply`. */
import { ShapeError, tensor, ValueError, Variable, type DType, type Like, type Shape, type Tensor } from '@heed/tensor';
import { getInitializer, type InitializerLike } from './initializers.js';
import { inferShapes, isSymbolic, symbolicCall, type Symbolic, type SymbolicShape } from './symbolic.js';

export interface LayerOptions {
  readonly name?: string;
  readonly trainable?: boolean;
  readonly dtype?: DType;
  /** Shape of one sample, for the first layer of a Sequential model. */
  readonly inputShape?: SymbolicShape;
}

export interface CallOptions {
  /** Whether dropout and batch statistics act. False by default. */
  readonly training?: boolean;
  /** True = keep. By default the mask that the input carries. */
  readonly mask?: Tensor | null | readonly (Tensor | null)[];
  readonly initialState?: readonly Tensor[];
}

export interface WeightOptions {
  readonly initializer?: InitializerLike;
  readonly trainable?: boolean;
  readonly dtype?: DType;
}

export type Config = Record<string, unknown>;
type Input = Like | Symbolic;
export type LayerInput = Input | readonly Input[];
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type LayerOutput = any;

/** Masks ride along with the tensors they belong to. */
const masks = new WeakMap<Tensor, Tensor>();
export const maskOf = (x: Tensor): Tensor | null => masks.get(x) ?? null;
export function attachMask(x: Tensor, mask: Tensor | null | undefined): void {
  if (mask) masks.set(x, mask);
}

const counts = new Map<string, number>();
/** `LayerNormalization` -> `layer_normalization`. */
export const snakeCase = (name: string): string => name.replace(/(.)([A-Z][a-z]+)/g, '$1_$2').replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();

/** `dense`, `dense_1`, ...: a name for each object of a class. */
export function uniqueName(className: string): string {
  const stem = snakeCase(className);
  const n = counts.get(stem) ?? 0;
  counts.set(stem, n + 1);
  return n ? `${stem}_${n}` : stem;
}

export abstract class Layer {
  readonly name: string;
  readonly dtype: DType;
  readonly inputShape: SymbolicShape | undefined;
  built = false;
  private layerTrainable: boolean;
  private readonly own: Variable[] = [];

  constructor({ name, trainable = true, dtype = 'float32', inputShape }: LayerOptions = {}) {
    this.name = name ?? uniqueName(this.constructor.name);
    this.layerTrainable = trainable;
    this.dtype = dtype;
    this.inputShape = inputShape;
  }

  /** Makes the weights; called once, with the shape (or shapes) of the first input. */
  build(_inputShape: Shape | readonly Shape[]): void {}

  /** Outputs from inputs. */
  abstract call(x: LayerOutput, o: CallOptions): LayerOutput;

  /** The mask of the output; by default the input's. */
  computeMask(_x: LayerOutput, mask: Tensor | null | readonly (Tensor | null)[]): Tensor | null | readonly (Tensor | null)[] {
    return Array.isArray(mask) ? (mask[0] ?? null) : (mask as Tensor | null);
  }

  /** What the constructor needs to make this layer again. */
  getConfig(): Config {
    return { name: this.name, trainable: this.layerTrainable, dtype: this.dtype };
  }

  static fromConfig(config: Config): Layer {
    return new (this as unknown as new (c: Config) => Layer)(config);
  }

  /** Runs the layer on tensors, or notes it in a functional model for symbolic inputs. Builds it at the first call. */
  apply(x: LayerInput, o: CallOptions & Record<string, unknown> = {}): LayerOutput {
    const list = Array.isArray(x) && x.some((v) => isSymbolic(v));
    if (isSymbolic(x) || list) return symbolicCall(this, x as Symbolic | readonly Symbolic[], o);
    const inputs = isListOfLikes(x) ? x.map((v) => this.take(v)) : this.take(x as Like);
    this.ensureBuilt(Array.isArray(inputs) ? inputs.map((t) => t.shape) : (inputs as Tensor).shape);
    const mask = o.mask !== undefined ? o.mask : Array.isArray(inputs) ? inputs.map(maskOf) : maskOf(inputs as Tensor);
    const y = this.call(inputs, { ...o, mask });
    const out = this.computeMask(inputs, mask as Tensor | null);
    if (out) (Array.isArray(y) ? y : [y]).forEach((t: Tensor, i: number) => attachMask(t, Array.isArray(out) ? out[i] : i === 0 ? (out as Tensor) : null));
    return y;
  }

  /** Builds the layer for inputs of this shape, once. */
  ensureBuilt(shape: Shape | readonly Shape[]): void {
    if (this.built) return;
    this.build(shape);
    this.built = true;
  }

  /** Shape of the output for inputs of this shape (null: any size), worked out by running `call` on shapes alone. */
  computeOutputShape(inputShape: SymbolicShape | readonly SymbolicShape[]): SymbolicShape | SymbolicShape[] {
    return inferShapes(this, inputShape);
  }

  /** A weight of this layer: a variable with a name. */
  addWeight(name: string, shape: Shape, { initializer = 'glorot_uniform', trainable = true, dtype = this.dtype }: WeightOptions = {}): Variable {
    const v = new Variable(getInitializer(initializer)(shape, dtype), { name: `${this.name}/${name}`, trainable });
    this.own.push(v);
    return v;
  }

  /** Layers inside this one, in order: every property that holds a layer, or a list of them. */
  get sublayers(): Layer[] {
    return Object.values(this).flatMap((v) => (v instanceof Layer ? [v] : Array.isArray(v) ? v.filter((w) => w instanceof Layer) : []));
  }

  get trainable(): boolean { return this.layerTrainable; }
  set trainable(value: boolean) {
    this.layerTrainable = value;
    for (const layer of this.sublayers) layer.trainable = value;
  }

  /** Every weight as Keras orders them: layer by layer, in each its trainable ones first. */
  get weights(): Variable[] {
    const [trained, fixed] = [true, false].map((trainable) => this.own.filter((v) => v.trainable === trainable)) as [Variable[], Variable[]];
    return [...new Set([...trained, ...fixed, ...this.sublayers.flatMap((l) => l.weights)])];
  }
  /** Those that training moves: none of a layer that is frozen. */
  get trainableWeights(): Variable[] {
    return this.layerTrainable ? [...new Set([...this.own.filter((v) => v.trainable), ...this.sublayers.flatMap((l) => l.trainableWeights)])] : [];
  }
  get nonTrainableWeights(): Variable[] {
    const trained = new Set(this.trainableWeights);
    return this.weights.filter((v) => !trained.has(v));
  }
  /** Copies of all weights, in the order of `weights`. */
  getWeights(): Tensor[] { return this.weights.map((v) => v.value); }
  setWeights(values: readonly Like[]): void {
    const { weights } = this;
    if (values.length !== weights.length) throw new ValueError(`setWeights: ${this.name} has ${weights.length} weights, got ${values.length}; give one value per weight.`);
    const tensors = values.map((v, i) => tensor(v, { dtype: weights[i]!.dtype }));
    tensors.forEach((t, i) => {
      if (t.shape.join() !== weights[i]!.shape.join()) throw new ShapeError(`setWeights: ${weights[i]!.name} has shape [${weights[i]!.shape.join(', ')}], got [${t.shape.join(', ')}].`);
    });
    tensors.forEach((t, i) => weights[i]!.assign(t));
  }
  /** How many numbers the weights hold. */
  countParams(): number { return this.weights.reduce((n, v) => n + v.size, 0); }

  private take(v: Like): Tensor { return tensor(v); }
}

/** A list of several inputs, as opposed to one nested array of numbers. */
const isListOfLikes = (x: unknown): x is readonly Like[] => Array.isArray(x) && x.some((v) => typeof v === 'object' && v !== null && !Array.isArray(v));
