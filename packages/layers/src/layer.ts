/** Layer: holds variables, and says how inputs become outputs. A subclass writes `build` and `call`; users call `apply`. */
import { add, cast, div, run, SeedGenerator, ShapeError, sum, tensor, ValueError, Variable, type DType, type Like, type Shape, type Tensor } from '@heed/tensor';
import { eager, withDoor } from '@heed/tensor/op';
import { reshapeOp } from '@heed/tensor/reshape';
import { activations, getActivation } from './activations.js';
import { complete, configOf, construct, snakeCase, withObjects, type Config, type CustomObjects, type Defaults } from './config.js';
import { constrain, constraints, getConstraint, type ConstraintLike } from './constraints.js';
import { getInitializer, initializers, type Fans, type InitializerLike } from './initializers.js';
import { getRegularizer, regularizers, type Regularizer, type RegularizerLike } from './regularizers.js';
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
  readonly regularizer?: RegularizerLike;
  readonly constraint?: ConstraintLike;
  readonly trainable?: boolean;
  readonly dtype?: DType;
  /** What the initializer scales by, where the shape does not tell. */
  readonly fans?: Fans;
}
/** The options of a layer whose weights `Name` can be initialized, penalized and constrained. */
export type WeightChoices<Name extends string> =
  & { readonly [K in `${Name}Initializer`]?: InitializerLike }
  & { readonly [K in `${Name}Regularizer`]?: RegularizerLike }
  & { readonly [K in `${Name}Constraint`]?: ConstraintLike };
export interface ActivityOption {
  /** A penalty on the outputs, divided by the batch size. */
  readonly activityRegularizer?: RegularizerLike;
}
/** Options with their defaults. */
type Complete<O> = O & { readonly [K in Exclude<keyof O, keyof LayerOptions>]-?: Exclude<O[K], undefined> };
/** What `static defaults` of a layer must state: every option of its own. */
export type LayerDefaults<O> = Defaults<O, keyof LayerOptions>;

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

/** Functions that configurations name. */
const vocabulary: object = { ...activations, ...initializers, ...regularizers, ...constraints };

/** Penalties of the weights that have one. */
const penalized = new WeakMap<Variable, Regularizer>();
/** Where `addLoss` puts them while `withLosses` runs. */
let losses: Tensor[] | null = null;
/** What `f` gives, and what its layers add to the loss: penalties of outputs and of trainable weights; null where there is none. */
export function withLosses<R>(layer: Layer, f: () => R): [R, Tensor | null] {
  const outer = losses;
  const found: Tensor[] = (losses = []);
  try {
    const result = f();
    for (const v of layer.trainableWeights) if (penalized.has(v)) found.push(penalized.get(v)!(v.value));
    return [result, found.length ? found.reduce((p, q) => add(p, cast(q, p.dtype))) : null];
  } finally {
    losses = outer;
  }
}

const counts = new Map<string, number>();
/** `dense`, `dense_1`, ...: a name for each object of a class. */
export function uniqueName(className: string): string {
  const stem = snakeCase(className);
  const n = counts.get(stem) ?? 0;
  counts.set(stem, n + 1);
  return n ? `${stem}_${n}` : stem;
}

export abstract class Layer<O extends LayerOptions = LayerOptions> {
  /** Names of the constructor's arguments before the options; each is a property, too. */
  static readonly positional: readonly string[] = [];
  /** Every option of the class but the common ones, with its default; null stands for none. */
  static readonly defaults: Readonly<Record<string, unknown>> = {};
  readonly name: string;
  readonly dtype: DType;
  readonly inputShape: SymbolicShape | undefined;
  built = false;
  /** The shape, or shapes, that the layer was built for by its first call. */
  builtFor: SymbolicShape | readonly SymbolicShape[] | null = null;
  /** The options, with their defaults. */
  protected readonly o: Complete<O>;
  private layerTrainable: boolean;
  private readonly own: Variable[] = [];
  private readonly activity: Regularizer | null;

  constructor(o: O = {} as O) {
    const { name, trainable = true, dtype = 'float32', inputShape } = o;
    this.name = name ?? uniqueName(this.constructor.name);
    this.layerTrainable = trainable;
    this.dtype = dtype;
    this.inputShape = inputShape;
    this.o = complete((this.constructor as typeof Layer).defaults, o) as Complete<O>;
    this.activity = getRegularizer((o as ActivityOption).activityRegularizer);
    // A name that nothing has is refused here and not at the first call.
    for (const [option, value] of Object.entries(this.o as unknown as Record<string, never>)) {
      if (/activation$/i.test(option)) getActivation(value);
      if (/Initializer$/.test(option)) getInitializer(value);
    }
  }

  /** Makes the weights; called once, with the shape (or shapes) of the first input. */
  build(_inputShape: Shape | readonly Shape[]): void {}

  /** Outputs from inputs. */
  abstract call(x: LayerOutput, o: CallOptions): LayerOutput;

