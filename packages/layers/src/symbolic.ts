/** Symbolic tensors: what functional models are drawn with before there are numbers. */
import { ValueError, type DType, type Executor, type Shape, type Tensor } from '@heed/tensor';
import { withDoor } from '@heed/tensor/op';
import { shapeOnly } from '@heed/tensor/tensor';
import type { Config } from './config.js';
import type { Layer } from './layer.js';

/** Sizes that may be unknown: null is any size. */
export type SymbolicShape = readonly (number | null)[];

/** One use of a layer in a functional model. */
export interface Node {
  readonly layer: Layer;
  readonly inputs: readonly Symbolic[];
  /** Whether the layer was called with a list. */
  readonly list: boolean;
  readonly options: Record<string, unknown>;
  /** How many uses of the layer there were before. */
  readonly index: number;
}
const uses = new WeakMap<Layer, number>();

const brand = Symbol.for('heed.symbolic');

/** The promise of a tensor: shape, dtype and where it will come from. */
export class Symbolic {
  constructor(readonly shape: SymbolicShape, readonly dtype: DType, readonly node: Node | null, readonly output: number, readonly name: string) {}
  /** An input as Keras writes it. */
  static readonly className = 'InputLayer';
  getConfig(): Config { return { batch_shape: this.shape, dtype: this.dtype, name: this.name }; }
  static fromConfig({ batch_shape: shape, dtype, name }: Config): Symbolic {
    const [batchSize, ...rest] = shape as SymbolicShape;
    return Input({ shape: rest, batchSize, dtype: dtype as DType, name: name as string });
  }
}
Object.defineProperty(Symbolic.prototype, brand, { value: true });
export const isSymbolic = (x: unknown): x is Symbolic => typeof x === 'object' && x !== null && (x as Record<symbol, unknown>)[brand] === true;

let inputs = 0;
/** An input of a functional model: shape of one sample, null for any size. */
export function Input({ shape, batchSize = null, dtype = 'float32', name }: { shape: SymbolicShape; batchSize?: number | null; dtype?: DType; name?: string }): Symbolic {
  if (!Array.isArray(shape)) throw new ValueError(`Input: shape is ${String(shape)}; give the sizes of one sample, null for any size.`);
  for (const n of shape as SymbolicShape) if (n !== null && !(Number.isInteger(n) && n >= 0)) throw new ValueError(`Input: shape [${shape.join(', ')}] has size ${n}; sizes must be whole numbers >= 0, or null for any size.`);
  return new Symbolic([batchSize, ...shape], dtype, null, 0, name ?? (inputs++ ? `input_layer_${inputs - 1}` : 'input_layer'));
}

/** Works out shapes and dtypes and nothing else. */
const shapesOnly: Executor = {
  execute: (_op, _inputs, _a, specs) => specs.map((s) => shapeOnly(s, 'A value was read while a functional model was drawn, where only shapes are known; compute it from tensors inside `call`, or give computeOutputShape.')),
};

type Run = { shapes: Shape[]; dtypes: DType[]; list: boolean };

function probe(layer: Layer, shapes: readonly SymbolicShape[], dtypes: readonly DType[], list: boolean, stand: number, options: Record<string, unknown>): Run {
  const specs = shapes.map((s, i) => shapeOnly({ shape: s.map((n) => n ?? stand), dtype: dtypes[i]! }, ''));
  layer.ensureBuilt(list ? specs.map((t) => t.shape) : specs[0]!.shape);
  const y = withDoor({ executor: shapesOnly, recorders: [], variables: null }, () => layer.call(list ? specs : specs[0], { ...options, mask: null }));
  const outputs: Tensor[] = Array.isArray(y) ? y : [y];
  return { shapes: outputs.map((t) => t.shape), dtypes: outputs.map((t) => t.dtype), list: Array.isArray(y) };
}

/** Output shapes by running the layer on shapes, twice: sizes that follow the stand-in for null are null. */
function shapesOf(layer: Layer, shapes: readonly SymbolicShape[], dtypes: readonly DType[], list: boolean, options: Record<string, unknown>) {
  const [p, q] = [61, 67].map((stand) => probe(layer, shapes, dtypes, list, stand, options)) as [Run, Run];
  return { ...p, shapes: p.shapes.map((s, k): SymbolicShape => s.map((n, i) => (n === q.shapes[k]![i] ? n : null))) };
}

/** For `computeOutputShape`. */
export function inferShapes(layer: Layer, inputShape: SymbolicShape | readonly SymbolicShape[]): SymbolicShape | SymbolicShape[] {
  const list = Array.isArray(inputShape[0]);
  const shapes = (list ? inputShape : [inputShape]) as readonly SymbolicShape[];
  const found = shapesOf(layer, shapes, shapes.map(() => layer.dtype), list, {});
  return found.list ? found.shapes : found.shapes[0]!;
}

/** Notes a use of the layer; gives the promise of its output, or outputs. */
export function symbolicCall(layer: Layer, x: Symbolic | readonly Symbolic[], options: Record<string, unknown>): Symbolic | Symbolic[] {
  const list = Array.isArray(x);
  const nodeInputs = (list ? x : [x]) as readonly Symbolic[];
  const strange = nodeInputs.find((v) => !isSymbolic(v));
  if (strange !== undefined) throw new ValueError(`${layer.name}: symbolic and real inputs are mixed; in a functional model every input must come from Input or a layer.`);
  const found = shapesOf(layer, nodeInputs.map((v) => v.shape), nodeInputs.map((v) => v.dtype), list, options);
  const index = uses.get(layer) ?? 0;
  uses.set(layer, index + 1);
  const node: Node = { layer, inputs: nodeInputs, list, options, index };
  const outputs = found.shapes.map((s, i) => new Symbolic(s, found.dtypes[i]!, node, i, layer.name));
  return found.list ? outputs : outputs[0]!;
}

/**
 * What lies between inputs and outputs: the uses of layers, each after those that it needs; and the layers and inputs in Keras's
 * order, which is that of a model's weights: the furthest from the outputs first, and of those the first that a walk from the
 * outputs meets.
 */
export function walk(model: string, inputs: readonly Symbolic[], outputs: readonly Symbolic[]): { nodes: Node[]; parts: (Layer | Symbolic)[] } {
  const nodes = new Set<Node>();
  const met = new Map<Layer | Symbolic, number>();
  const visit = (x: Symbolic): void => {
    const given = inputs.includes(x);
    if (!given && !x.node) throw new ValueError(`${model}: an output depends on input ${x.name}, which is not among the model's inputs; add it.`);
    const part = given ? x : x.node!.layer;
    if (!met.has(part)) met.set(part, met.size);
    if (given || nodes.has(x.node!)) return;
    x.node!.inputs.forEach(visit);
    nodes.add(x.node!);
  };
  outputs.forEach(visit);
  for (const x of inputs) if (!met.has(x)) met.set(x, -1);
  const depths = new Map<Node | Layer | Symbolic, number>();
  const deepen = (key: Node | Layer | Symbolic, depth: number) => depths.set(key, Math.max(depth, depths.get(key) ?? 0));
  for (const node of [...nodes].reverse()) {
    deepen(node.layer, depths.get(node) ?? 0);
    for (const x of node.inputs) deepen(inputs.includes(x) ? x : x.node!, depths.get(node.layer)! + 1);
  }
  return { nodes: [...nodes], parts: [...met.keys()].sort((a, b) => (depths.get(b) ?? 0) - (depths.get(a) ?? 0) || met.get(a)! - met.get(b)!) };
}
