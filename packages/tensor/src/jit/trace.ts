/** Tracing: the function runs once on tensors that have shapes but no values, and every kernel call it makes is noted. */
import { isTensor } from '../brand.js';
import type { Call } from '../backend.js';
import { ValueError } from '../errors.js';
import { atHand, composed, door, eager, fusedCall, withDoor, type Executor, type Op, type Watch } from '../op.js';
import { contiguousStrides, formatShape } from '../shape.js';
import { Tensor, type Spec } from '../tensor.js';
import type { Variable } from '../variable.js';

/** A kernel call of the program. Inputs are traced tensors (views of other calls' outputs, of arguments or variables) or constants. */
export interface Node {
  readonly op: Op;
  readonly a: unknown;
  readonly call: Call;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/**
 * Where the elements of traced tensors come from: `source` is an argument (the how-manieth tensor in the arguments), a variable, or, in
 * the body of a loop, a tensor of the graph around it or a slice of one; absent for a node's output.
 */
export interface Buffer {
  readonly spec: Spec;
  readonly source?: { readonly argument: number } | { readonly variable: Variable } | { readonly outer: Tensor };
}

/** All that a function does with tensors: views are gone, composed ops are taken apart, what depends on nothing is computed. */
export class Graph {
  readonly nodes: Node[] = [];
  readonly buffers: Buffer[] = [];
  readonly reads = new Map<Variable, Tensor>();
  readonly assigns = new Map<Variable, Tensor>();
  /** What the body of a loop takes from the graph around it, by the tensor's id. */
  readonly captured = new Map<number, Tensor>();
  /** `around`: the graph in which this one is the body of a loop. */
  constructor(readonly around: Graph | null = null) {}

  /** A tensor over a new buffer. */
  fresh(spec: Spec, source?: Buffer['source']): Tensor {
    this.buffers.push({ spec, source });
    return new Tensor(spec.shape, spec.dtype, contiguousStrides(spec.shape), 0, { kind: 'traced', graph: this, node: this.buffers.length - 1, output: 0 });
  }
  /** The buffer that a tensor looks at, or -1 for a constant. */
  bufferOf(x: Tensor): number {
    return x.storage.kind === 'traced' && x.storage.graph === this ? x.storage.node : -1;
  }
  /** A tensor as this graph knows it: one of the graphs around becomes an input. */
  inside(x: Tensor): Tensor {
    if (x.storage.kind !== 'traced' || x.storage.graph === this) return x;
    for (let graph = this.around; graph !== x.storage.graph; graph = graph.around) {
      if (!graph) throw new ValueError(`jit: a tensor ${formatShape(x.shape)} was kept from the step of a scan, or from another trace, where it stands for other numbers each time; return it from there, and compute with what comes back.`);
    }
    let symbol = this.captured.get(x.id);
    if (!symbol) this.captured.set(x.id, (symbol = this.fresh({ shape: x.shape, dtype: x.dtype }, { outer: x })));
    return symbol;
  }
}

/** What depends on nothing is computed now; where JavaScript can see it, if it can, so that the passes can look at it. */
const atOnce: Executor['execute'] = (op, inputs, a, specs) =>
  inputs.every((x) => x.storage.kind === 'host') ? atHand(() => eager.execute(op, inputs, a, specs)) : eager.execute(op, inputs, a, specs);

interface Tracer extends Executor { readonly graph: Graph }

const tracer = (graph: Graph): Tracer => ({
  graph,
  execute(op, given, a, specs) {
    const inputs = given.map((x) => graph.inside(x));
    if (inputs.every((x) => graph.bufferOf(x) < 0)) return atOnce(op, inputs, a, specs);
    const fused = fusedCall(op, inputs, a, specs);
    if (op.compose && !fused) return composed(op, inputs, a);
    if (op.view) {
      const x = inputs[0]!;
      const view = op.view(x, a);
      if (view) return [new Tensor(view.shape, x.dtype, view.strides, view.offset, x.storage)];
    }
    const outputs = specs.map((s) => graph.fresh(s));
    graph.nodes.push({ op: op as Op, a, call: fused ?? op.lower!(inputs, a), inputs, outputs });
    return outputs;
  },
});

/** Variables read become inputs, variables assigned become outputs. */
const watcher = (graph: Graph): Watch => ({
  read(v) {
    const known = graph.assigns.get(v) ?? graph.reads.get(v);
    if (known) return known;
    const x = graph.fresh({ shape: v.shape, dtype: v.dtype }, { variable: v });
    graph.reads.set(v, x);
    return x;
  },
  assign(v, value) { graph.assigns.set(v, graph.inside(value)); },
});

/** What a function did with tensors, and what it returned. */
export interface Trace<R = unknown> {
  readonly graph: Graph;
  readonly result: R;
}

/** Runs `f` on symbols for these arguments, and gives what it noted and returned. */
export function trace<R>(f: (...args: unknown[]) => R, args: readonly unknown[]): Trace<R> {
  const graph = new Graph();
  let argument = 0;
  const symbols = mapTensors(args, ({ shape, dtype }) => graph.fresh({ shape, dtype }, { argument: argument++ })) as unknown[];
  const result = withDoor({ executor: tracer(graph), recorders: [], variables: watcher(graph) }, () => f(...symbols));
  mapTensors(result, (x) => graph.inside(x)); // refuses what is of no use outside
  return { graph, result };
}

/** Whether what passes the door now is noted instead of computed. */
export const isTracing = (): boolean => 'graph' in door.executor;
/** Whether a tensor's value is unknown while tracing. */
export const isTraced = (x: Tensor): boolean => x.storage.kind === 'traced';

/** The graph of one step of a loop: `f` on symbols of these shapes, inside what is traced now. Variables are read once, `from` there. */
export function traceBody(f: (x: Tensor[]) => Tensor[], specs: readonly Spec[], from: Map<Variable, Tensor>): Trace<Tensor[]> {
  const graph = new Graph((door.executor as Tracer).graph);
  const symbols = specs.map((spec, argument) => graph.fresh(spec, { argument }));
  const outer = door.variables;
  const variables: Watch = {
    read(v) {
      let x = from.get(v);
      if (!x) from.set(v, (x = outer ? outer.read(v) : v.stored));
      return x;
    },
    assign(v) { throw new ValueError(`scan: variable ${v.name} is assigned inside, and a step may only compute; carry its value from step to step and assign it afterwards (draw random numbers before).`); },
  };
  const result = withDoor({ executor: tracer(graph), recorders: [], variables }, () => f(symbols));
  return { graph, result: result.map((x) => graph.inside(x)) };
}

/** Whether a function may be replayed now: nobody else traces, and no tape needs to see what happens inside. */
export const replayable = (): boolean => door.executor === door.eager && door.recorders.length === 0 && door.variables === null;

/** A tree (lists and records, nested) with every tensor in it changed; those of a record in the order of their names, however it was written. */
export function mapTensors(tree: unknown, change: (x: Tensor) => unknown): unknown {
  if (isTensor(tree)) return change(tree);
  if (Array.isArray(tree)) return tree.map((t) => mapTensors(t, change));
  if (tree && typeof tree === 'object' && Object.getPrototypeOf(tree) === Object.prototype) {
    const changed = new Map(Object.entries(tree).sort(([p], [q]) => (p < q ? -1 : 1)).map(([k, t]) => [k, mapTensors(t, change)]));
    return Object.fromEntries(Object.keys(tree).map((k) => [k, changed.get(k)]));
  }
  return tree;
}
