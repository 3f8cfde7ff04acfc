/** A program: a traced graph whose intermediates lie in one planned block of the backend's memory, replayed call by call. */
import type { Heap, View } from '../backend.js';
import type { TypedArray } from '../dtype.js';
import { door, prepareCall } from '../op.js';
import { isContiguous, sizeOf } from '../shape.js';
import { byteSize, dense, fromData, Tensor, viewOf } from '../tensor.js';
import type { Variable } from '../variable.js';
import { Lease } from '../lease.js';
import { hostHeap } from './host-heap.js';
import { fuseMaps } from './fuse.js';
import { dropUnread, shareEqual } from './simplify.js';
import { mapTensors, type Buffer, type Trace } from './trace.js';
import { leaving, workOf, type Work } from './work.js';

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

/** A graph bound to memory: `call` copies arguments in, runs every kernel, and copies results out. Variables stay where they are. */
export class Program {
  readonly arenaBytes: number;
  /** Kernels before anything was shared, fused or dropped. */
  readonly traced: number;
  readonly work: Work;
  private readonly backend = door.backend;
  private readonly heap: Heap = door.backend.heap ?? hostHeap;
  /** Where in the arena each buffer lies; -1 for those that don't. */
  private readonly offsets: readonly number[];
  /** The last node that reads each buffer; the number of nodes for what is read after them. */
  private readonly last: readonly number[];
  private readonly arena: Lease;
  private readonly constants = new Map<Tensor, Lease>();
  private memory: TypedArray[] = [];
  private steps: Bound[] = [];
  private epoch = -1;

  constructor(trace: Trace) {
    const work = (this.work = [shareEqual, fuseMaps, dropUnread].reduce((w, pass) => pass(w), workOf(trace)));
    this.traced = trace.graph.nodes.length;
    const { graph, nodes } = work;
    const { buffers } = graph;
    const born = buffers.map(() => -1);
    const last = buffers.map((b) => (b.source ? nodes.length : -1));
    nodes.forEach((node, i) => {
      for (const y of node.outputs) born[graph.bufferOf(y)] = last[graph.bufferOf(y)] = i;
      for (const x of node.inputs) {
        const buffer = graph.bufferOf(x);
        if (buffer >= 0) last[buffer] = Math.max(last[buffer]!, i);
        else this.reserve(x);
      }
    });
    for (const x of leaving(work)) if (graph.bufferOf(x) >= 0) last[graph.bufferOf(x)] = nodes.length;
    // Variables lie elsewhere, and what no node makes any more lies nowhere.
    const inArena = buffers.map((b, i) => (b.source ? !variableOf(b) : born[i]! >= 0));
    const plan = planArena(buffers.map((b, i) => (inArena[i] ? aligned(byteSize(b.spec)) : 0)), born, last);
    this.offsets = plan.offsets.map((at, i) => (inArena[i] ? at : -1));
    this.last = last;
    this.arenaBytes = plan.bytes;
    this.arena = new Lease(this.heap, plan.bytes, this);
  }

  get constantBytes(): number { return [...this.constants.keys()].reduce((n, x) => n + byteSize(x), 0); }

  /** Room for a constant. */
  private reserve(x: Tensor): void {
    if (!this.constants.has(x)) this.constants.set(x, new Lease(this.heap, byteSize(x), this));
  }

  /** Gives the memory back; the program can't be called any more. */
  release(): void {
    for (const lease of [this.arena, ...this.constants.values()]) lease.release();
  }

  /** Arrays over the memory, and every kernel bound to them. Done anew when the backend's memory moved. */
  private bind(): void {
    const { heap } = this;
    const { nodes, graph: { buffers } } = this.work;
    for (const b of buffers) variableOf(b)?.slotIn(heap); // memory may grow, and so move, here and not below
    this.epoch = heap.epoch;
    this.memory = buffers.map((b, i) => variableOf(b)?.slotIn(heap).data ?? heap.view(b.spec.dtype, this.arena.address + Math.max(0, this.offsets[i]!), this.offsets[i]! < 0 ? 0 : sizeOf(b.spec.shape)));
    const constants = new Map<Tensor, Tensor>();
    for (const [x, { address }] of this.constants) {
      const data = heap.view(x.dtype, address, x.size);
      data.set(x.data());
      constants.set(x, fromData(data, x.shape, x.dtype));
    }
    const place = (x: Tensor) => constants.get(x) ?? this.place(x);
    this.steps = nodes.flatMap((node, i) => {
      if (node.outputs.every((y) => y.size === 0)) return [];
      const run = prepareCall(node.call, node.inputs.map(place), node.outputs.map(place));
      return [{ run, dead: this.memory.filter((_, b) => this.last[b] === i) }];
    });
  }

  /** A traced tensor as one over the memory. */
  private place(x: Tensor): Tensor {
    return new Tensor(x.shape, x.dtype, x.strides, x.offset, { kind: 'host', data: this.memory[this.work.graph.bufferOf(x)]! });
  }

  /** Runs the program. Variables change only after every kernel has run, all of them. */
  call(args: readonly unknown[]): unknown {
    const { heap } = this;
    if (this.epoch !== heap.epoch) this.bind();
    const { graph: { buffers }, assigns, result: wanted } = this.work;
    const given: Tensor[] = [];
    mapTensors(args, (x) => given.push(x));
    buffers.forEach((b, i) => {
      if (!b.source) return;
      if ('variable' in b.source) b.source.variable.slotIn(heap);
      else this.memory[i]!.set(given[b.source.argument]!.data());
    });
    for (const { run, dead } of this.steps) {
      run();
      if (debug.poison) for (const { buffer, byteOffset, byteLength } of dead) new Uint8Array(buffer, byteOffset, byteLength).fill(0xff);
    }
    const result = mapTensors(wanted, (x) => this.out(x));
    // What is still a variable's own memory is copied out before the first variable changes.
    const next = [...assigns].map(([v, x]) => [v, this.inVariable(x) ? this.out(x) : x] as const);
    for (const [v, x] of next) {
      if (this.work.graph.bufferOf(x) < 0) v.set(x);
      else v.setIn(heap, this.place(x).data());
    }
    return result;
  }

  /** Whether a value lies in a variable's memory: it is one's value as it was, or a part of it. */
  private inVariable(x: Tensor): boolean {
    const buffer = this.work.graph.buffers[this.work.graph.bufferOf(x)];
    return buffer !== undefined && variableOf(buffer) !== null;
  }

  /** A value of the program as a tensor of its own. */
  private out(x: Tensor): Tensor {
    if (this.work.graph.bufferOf(x) < 0) return x;
    const view: View = viewOf(this.place(x));
    const data = isContiguous(view.shape, view.strides) ? view.data.slice(view.offset, view.offset + x.size) : dense(view);
    return fromData(data, x.shape, x.dtype);
  }
}

const variableOf = ({ source }: Buffer): Variable | null => (source && 'variable' in source ? source.variable : null);
