/** A traced function on its way to becoming a program: what the passes take and give. */
import { isDeviceArray, type Memory, type Run } from '../backend.js';
import type { MapParams } from '../backends/js/map.js';
import type { Expr } from '../scalar/expression.js';
import { contiguousStrides, isContiguous, sameShape, type Shape } from '../shape.js';
import { Tensor, type Storage } from '../tensor.js';
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

export const isMap = (node: Node): boolean => node.call.family.name === 'map';
/** The expressions of a map. */
export const rootsOf = (node: Node): readonly Expr[] => (node.call.params as MapParams).roots;

/** Whether both see the same numbers: the same buffer, in the same way. */
export const isSame = (p: Tensor, q: Tensor, graph: Graph): boolean =>
  p === q || (graph.bufferOf(p) >= 0 && graph.bufferOf(p) === graph.bufferOf(q) && p.offset === q.offset && sameShape(p.shape, q.shape) && sameShape(p.strides, q.strides));

/** Whether a tensor shows all of a buffer of this shape, in its order. */
export const isWhole = (x: Tensor, shape: Shape): boolean => x.offset === 0 && sameShape(x.shape, shape) && isContiguous(x.shape, x.strides);

/** The node that makes each buffer (-1: none) and the last that reads it; the number of nodes for what is read after them. */
export function lifetimes(work: Work): { born: number[]; last: number[] } {
  const { graph, nodes } = work;
  const born = graph.buffers.map(() => -1);
  const last = graph.buffers.map((b) => (b.source ? nodes.length : -1));
  const read = (x: Tensor, i: number) => {
    const buffer = graph.bufferOf(x);
    if (buffer >= 0) last[buffer] = Math.max(last[buffer]!, i);
  };
  nodes.forEach((node, i) => {
    for (const y of node.outputs) born[graph.bufferOf(y)] = last[graph.bufferOf(y)] = i;
    for (const x of node.inputs) read(x, i);
  });
  for (const x of leaving(work)) read(x, nodes.length);
  return { born, last };
}

/** The least of a tensor that shows all of it: one slice along each axis that is repeated. */
export function compact(x: Tensor): Tensor {
  const shape = x.shape.map((n, i) => (x.strides[i] === 0 ? Math.min(n, 1) : n));
  return new Tensor(shape, x.dtype, x.strides, x.offset, x.storage);
}
/** A tensor again, from where its `compact` part lies densely. */
export const spread = (x: Tensor, storage: Storage): Tensor =>
  new Tensor(x.shape, x.dtype, contiguousStrides(compact(x).shape).map((s, i) => (x.strides[i] === 0 ? 0 : s)), 0, storage);

/** A kernel and its place in memory. */
export class Step {
  private bound: Run | null = null;
  /** `dead`: memory that nobody reads after this step. */
  constructor(private readonly bind: () => Run, private readonly dead: readonly Memory[]) {}

  /** Binds it, which may take room for its temporaries, so that memory moves; running it never does. */
  prepare(): void { this.bound ??= this.bind(); }

  run(): void {
    this.prepare();
    this.bound!();
    this.poison();
  }
  /** The same, giving way wherever other work may come between. */
  *pieces(): Generator<void, void> {
    this.prepare();
    if (this.bound!.pieces) yield* this.bound!.pieces();
    else this.bound!();
    this.poison();
    yield;
  }
  private poison(): void {
    if (debug.poison) for (const x of this.dead) if (!isDeviceArray(x)) new Uint8Array(x.buffer, x.byteOffset, x.byteLength).fill(0xff);
  }
}

/** For tests: whether what a program needs no more is overwritten, so that a kernel which reads it all the same gives NaN. */
export const debug = { poison: false };
