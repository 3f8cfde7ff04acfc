/** Graphs of layers as Keras writes them: layers once, each with its uses, and where the inputs of a use come from. */
import { ValueError } from '@heed/tensor';
import { deserialize, isWritten, serialize, type Config, type Written } from './config.js';
import { Layer } from './layer.js';
import { isSymbolic, symbolicCall, type Node, type Symbolic } from './symbolic.js';

/** Where a tensor comes from: the layer's name, which use of it, which of its outputs. */
type History = readonly [layer: string, use: number, output: number];
interface Use {
  readonly args: readonly [unknown];
  readonly kwargs: Config;
}
interface WrittenLayer extends Written {
  readonly name: string;
  readonly inbound_nodes: readonly Use[];
}

/** The configuration of a functional model whose nodes come in an order in which they can run. */
export function writeGraph(name: string, inputs: readonly Symbolic[], outputs: Symbolic | readonly Symbolic[], order: readonly Node[]): Config {
  const uses = new Map<Layer, Node[]>();
  for (const node of order) uses.set(node.layer, [...(uses.get(node.layer) ?? []), node]);
  const names = [...inputs, ...uses.keys()].map((v) => v.name);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice) throw new ValueError(`${name}: two of its layers or inputs are called ${twice}; a file tells them apart by their names, so give each its own.`);
  const history = (s: Symbolic): History => (inputs.includes(s) ? [s.name, 0, 0] : [s.node!.layer.name, uses.get(s.node!.layer)!.indexOf(s.node!), s.output]);
  const tensorOf = (s: Symbolic) => ({ class_name: '__keras_tensor__', config: { shape: s.shape, dtype: s.dtype, keras_history: history(s) } });
  const written = (v: Symbolic | Layer, nodes: readonly Node[]) => ({
    ...(serialize(v, name) as Written), name: v.name,
    inbound_nodes: nodes.map((n): Use => ({ args: [n.list ? n.inputs.map(tensorOf) : tensorOf(n.inputs[0]!)], kwargs: serialize(n.options, `${name}: options of ${v.name}`) as Config })),
  });
  const places = (s: Symbolic | readonly Symbolic[]) => (isSymbolic(s) ? history(s) : (s as readonly Symbolic[]).map(history));
  return {
    layers: [...inputs.map((s) => written(s, [])), ...[...uses].map(([layer, nodes]) => written(layer, nodes))],
    input_layers: places(inputs.length === 1 ? inputs[0]! : inputs), output_layers: places(outputs),
  };
}

/** The inputs and outputs of the graph that was written. */
export function readGraph({ layers, input_layers: from, output_layers: to }: Config): { inputs: Symbolic[]; outputs: Symbolic | Symbolic[] } {
  const list = layers as readonly WrittenLayer[];
  const made = new Map<string, Symbolic | Layer>();
  const results = new Map<string, Symbolic[]>(); // by layer and use
  for (const layer of list) {
    const object = deserialize(layer, layer.name);
    if (!isSymbolic(object) && !(object instanceof Layer)) throw new ValueError(`${layer.name}: ${layer.class_name} is not a layer; a model is made of layers and inputs.`);
    made.set(layer.name, object as Symbolic | Layer);
    if (isSymbolic(object)) results.set(`${layer.name} 0`, [object]);
  }
  const find = ([layer, use, output]: History): Symbolic | undefined => results.get(`${layer} ${use}`)?.[output];
  /** Arguments with tensors in the place of their histories; undefined while one does not exist yet. */
  const revive = (v: unknown): unknown => {
    if (Array.isArray(v)) {
      const all = v.map(revive);
      return all.includes(undefined) ? undefined : all;
    }
    return isWritten(v) && v.class_name === '__keras_tensor__' ? find(v.config.keras_history as History) : v;
  };
  // A shared layer's later use may need what comes after it in the list.
  let waiting = list.flatMap((layer) => layer.inbound_nodes.map((use, i) => ({ layer, use, i })));
  while (waiting.length) {
    const left = waiting.filter(({ layer, use, i }) => {
      const x = i && !results.has(`${layer.name} ${i - 1}`) ? undefined : revive(use.args[0]);
      if (x === undefined) return true;
      const y = symbolicCall(made.get(layer.name) as Layer, x as Symbolic, Object.fromEntries(Object.entries(use.kwargs).map(([k, v]) => [k, deserialize(v, layer.name)])));
      results.set(`${layer.name} ${i}`, Array.isArray(y) ? y : [y]);
      return false;
    });
    if (left.length === waiting.length) throw new ValueError(`${left[0]!.layer.name}: its input comes from a use of a layer that the configuration does not have.`);
    waiting = left;
  }
  const end = (place: History): Symbolic => {
    const found = find(place);
    if (!found) throw new ValueError(`readGraph: the model begins or ends at ${place.join(', ')}, which the configuration does not have.`);
    return found;
  };
  const all = (places: unknown): Symbolic | Symbolic[] => (Array.isArray((places as unknown[])[0]) ? (places as History[]).map(end) : end(places as History));
  const inputs = all(from);
  return { inputs: Array.isArray(inputs) ? inputs : [inputs], outputs: all(to) };
}
