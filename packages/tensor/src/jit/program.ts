/** A program: a traced graph whose intermediates lie in one planned block of the backend's memory, replayed call by call. */
import type { View } from '../backend.js';
import { arrayType, bytesPer, type TypedArray } from '../dtype.js';
import { door, prepareCall } from '../op.js';
import { isContiguous, sizeOf } from '../shape.js';
import { byteSize, dense, fromData, Tensor, viewOf } from '../tensor.js';
import { mapTensors, type Graph, type Trace } from './trace.js';

const align = 64;
const aligned = (bytes: number): number => Math.ceil(Math.max(bytes, 1) / align) * align;

/**
 * Offsets for buffers in one block: a buffer may take the place of others that are no longer needed. First fit, the
 * buffers in order of birth; `last[i]` is the last node that reads buffer i.
 */
export function planArena(sizes: readonly number[], born: readonly number[], last: readonly number[]): { offsets: number[]; bytes: number } {
  const offsets = new Array<number>(sizes.length).fill(0);
  const live: number[] = [];
  let bytes = 0;
  const order = [...sizes.keys()].sort((p, q) => born[p]! - born[q]!);
  for (const i of order) {
    for (let k = live.length - 1; k >= 0; k--) if (last[live[k]!]! < born[i]!) live.splice(k, 1);
    let at = 0;
    let place = 0;
    for (; place < live.length; place++) {
      const other = live[place]!;
      if (at + sizes[i]! <= offsets[other]!) break;
      at = Math.max(at, offsets[other]! + sizes[other]!);
    }
    offsets[i] = at;
    live.splice(place, 0, i);
    bytes = Math.max(bytes, at + sizes[i]!);
  }
  return { offsets, bytes };
}

/** For tests: whether what a program needs no more is overwritten, so that a kernel which reads it all the same gives NaN. */
export const debug = { poison: false };

interface Bound {
  readonly run: () => void;
  /** Memory that nobody reads after this step. */
  readonly dead: readonly TypedArray[];
}

/** A graph bound to memory: `call` copies arguments and variables in, runs every kernel, copies results and variables out. */
export class Program {
  readonly arenaBytes: number;
  private readonly backend = door.backend;
  private readonly memory: TypedArray[] = [];
  private readonly base: number;
  private readonly constants = new Map<Tensor, Tensor>();
  private readonly constantAddresses: number[] = [];
  private steps: Bound[] = [];
  private epoch = -1;
  private readonly offsets: readonly number[];
  /** The last node that reads each buffer; the number of nodes for what is read after them. */
  private readonly last: readonly number[];

  private readonly graph: Graph;
  private readonly result: unknown;

  constructor({ graph, result }: Trace) {
    this.graph = graph;
    this.result = result;
    const { nodes, buffers } = graph;
    const born = buffers.map(() => -1);
    const last = buffers.map((b) => (b.source ? nodes.length : -1));
    nodes.forEach((node, i) => {
      for (const y of node.outputs) born[graph.bufferOf(y)] = last[graph.bufferOf(y)] = i;
      for (const x of node.inputs) if (graph.bufferOf(x) >= 0) last[graph.bufferOf(x)] = Math.max(last[graph.bufferOf(x)]!, i);
    });
    const keep = (x: Tensor) => { if (graph.bufferOf(x) >= 0) last[graph.bufferOf(x)] = nodes.length; };
    mapTensors(result, keep);
    graph.assigns.forEach(keep);
    const plan = planArena(buffers.map((b) => aligned(byteSize(b.spec))), born, last);
    this.offsets = plan.offsets;
    this.last = last;
    this.arenaBytes = plan.bytes;
    this.base = this.backend.heap ? this.backend.heap.reserve(Math.max(plan.bytes, align)) : 0;
  }

  /** Gives the memory back; the program can't be called any more. */
  release(): void {
    const { heap } = this.backend;
    if (!heap) return;
    heap.release(this.base);
    for (const address of this.constantAddresses) heap.release(address);
  }

  /** Arrays over the arena, and every kernel bound to them. Done anew when the backend's memory moved. */
  private bind(): void {
    const { heap } = this.backend;
    const { nodes, buffers } = this.graph;
    this.memory.length = 0;
    this.constants.clear();
    for (const address of this.constantAddresses.splice(0)) heap!.release(address);
    const whole = heap ? null : new ArrayBuffer(this.arenaBytes);
    buffers.forEach(({ spec }, i) => {
      const size = sizeOf(spec.shape);
      this.memory.push(heap ? heap.view(spec.dtype, this.base + this.offsets[i]!, size) : new (arrayType(spec.dtype))(whole!, this.offsets[i]!, size));
    });
    this.steps = nodes.flatMap((node, i) => {
      if (node.outputs.every((y) => y.size === 0)) return [];
      const run = prepareCall(node.call, node.inputs.map((x) => this.place(x)), node.outputs.map((y) => this.place(y)));
      return [{ run, dead: this.memory.filter((_, b) => this.last[b] === i) }];
    });
    this.epoch = heap?.epoch ?? 0;
  }

  /** A tensor as a host tensor over the arena; constants are copied beside it once. */
  private place(x: Tensor): Tensor {
    const buffer = this.graph.bufferOf(x);
    if (buffer >= 0) return new Tensor(x.shape, x.dtype, x.strides, x.offset, { kind: 'host', data: this.memory[buffer]! });
    const { heap } = this.backend;
    if (!heap) return x;
    let copy = this.constants.get(x);
    if (!copy) {
      const data = x.data();
      const address = heap.reserve(Math.max(data.length * bytesPer[x.dtype], 1));
      this.constantAddresses.push(address);
      const there = heap.view(x.dtype, address, data.length);
      there.set(data);
      copy = fromData(there, x.shape, x.dtype);
      this.constants.set(x, copy);
    }
    return copy;
  }

  /** Runs the program. Variables change only after every kernel has run. */
  call(args: readonly unknown[]): unknown {
    if (this.epoch !== (this.backend.heap?.epoch ?? 0)) this.bind();
    const { buffers, assigns } = this.graph;
    const given: Tensor[] = [];
    mapTensors(args, (x) => given.push(x));
    buffers.forEach(({ source }, i) => {
      if (!source) return;
      const x = 'variable' in source ? source.variable.stored : given[source.argument]!;
      this.memory[i]!.set(x.data());
    });
    for (const { run, dead } of this.steps) {
      run();
      if (debug.poison) for (const { buffer, byteOffset, byteLength } of dead) new Uint8Array(buffer, byteOffset, byteLength).fill(0xff);
    }
    const next = [...assigns].map(([v, x]) => [v, this.out(x)] as const);
    const result = mapTensors(this.result, (x) => this.out(x));
    for (const [v, x] of next) v.set(x);
    return result;
  }

  /** A value of the program as a tensor of its own. */
  private out(x: Tensor): Tensor {
    const buffer = this.graph.bufferOf(x);
    if (buffer < 0) return x;
    const view: View = viewOf(this.place(x));
    const data = isContiguous(view.shape, view.strides) ? view.data.slice(view.offset, view.offset + x.size) : dense(view);
    return fromData(data, x.shape, x.dtype);
  }
}
