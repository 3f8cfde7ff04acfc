/** A program: a traced graph whose intermediates lie in one planned block of the backend's memory, replayed call by call. */
import type { Heap, Memory } from '../backend.js';
import { ValueError } from '../errors.js';
import { Lease } from '../lease.js';
import { door, prepareCall } from '../op.js';
import { sizeOf } from '../shape.js';
import { byteSize, roomFor, storageOf, Tensor } from '../tensor.js';
import type { Variable } from '../variable.js';
import { aligned, planArena } from './arena.js';
import { hostHeap } from './host-heap.js';
import { land } from './land.js';
import { optimize } from './optimize.js';
import { mapTensors, type Buffer, type Trace } from './trace.js';
import { compact, lifetimes, spread, Step, workOf, type Work } from './work.js';

/** Arrays over the memory, by buffer, and every kernel bound to them. */
interface Binding {
  readonly memory: readonly Memory[];
  readonly steps: readonly Step[];
  prepared: boolean;
}
/** Bindings that one program keeps: as a rule its variables take turns between two places. */
const mostBindings = 8;

const variableOf = ({ source }: Buffer): Variable | null => (source && 'variable' in source ? source.variable : null);

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
  /** The arena, in as many blocks as it takes. */
  private readonly arena: readonly Lease[];
  private readonly constants = new Map<Tensor, Lease>();
  /** Buffers that are written where a variable's next value belongs. */
  private readonly targets = new Map<number, Variable>();
  private readonly variables: readonly Variable[];
  private readonly bindings = new Map<string, Binding>();
  private epoch = -1;
  private running = false;
  private released = false;

  constructor(trace: Trace) {
    const work = (this.work = land(optimize(workOf(trace))));
    this.traced = trace.graph.nodes.length;
    const { graph, nodes, assigns } = work;
    const { buffers } = graph;
    const { born, last } = lifetimes(work);
    for (const x of nodes.flatMap((node) => node.inputs)) {
      if (graph.bufferOf(x) < 0 && !this.constants.has(x)) this.constants.set(x, new Lease(this.heap, roomFor(compact(x)), this));
    }
    for (const [v, x] of assigns) if (graph.bufferOf(x) >= 0) this.targets.set(graph.bufferOf(x), v);
    this.variables = [...new Set([...buffers.flatMap((b) => variableOf(b) ?? []), ...this.targets.values()])];
    for (const v of this.targets.values()) v.slotFor(this.heap).makeSpare();
    // Variables lie elsewhere, and what no node makes any more lies nowhere.
    const inArena = buffers.map((b, i) => (b.source ? !variableOf(b) : born[i]! >= 0 && !this.targets.has(i)));
    const { most = Infinity } = this.heap;
    const sizes = buffers.map((b, i) => (inArena[i] ? aligned(roomFor(b.spec)) : 0));
    for (const size of sizes) if (size > most) this.heap.reserve(size); // which says that there is no room
    const plan = planArena(sizes, born, last, most);
    this.offsets = plan.offsets.map((at, i) => (inArena[i] ? at : -1));
    this.last = last;
    this.arenaBytes = plan.bytes;
    this.arena = Array.from({ length: Math.max(1, Math.ceil(plan.bytes / most)) }, (_, i) => new Lease(this.heap, Math.min(most, plan.bytes - (i && i * most)), this));
  }

  get constantBytes(): number { return [...this.constants.keys()].reduce((n, x) => n + byteSize(compact(x)), 0); }

  /** Gives the memory back; the program can't be called any more. */
  release(): void {
    this.released = true;
    if (this.running) return; // as soon as it is through
    for (const lease of [...this.arena, ...this.constants.values()]) lease.release();
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

  /** The binding with every kernel prepared, where memory is afterwards. */
  private prepared(): Binding {
    for (;;) {
      const binding = this.binding();
      if (!binding.prepared) for (const step of binding.steps) step.prepare();
      binding.prepared = true;
      if (this.epoch === this.heap.epoch) return binding;
    }
  }

  private bind(): Binding {
    const { heap } = this;
    const { nodes, graph: { buffers } } = this.work;
    const memory = buffers.map((b, i) => {
      const [variable, target] = [variableOf(b), this.targets.get(i)];
      if (variable) return variable.slotFor(heap).data;
      if (target) return target.slotFor(heap).spare;
      const [at, size] = this.offsets[i]! < 0 ? [0, 0] : [this.offsets[i]!, sizeOf(b.spec.shape)];
      const { most = Infinity } = heap;
      return heap.view(b.spec.dtype, this.arena[Math.floor(at / most)]!.address + (at % most), size);
    });
    const constants = new Map<Tensor, Tensor>();
    for (const [x, { address }] of this.constants) {
      const least = compact(x);
      const data = heap.view(x.dtype, address, least.size);
      heap.write(data, least);
      constants.set(x, spread(x, storageOf(data)));
    }
    const place = (x: Tensor) => constants.get(x) ?? this.place(x, memory);
    const steps = nodes.flatMap((node, i) => {
      if (node.outputs.every((y) => y.size === 0)) return [];
      return [new Step(() => prepareCall(node.call, node.inputs.map(place), node.outputs.map(place), this.backend), memory.filter((_, b) => this.last[b] === i))];
    });
    return { memory, steps, prepared: false };
  }

  /** A traced tensor as one over the memory. */
  private place(x: Tensor, memory: readonly Memory[]): Tensor {
    return new Tensor(x.shape, x.dtype, x.strides, x.offset, storageOf(memory[this.work.graph.bufferOf(x)]!));
  }

  /** Runs the program. Variables change only after every kernel has run, all of them. */
  call(args: readonly unknown[]): unknown {
    const { memory, steps } = this.prepared();
    this.begin(args, memory);
    for (const step of steps) step.run();
    const result = this.finish(memory);
    this.backend.submit?.();
    return result;
  }

  /** The same, giving way wherever other work may come between. That may do everything but call the program or assign its variables. */
  *pieces(args: readonly unknown[]): Generator<void, unknown> {
    let { memory, steps } = this.binding();
    this.begin(args, memory);
    const versions = this.variables.map((v) => v.version);
    this.running = true;
    try {
      for (let i = 0; i < steps.length; i++) {
        steps[i]!.prepare();
        const pieces = steps[i]!.pieces();
        while (this.epoch === this.heap.epoch && !pieces.next().done) {
          yield;
          const other = this.variables.find((v, k) => v.version !== versions[k]);
          if (other) throw new ValueError(`sliced: variable ${other.name} was assigned while a function that uses it ran in slices; nothing of it was kept, so await it first and call it again.`);
        }
        if (this.epoch === this.heap.epoch) continue;
        // The memory moved: the kernel begins again where it is now, for it overwrites nothing that it reads.
        ({ memory, steps } = this.binding());
        i--;
      }
      const result = this.finish(memory);
      this.backend.submit?.();
      return result;
    } finally {
      this.running = false;
      if (this.released) this.release();
    }
  }

  /** Brings arguments and variables to where the kernels read them. */
  private begin(args: readonly unknown[], memory: readonly Memory[]): void {
    if (this.running) throw new ValueError('sliced: a jitted function was called while it runs in slices for the same kind of arguments; await that call first.');
    const given: Tensor[] = [];
    mapTensors(args, (x) => given.push(x));
    this.work.graph.buffers.forEach(({ source }, i) => {
      if (!source) return;
      if ('variable' in source) source.variable.slotIn(this.heap);
      else if ('argument' in source) this.heap.write(memory[i]!, given[source.argument]!);
    });
  }

  /** Copies results out and gives variables their new values. */
  private finish(memory: readonly Memory[]): unknown {
    const { graph, assigns, result } = this.work;
    const results = mapTensors(result, (x) => (graph.bufferOf(x) < 0 ? x : this.heap.keep(this.place(x, memory))));
    for (const [v, x] of assigns) {
      if (graph.bufferOf(x) < 0) v.set(x);
      else v.turn(this.heap);
    }
    if (assigns.size) this.backend.committed?.([...assigns.keys()]);
    return results;
  }
}
