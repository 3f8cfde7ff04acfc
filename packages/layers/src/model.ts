/** Models: a stack of layers, or a graph of them, that can be compiled, fitted, evaluated and asked. */
import { ShapeError, ValueError, type Shape, type Tensor } from '@heed/tensor';
import { optionOf, serialize, withObjects, type Config, type CustomObjects } from './config.js';
import { readGraph, writeGraph } from './graph-config.js';
import { isDataset, type Dataset, type TrainingData } from './batches.js';
import { Layer, uniqueName, type CallOptions, type LayerInput, type LayerOptions, type LayerOutput } from './layer.js';
import { reviveLoss } from './losses.js';
import { Input, isSymbolic, walk, type Node, type Symbolic, type SymbolicShape } from './symbolic.js';
import { rowOf, shapeText, summaryOf, type SummaryRow } from './summary.js';
import { Trainer, type CompileOptions, type EvaluateOptions, type FitOptions, type History, type PredictOptions } from './training.js';

/** What both kinds of model can do: train, judge, predict. */
export abstract class Trainable extends Layer {
  private trainer: Trainer | null = null;

  /** Says how the model learns: optimizer, loss, metrics. Names are Keras's. */
  compile(o: CompileOptions = {}): void { this.trainer = new Trainer(this, o); }
  private get training(): Trainer {
    if (!this.trainer) throw new ValueError(`${this.name}: call compile({ loss, optimizer }) before fit or evaluate.`);
    return this.trainer;
  }
  get optimizer() { return this.training.optimizer; }
  get compiled(): boolean { return this.trainer !== null; }
  /** What `compile` was given, as Keras writes it; null before. */
  getCompileConfig(): Config | null { return this.trainer?.getConfig() ?? null; }
  compileFromConfig(config: Config): void {
    const { loss, ...o } = Object.fromEntries(Object.entries(config).filter(([, v]) => v !== null).map(([k, v]) => [optionOf(k), v]));
    this.compile({ ...o, ...(loss ? { loss: reviveLoss(loss) as CompileOptions['loss'] } : {}) });
  }
  /** Set by a callback, ends training after the epoch. */
  stopTraining = false;

  /** Trains for some epochs, on arrays or on a dataset of batches [x, y] or [x, y, sampleWeight]; gives the losses and metrics of each. */
  fit(x: TrainingData, y: TrainingData, o?: FitOptions): Promise<History>;
  fit(data: Dataset, y?: null, o?: FitOptions): Promise<History>;
  fit(data: Dataset, o: FitOptions): Promise<History>;
  fit(x: TrainingData | Dataset, y?: TrainingData | FitOptions | null, o?: FitOptions): Promise<History> {
    const { training } = this;
    return isDataset(x) && o === undefined && y ? training.fit(x, null, y as FitOptions) : training.fit(x, y as TrainingData, o ?? {});
  }
  /** Loss and metrics on data, as Keras names them. */
  evaluate(x: TrainingData, y: TrainingData, o: EvaluateOptions = {}): Promise<Record<string, number>> { return this.training.evaluate(x, y, o); }
  /** Outputs for all samples, batch by batch. */
  predict(x: TrainingData, o: PredictOptions = {}): Promise<LayerOutput> {
    return (this.trainer ??= new Trainer(this, {})).predict(x, o);
  }
  /** One step on one batch; loss and metrics of that batch. */
  trainOnBatch(x: TrainingData, y: TrainingData): Promise<Record<string, number>> { return this.training.trainOnBatch(x, y); }
  /** Outputs for one batch. */
  predictOnBatch(x: TrainingData): LayerOutput { return (this.trainer ??= new Trainer(this, {})).predictOnBatch(x); }
  testOnBatch(x: TrainingData, y: TrainingData): Promise<Record<string, number>> { return this.training.testOnBatch(x, y); }

  /** The model as Keras prints it; printed too, unless `print` is false. */
  summary({ print = true }: { readonly print?: boolean } = {}): string {
    const text = summaryOf(this, this.summaryRows(), this.trainer?.optimizer ?? null);
    if (print) console.log(text);
    return text;
  }
  /** The layers that the model is made of, in order. */
  abstract readonly layers: readonly Layer[];
  abstract summaryRows(): SummaryRow[];
  /** What the outputs are called in logs, where there are several. */
  abstract get outputNames(): readonly string[];
}

/** Layers one after the other. */
export class Sequential extends Trainable {
  static override readonly positional = ['layers'];
  readonly module: string = 'keras';
  readonly layers: Layer[] = [];
  private shapes: (SymbolicShape | SymbolicShape[])[] = [];

  constructor(layers: readonly (Layer | Symbolic)[] = [], o: LayerOptions = {}) {
    super(o);
    for (const layer of layers) this.add(layer);
  }

  private given: Symbolic | null = null;
  /** Puts a layer (or an Input, first) at the end. */
  add(layer: Layer | Symbolic): this {
    if (isSymbolic(layer)) {
      if (this.layers.length) throw new ValueError(`${this.name}: an Input must come first, there are ${this.layers.length} layers before it.`);
      this.given = layer;
      return this;
    }
    if (!(layer instanceof Layer)) throw new ValueError(`${this.name}: a ${(layer as object)?.constructor?.name ?? String(layer)} is not a layer; add layers, and an Input first.`);
    if (!this.layers.length && layer.inputShape) this.given = Input({ shape: layer.inputShape, dtype: layer.dtype });
    if (this.layers.includes(layer)) throw new ValueError(`${this.name}: layer ${layer.name} is in the model already; make another.`);
    this.layers.push(layer);
    if (this.given) this.follow(this.given.shape);
    return this;
  }
  /** Takes the last layer off. */
  pop(): Layer | undefined {
    this.shapes = [];
    return this.layers.pop();
  }

