/** A program: a traced graph whose intermediates lie in one planned block of the backend's memory, replayed call by call. */
import type { Heap, View } from '../backend.js';
import type { TypedArray } from '../dtype.js';
import { Lease } from '../lease.js';
import { door, prepareCall } from '../op.js';
import { contiguousStrides, isContiguous, sameShape, sizeOf } from '../shape.js';
import { byteSize, dense, fromData, Tensor, viewOf } from '../tensor.js';
import type { Variable } from '../variable.js';
import { aligned, planArena } from './arena.js';
import { fuseAround } from './fuse-around.js';
import { fuseMaps } from './fuse.js';
import { hostHeap } from './host-heap.js';
import { land } from './land.js';
import { dropUnread, shareEqual } from './simplify.js';
import { mapTensors, type Buffer, type Trace } from './trace.js';
import { leaving, workOf, type Work } from './work.js';

/** For tests: whether what a program needs no more is overwritten, so that a kernel which reads it all the same gives NaN. */
export const debug = { poison: false };

interface Step {
  readonly run: () => void;
  /** Memory that nobody reads after this step. */
  readonly dead: readonly TypedArray[];
}
/** Arrays over the memory, by buffer, and every kernel bound to them. */
interface Binding {
  readonly memory: readonly TypedArray[];
  readonly steps: readonly Step[];
}
/** Bindings that one program keeps: as a rule its variables take turns between two places. */
const mostBindings = 8;

const variableOf = ({ source }: Buffer): Variable | null => (source && 'variable' in source ? source.variable : null);

/** The least of a tensor that shows all of it: one slice along each axis that is repeated. */
function compact(x: Tensor): Tensor {
  const shape = x.shape.map((n, i) => (x.strides[i] === 0 ? Math.min(n, 1) : n));
  return new Tensor(shape, x.dtype, x.strides, x.offset, x.storage);
}