  /** The mask of the output; by default the input's. */
  computeMask(_x: LayerOutput, mask: Tensor | null | readonly (Tensor | null)[]): Tensor | null | readonly (Tensor | null)[] {
    return Array.isArray(mask) ? (mask[0] ?? null) : (mask as Tensor | null);
  }

  /** What the constructor needs to make this layer again, with Keras's keys. */
  getConfig(): Config {
    const { name: _name, trainable: _trainable, dtype: _dtype, inputShape: _shape, ...own } = this.o as LayerOptions;
    return { name: this.name, trainable: this.layerTrainable, dtype: this.dtype, ...configOf(this, this.constructor as typeof Layer, own, vocabulary) };
  }

  /** A layer from its configuration. Layers inside it are looked for among `customObjects`. */
  static fromConfig(config: Config, customObjects: CustomObjects = {}): Layer {
    return withObjects(customObjects, () => construct(this as typeof Layer, config, ['name', 'trainable', 'dtype'], vocabulary)) as Layer;
  }

  /** Runs the layer on tensors, or notes it in a functional model for symbolic inputs. Builds it at the first call. */
  apply(x: LayerInput, o: CallOptions & Record<string, unknown> = {}): LayerOutput {
    const list = Array.isArray(x) && x.some((v) => isSymbolic(v));
    if (isSymbolic(x) || list) return symbolicCall(this, x as Symbolic | readonly Symbolic[], o);
    const inputs = isListOfLikes(x) ? x.map((v) => this.take(v)) : this.take(x as Like);
    this.ensureBuilt(Array.isArray(inputs) ? inputs.map((t) => t.shape) : (inputs as Tensor).shape);
    const mask = o.mask !== undefined ? o.mask : Array.isArray(inputs) ? inputs.map(maskOf) : maskOf(inputs as Tensor);
    const y = this.call(inputs, { ...o, mask });
    if (this.activity) for (const t of Array.isArray(y) ? y : [y]) this.addLoss(t.rank ? div(this.activity(t), Math.max(1, t.shape[0]!)) : this.activity(t));
    const out = this.computeMask(inputs, mask as Tensor | null);
    const masked = (t: Tensor, i: number): Tensor => {
      const m = (Array.isArray(out) ? out[i] : i === 0 ? (out as Tensor | null) : null) ?? null;
      // A layer that hands its input on must not change the input's mask.
      const own = t === inputs || (Array.isArray(inputs) && inputs.includes(t)) ? run(reshapeOp, [t], { shape: t.shape })[0]! : t;
      attachMask(own, m);
      return own;
    };
    return Array.isArray(y) ? y.map(masked) : masked(y as Tensor, 0);
  }

  /** Builds the layer for inputs of this shape, once. */
  ensureBuilt(shape: Shape | readonly Shape[]): void {
    if (this.built) return;
    // Weights are made of numbers, also where the layer is first called while shapes are worked out or a function is traced.
    withDoor({ executor: eager, recorders: [], variables: null }, () => this.build(shape));
    this.built = true;
    this.builtFor = shape;
  }

  /** Shape of the output for inputs of this shape (null: any size), worked out by running `call` on shapes alone. */
  computeOutputShape(inputShape: SymbolicShape | readonly SymbolicShape[]): SymbolicShape | SymbolicShape[] {
    return inferShapes(this, inputShape);
  }

  /** A weight of this layer: a variable with a name. */
  addWeight(name: string, shape: Shape, { initializer = 'glorot_uniform', regularizer, constraint, trainable = true, dtype = this.dtype, fans }: WeightOptions = {}): Variable {
    const v = new Variable(getInitializer(initializer)(shape, dtype, fans), { name: `${this.name}/${name}`, trainable });
    const penalty = getRegularizer(regularizer);
    if (penalty) penalized.set(v, penalty);
    constrain(v, getConstraint(constraint));
    this.own.push(v);
    return v;
  }
  /** What the options say of a weight: `kernelInitializer`, `kernelRegularizer` and `kernelConstraint` for `kernel`. */
  protected choices(weight: string): WeightOptions {
    const { [`${weight}Initializer`]: initializer, [`${weight}Regularizer`]: regularizer, [`${weight}Constraint`]: constraint } = this.o as unknown as Record<string, never>;
    return { initializer, regularizer, constraint };
  }
  /** Adds a number to the loss of the step that runs now, if one does. */
  addLoss(loss: Tensor): void { losses?.push(sum(loss)); }

  /** Layers inside this one, in order: every property that holds a layer, or a list of them. */
  get sublayers(): Layer[] {
    return Object.values(this).flatMap((v) => (Array.isArray(v) ? v : [v])).filter((v): v is Layer => v instanceof Layer);
  }

  /** The streams of random numbers of this layer and those inside: every property that holds one. A saved model keeps their places. */
  get seedGenerators(): SeedGenerator[] {
    return [...new Set([...Object.values(this).filter((v) => v instanceof SeedGenerator), ...this.sublayers.flatMap((l) => l.seedGenerators)])];
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