  /** Builds every layer for inputs of this shape. */
  private follow(shape: SymbolicShape): void {
    let at: SymbolicShape | SymbolicShape[] = shape;
    this.shapes = this.layers.map((layer) => (at = layer.computeOutputShape(at)));
    this.built = true;
  }
  override build(shape: Shape | readonly Shape[]): void {
    if (!shape.length) throw new ShapeError(`${this.name}: expected x [B, ...], got a scalar.`);
    this.follow([null, ...(shape as Shape).slice(1)]);
  }

  override call(x: LayerOutput, o: CallOptions): LayerOutput {
    return this.layers.reduce((value, layer, i) => layer.apply(value, { training: o.training, ...(i === 0 && o.mask ? { mask: o.mask } : {}) }), x);
  }
  override computeMask(): null { return null; }
  override getConfig(): Config { return { ...super.getConfig(), layers: serialize(this.given ? [this.given, ...this.layers] : this.layers, this.name) }; }
  get outputNames() { return this.layers.slice(-1).map((layer) => layer.name); }
  summaryRows() { return this.layers.map((layer, i) => rowOf(layer, this.shapes[i] ? shapeText(this.shapes[i]) : '?')); }
}

export interface ModelOptions extends LayerOptions {
  readonly inputs: Symbolic | readonly Symbolic[];
  readonly outputs: Symbolic | readonly Symbolic[];
}

/** A graph of layers, from symbolic inputs to symbolic outputs; layers may be shared. */
export class Model extends Trainable {
  static readonly className = 'Functional';
  readonly module: string = 'keras.src.models.functional';
  readonly inputs: readonly Symbolic[];
  readonly outputs: readonly Symbolic[];
  readonly layers: Layer[];
  private readonly order: readonly Node[];
  private readonly parts: readonly (Layer | Symbolic)[];
  private readonly single: boolean;

  constructor({ inputs, outputs, ...o }: ModelOptions) {
    super({ ...o, name: o.name ?? uniqueName('Functional') });
    for (const [what, list] of [['inputs', inputs], ['outputs', outputs]] as const) {
      const strange = (Array.isArray(list) ? list : [list]).find((x) => !isSymbolic(x));
      if (strange !== undefined || list === undefined) throw new ValueError(`Model: ${what} has ${(strange as object | undefined)?.constructor?.name ?? String(strange)}; give what Input and the apply of layers return.`);
    }
    this.inputs = (Array.isArray(inputs) ? inputs : [inputs]) as readonly Symbolic[];
    this.outputs = (Array.isArray(outputs) ? outputs : [outputs]) as readonly Symbolic[];
    this.single = !Array.isArray(outputs);
    const { nodes, parts } = walk(this.name, this.inputs, this.outputs);
    this.order = nodes;
    this.parts = parts;
    this.layers = parts.filter((part) => !isSymbolic(part)) as Layer[];
    this.built = true;
  }

  override call(x: LayerOutput, o: CallOptions): LayerOutput {
    const given: readonly Tensor[] = Array.isArray(x) ? x : [x];
    if (given.length !== this.inputs.length) throw new ValueError(`${this.name}: got ${given.length} inputs, it has ${this.inputs.length}.`);
    const values = new Map<Symbolic, Tensor>();
    this.inputs.forEach((s, i) => {
      const { shape } = given[i]!;
      if (shape.length !== s.shape.length || s.shape.some((n, k) => n !== null && n !== shape[k])) {
        throw new ShapeError(`${this.name}: expected ${s.name} [${s.shape.map((n) => n ?? 'null').join(', ')}], got [${shape.join(', ')}].`);
      }
      values.set(s, given[i]!);
    });
    const results = new Map<Node, Tensor[]>();
    const valueOf = (s: Symbolic): Tensor => values.get(s) ?? results.get(s.node!)![s.output]!;
    for (const node of this.order) {
      const inputs = node.inputs.map(valueOf);
      const y = node.layer.apply((node.list ? inputs : inputs[0]) as LayerInput, { ...node.options, training: o.training });
      results.set(node, Array.isArray(y) ? y : [y]);
    }
    const outputs = this.outputs.map(valueOf);
    return this.single ? outputs[0] : outputs;
  }
  override computeMask(): null { return null; }
  override getConfig(): Config { return { ...super.getConfig(), ...writeGraph(this.name, this.inputs, this.single ? this.outputs[0]! : this.outputs, this.order) }; }
  static override fromConfig(config: Config, customObjects: CustomObjects = {}): Layer {
    const { name, trainable, dtype, ...graph } = config as Config & LayerOptions;
    return withObjects(customObjects, () => new this({ name, trainable, dtype, ...readGraph(graph) }));
  }
  get outputNames() { return this.outputs.map((s) => s.name); }
  summaryRows() {
    // A chain of layers has no column for what they are connected to.
    const chain = this.inputs.length === 1 && this.order.length === this.layers.length && this.order.every((n, i) => n.inputs.length === 1 && n.inputs[0]!.node === (this.order[i - 1] ?? null));
    const connections = (uses: readonly Node[]) => uses.flatMap((n) => n.inputs.map((x) => `${x.name}[${x.node?.index ?? 0}][${x.output}]`)).join(', ');
    return this.parts.map((part) => {
      if (isSymbolic(part)) return [`${part.name} (InputLayer)`, shapeText(part.shape), '0', ...(chain ? [] : ['-'])];
      const uses = this.order.filter((n) => n.layer === part);
      const [{ inputs, list }] = uses as [Node];
      return [...rowOf(part, shapeText(part.computeOutputShape(list ? inputs.map((x) => x.shape) : inputs[0]!.shape))), ...(chain ? [] : [connections(uses)])];
    });
  }
}

export { Input };