/**
 * A graph bound to memory: `call` copies arguments in, runs every kernel, and copies results out. Variables stay where they are: each
 * has two places, and a kernel that makes its next value writes to the one that is not its value now.
 */
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
  /** Buffers that are written where a variable's next value belongs. */
  private readonly targets = new Map<number, Variable>();
  private readonly variables: readonly Variable[];
  private readonly bindings = new Map<string, Binding>();
  private epoch = -1;

  constructor(trace: Trace) {
    const work = (this.work = [shareEqual, fuseMaps, fuseAround, dropUnread, land].reduce((w, pass) => pass(w), workOf(trace)));
    this.traced = trace.graph.nodes.length;
    const { graph, nodes, assigns } = work;
    const { buffers } = graph;
    const born = buffers.map(() => -1);
    const last = buffers.map((b) => (b.source ? nodes.length : -1));
    nodes.forEach((node, i) => {
      for (const y of node.outputs) born[graph.bufferOf(y)] = last[graph.bufferOf(y)] = i;
      for (const x of node.inputs) {
        const buffer = graph.bufferOf(x);
        if (buffer >= 0) last[buffer] = Math.max(last[buffer]!, i);
        else if (!this.constants.has(x)) this.constants.set(x, new Lease(this.heap, byteSize(compact(x)), this));
      }
    });
    for (const x of leaving(work)) if (graph.bufferOf(x) >= 0) last[graph.bufferOf(x)] = nodes.length;
    for (const [v, x] of assigns) if (graph.bufferOf(x) >= 0) this.targets.set(graph.bufferOf(x), v);
    this.variables = [...new Set([...buffers.flatMap((b) => variableOf(b) ?? []), ...this.targets.values()])];
    for (const v of this.targets.values()) v.slotFor(this.heap).makeSpare();
    // Variables lie elsewhere, and what no node makes any more lies nowhere.
    const inArena = buffers.map((b, i) => (b.source ? !variableOf(b) : born[i]! >= 0 && !this.targets.has(i)));
    const plan = planArena(buffers.map((b, i) => (inArena[i] ? aligned(byteSize(b.spec)) : 0)), born, last);
    this.offsets = plan.offsets.map((at, i) => (inArena[i] ? at : -1));
    this.last = last;
    this.arenaBytes = plan.bytes;
    this.arena = new Lease(this.heap, plan.bytes, this);
  }

  get constantBytes(): number { return [...this.constants.keys()].reduce((n, x) => n + byteSize(compact(x)), 0); }

  /** Gives the memory back; the program can't be called any more. */
  release(): void {
    for (const lease of [this.arena, ...this.constants.values()]) lease.release();
  }

  /** The kernels, bound to where the variables are now. */
  private binding(): Binding {
    const { heap } = this;
    const slots = this.variables.map((v) => v.slotFor(heap));
    if (this.epoch !== heap.epoch) this.bindings.clear(); // the memory moved
    this.epoch = heap.epoch;
    const key = slots.map((s) => s.side).join('');
    let binding = this.bindings.get(key);
    if (!binding) {
      if (this.bindings.size === mostBindings) this.bindings.delete(this.bindings.keys().next().value!);
      this.bindings.set(key, (binding = this.bind()));
    }
    return binding;
  }

  private bind(): Binding {
    const { heap } = this;
    const { nodes, graph: { buffers } } = this.work;
    const memory = buffers.map((b, i) => {
      const [variable, target] = [variableOf(b), this.targets.get(i)];
      if (variable) return variable.slotFor(heap).data;
      if (target) return target.slotFor(heap).spare;
      return heap.view(b.spec.dtype, this.arena.address + Math.max(0, this.offsets[i]!), this.offsets[i]! < 0 ? 0 : sizeOf(b.spec.shape));
    });
    const constants = new Map<Tensor, Tensor>();
    for (const [x, { address }] of this.constants) {
      const least = compact(x);
      const data = heap.view(x.dtype, address, least.size);
      data.set(least.data());
      const strides = contiguousStrides(least.shape).map((s, i) => (x.strides[i] === 0 ? 0 : s));
      constants.set(x, new Tensor(x.shape, x.dtype, strides, 0, { kind: 'host', data }));
    }
    const place = (x: Tensor) => constants.get(x) ?? this.place(x, memory);
    const steps = nodes.flatMap((node, i) => {
      if (node.outputs.every((y) => y.size === 0)) return [];
      const run = prepareCall(node.call, node.inputs.map(place), node.outputs.map(place));
      return [{ run, dead: memory.filter((_, b) => this.last[b] === i) }];
    });
    return { memory, steps };
  }

  /** A traced tensor as one over the memory. */
  private place(x: Tensor, memory: readonly TypedArray[]): Tensor {
    return new Tensor(x.shape, x.dtype, x.strides, x.offset, { kind: 'host', data: memory[this.work.graph.bufferOf(x)]! });
  }

  /** Runs the program. Variables change only after every kernel has run, all of them. */
  call(args: readonly unknown[]): unknown {
    const { heap } = this;
    const { memory, steps } = this.binding();
    const { graph, assigns, result: wanted } = this.work;
    const given: Tensor[] = [];
    mapTensors(args, (x) => given.push(x));
    graph.buffers.forEach(({ source }, i) => {
      if (!source) return;
      if ('variable' in source) source.variable.slotIn(heap);
      else memory[i]!.set(given[source.argument]!.data());
    });
    for (const { run, dead } of steps) {
      run();
      if (debug.poison) for (const { buffer, byteOffset, byteLength } of dead) new Uint8Array(buffer, byteOffset, byteLength).fill(0xff);
    }
    const result = mapTensors(wanted, (x) => (graph.bufferOf(x) < 0 ? x : fromData(this.place(x, memory).data().slice(), x.shape, x.dtype)));
    for (const [v, x] of assigns) {
      if (graph.bufferOf(x) < 0) v.set(x);
      else v.turn(heap);
    }
    return result;
  }
}
