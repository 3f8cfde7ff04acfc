/** A traced function on its way to becoming a program: what the passes take and give. */
import { isContiguous, sameShape, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { Variable } from '../variable.js';
import { mapTensors, type Graph, type Node, type Trace } from './trace.js';

export interface Work {
  /** Where buffers are known; its nodes are those of the trace, and no pass changes them. */
  readonly graph: Graph;
  readonly nodes: readonly Node[];
  readonly result: unknown;
  readonly assigns: ReadonlyMap<Variable, Tensor>;
}

export const workOf = ({ graph, result }: Trace): Work => ({ graph, nodes: graph.nodes, result, assigns: graph.assigns });

/** Every tensor that leaves the function: results, and the new values of variables. */
export function leaving({ result, assigns }: Work): Tensor[] {
  const found = [...assigns.values()];
  mapTensors(result, (x) => found.push(x));
  return found;
}

/** By buffer: which leave, the node that makes each, and the nodes that read it. */
export function usesOf(work: Work): { outside: Set<number>; makers: Map<number, number>; readers: Map<number, Set<number>> } {
  const bufferOf = (x: Tensor) => work.graph.bufferOf(x);
  const [makers, readers] = [new Map<number, number>(), new Map<number, Set<number>>()];
  work.nodes.forEach((node, i) => {
    for (const y of node.outputs) makers.set(bufferOf(y), i);
    for (const x of node.inputs) readers.set(bufferOf(x), (readers.get(bufferOf(x)) ?? new Set()).add(i));
  });
  return { outside: new Set(leaving(work).map(bufferOf)), makers, readers };
}

/** The same look at another buffer. */
export const onBuffer = (x: Tensor, graph: Graph, node: number): Tensor =>
  new Tensor(x.shape, x.dtype, x.strides, x.offset, { kind: 'traced', graph, node, output: 0 });

/** Whether a tensor shows all of a buffer of this shape, in its order. */
export const isWhole = (x: Tensor, shape: Shape): boolean => x.offset === 0 && sameShape(x.shape, shape) && isContiguous(x.shape, x.strides);
