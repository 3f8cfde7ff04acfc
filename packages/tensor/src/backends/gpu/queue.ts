/**
 * Work that was asked for and not done yet. What an op gives is a promise of elements; promises are kept many at a time: when one of
 * them is read, when many have come together, when the caller pauses. Where memory runs out first, as in a long loop that never
 * pauses, so that nothing can be collected, they wait until they are asked for, and only what is asked for is kept.
 */
import { isDeviceArray, jsBackend, type Call, type Memory } from '../../backend.js';
import { dtypeOf, type TypedArray } from '../../dtype.js';
import { ValueError } from '../../errors.js';
import { contiguousStrides, formatShape, isContiguous, sizeOf } from '../../shape.js';
import { blank, fromData, over, Tensor, type Spec } from '../../tensor.js';
import { copyFamily } from '../js/copy.js';
import { mapFamily } from '../js/map.js';
import { Block, bytesOf, decoded, encoded, GpuArray } from './array.js';
import { Copies } from './copies.js';
import type { Dispatch, Gpu } from './device.js';
import type { GpuView } from './shader.js';

/** Ops that wait at most. */
const mostWaiting = 256;
/** How long a chain of promises may grow that nobody asked for. */
const longest = 2048;

export interface Promised {
  readonly call: Call;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly GpuArray[];
  readonly specs: readonly Spec[];
  /** No kernel: js computes it when its inputs are here. */
  readonly onHost: boolean;
  /** How many promises it builds on, one upon the other. */
  readonly depth: number;
  error?: unknown;
}

/** Where numbers lie that go into a kernel's uniform block. */
const nowhere = null as unknown as GpuArray;

/** Memory that a call needs while it runs. */
export type Scratch = (spec: Spec) => GpuView;
export type Planner = (call: Call, inputs: readonly GpuView[], outputs: readonly GpuView[], scratch: Scratch) => Dispatch[];

export class Queue {
  readonly copies = new Copies();
  private waiting: Promised[] = [];
  private working: Promise<void> | null = null;
  private timer = false;
  private readonly here = new WeakMap<object, GpuArray>();
  private readonly abandoned = new FinalizationRegistry<{ gpu: GPUBuffer; bytes: number }>(({ gpu, bytes }) => this.gpu.give(gpu, bytes));

  /** `settings.budget`: bytes in use from which on nothing is computed that nobody asked for. */
  constructor(readonly gpu: Gpu, private readonly plan: Planner, private readonly supports: (call: Call, inputs: readonly Spec[], outputs: readonly Spec[]) => boolean, private readonly settings: { readonly budget: number }, private readonly count: (call: Call, fallback: boolean) => void) {}

  /** A block with memory. */
  block(bytes: number): Block {
    const block = new Block(bytes);
    this.settle(block);
    return block;
  }
  private settle(block: Block): void {
    block.gpu = this.gpu.take(block.bytes);
    this.abandoned.register(block, { gpu: block.gpu, bytes: block.bytes }, block);
  }
  private unsettle(block: Block): void {
    this.abandoned.unregister(block);
    this.gpu.give(block.gpu!, block.bytes);
    block.gpu = null;
  }
  private array({ shape, dtype }: Spec, block = this.block(sizeOf(shape) * bytesOf(dtype))): GpuArray { return new GpuArray(this, block, 0, sizeOf(shape), dtype); }

  /** Memory with anything in it, seen densely. */
  lend(spec: Spec): GpuView { return { ...spec, data: this.array(spec), strides: contiguousStrides(spec.shape), offset: 0 }; }

  /** Promises what a call gives. */
  execute(call: Call, inputs: readonly Tensor[], specs: readonly Spec[]): Tensor[] {
    if (specs.every((s) => sizeOf(s.shape) === 0)) return specs.map(blank);
    const onHost = !this.supports(call, inputs, specs);
    this.count(call, onHost);
    if (onHost && inputs.every((x) => x.storage.kind === 'host')) {
      const outputs = specs.map(blank);
      onJs(call, inputs, outputs);
      return outputs;
    }
    let depth = 0;
    for (const { storage } of inputs) if (storage.kind === 'device') depth = Math.max(depth, (storage.data as GpuArray).buffer.maker?.depth ?? 0);
    const outputs = specs.map((spec) => this.array(spec, new Block(Math.max(4, sizeOf(spec.shape) * bytesOf(spec.dtype)))));
    const promised: Promised = { call, inputs, outputs, specs, onHost, depth: depth + 1 };
    for (const { buffer } of outputs) buffer.maker = promised;
    this.waiting.push(promised);
    if (this.waiting.length >= mostWaiting) this.flush();
    else this.later();
    if (depth >= longest && promised.outputs[0]!.buffer.maker && !this.working) this.pull([outputs[0]!.buffer]);
    return outputs.map((y, k) => over(y, specs[k]!));
  }

  private later(): void {
    if (this.timer) return;
    this.timer = true;
    setTimeout(() => {
      this.timer = false;
      try {
        this.flush();
        this.gpu.submit();
      } catch { /* whoever reads is told */ }
    });
  }

  private get isFull(): boolean { return this.gpu.used >= this.settings.budget; }

  /** Keeps the promises that wait; where memory is short, they come when they are asked for. */
  flush(): void {
    if (this.working || !this.waiting.length) return;
    const work = this.waiting;
    this.waiting = [];
    if (!this.isFull) this.pull(work.flatMap((p) => p.outputs.map((y) => y.buffer)));
  }

  /** Keeps promises in order; what only later ones of them need is dropped as soon as it is not needed any more, if `lean`. */
  private keep(work: readonly Promised[], lean: boolean, wanted: ReadonlySet<Block>): void {
    const uses = new Map<Block, number>();
    const blocksOf = ({ inputs }: Promised) => inputs.flatMap(({ storage }) => (storage.kind === 'device' ? [(storage.data as GpuArray).buffer] : []));
    if (lean) for (const p of work) for (const b of blocksOf(p)) uses.set(b, (uses.get(b) ?? 0) + 1);
    for (let i = 0; i < work.length; i++) {
      const p = work[i]!;
      if (!p.outputs.some((y) => y.buffer.maker)) continue;
      if (p.onHost) {
        this.working = this.onHost(p).finally(() => {
          this.working = null;
          try {
            this.keep(work.slice(i + 1), lean, wanted);
            this.flush();
          } catch { /* whoever reads is told */ }
        });
        return;
      }
      this.run(p);
      for (const { buffer } of p.outputs) if (!lean || wanted.has(buffer)) buffer.maker = null;
      if (!lean) continue;
      for (const b of blocksOf(p)) {
        uses.set(b, uses.get(b)! - 1);
        if (!uses.get(b) && !wanted.has(b) && b.maker && b.gpu) this.unsettle(b);
      }
    }
  }

  /** Computes blocks, and of what they build on as much as it takes; that is kept, too, while there is room. */
  private pull(blocks: readonly Block[]): void {
    const lean = this.isFull;
    const order: Promised[] = [];
    const seen = new Set<Promised>();
    const stack: [Promised, boolean][] = blocks.flatMap((b): [Promised, boolean][] => (b.maker ? [[b.maker, false]] : []));
    while (stack.length) {
      const [p, done] = stack.pop()!;
      if (done) order.push(p);
      else if (!seen.has(p)) {
        seen.add(p);
        stack.push([p, true]);
        for (const { storage } of p.inputs) {
          const maker = storage.kind === 'device' ? (storage.data as GpuArray).buffer.maker : null;
          if (maker && !seen.has(maker)) stack.push([maker, false]);
        }
      }
    }
    this.keep(order, lean, new Set(blocks));
    if (lean) this.gpu.submit();
  }

  /** A tensor's elements on the device. */
  resident(x: Tensor): GpuView {
    const { storage } = x;
    let data: GpuArray;
    if (storage.kind === 'host') data = this.uploaded(storage);
    else if (storage.kind === 'device') data = this.own(storage.data as GpuArray);
    else throw new ValueError(storage.kind === 'absent' ? storage.why : `jit: a traced tensor ${formatShape(x.shape)} has no elements.`);
    return { data, shape: x.shape, strides: x.strides, offset: x.offset, dtype: x.dtype };
  }
  private own(data: GpuArray): GpuArray {
    if (data.queue !== this) throw this.gpu.lost ?? new ValueError('gpu: a tensor lies on a device that is not used any more; its elements are gone, make it again.');
    return data;
  }
  private uploaded(storage: { readonly data: TypedArray; readonly borrowed?: boolean }): GpuArray {
    let there = this.here.get(storage);
    if (!there) {
      const { data } = storage;
      there = this.array({ shape: [Math.max(1, data.length)], dtype: dtypeOf(data)! });
      if (data.length) this.gpu.write(there.gpuBuffer(), 0, encoded(data));
      if (!storage.borrowed) this.here.set(storage, there);
    }
    return there;
  }

  private run({ call, inputs, outputs, specs }: Promised): void {
    const views = inputs.map((x) => (x.size === 1 && x.storage.kind === 'host' && call.family === mapFamily ? { data: nowhere, shape: x.shape, strides: x.strides, offset: 0, dtype: x.dtype, scalar: x.item() } : this.resident(x)));
    outputs.forEach(({ buffer }) => { if (!buffer.gpu) this.settle(buffer); });
    this.now(call, views, outputs.map((data, k) => ({ data, ...specs[k]!, strides: contiguousStrides(specs[k]!.shape), offset: 0 })));
  }
  /** Notes a call down; its operands are there. */
  private now(call: Call, inputs: readonly GpuView[], outputs: readonly GpuView[]): void {
    const passing: Block[] = [];
    const scratch: Scratch = (spec) => {
      const view = this.lend(spec);
      passing.push(view.data.buffer);
      return view;
    };
    for (const dispatch of this.plan(call, inputs, outputs, scratch)) this.gpu.once(dispatch);
    for (const block of passing) this.unsettle(block);
  }
  /** Binds a call of a program; its scratch memory lasts as long as what is returned. */
  bind(call: Call, inputs: readonly GpuView[], outputs: readonly GpuView[]): () => void {
    const held: GpuView[] = [];
    const scratch: Scratch = (spec) => {
      const view = this.lend(spec);
      held.push(view);
      return view;
    };
    const runs = this.plan(call, inputs, outputs, scratch).map((d) => this.gpu.repeated(d));
    return () => { if (held) for (const run of runs) run(); };
  }

  private async onHost(p: Promised): Promise<void> {
    try {
      const inputs = await Promise.all(p.inputs.map(async (x) => (x.storage.kind === 'device' ? fromData(await this.fetch(this.resident(x)), x.shape, x.dtype) : x)));
      const outputs = p.specs.map(blank);
      onJs(p.call, inputs, outputs);
      p.outputs.forEach(({ buffer }, k) => {
        this.settle(buffer);
        this.gpu.write(buffer.gpu!, 0, encoded(outputs[k]!.data()));
      });
    } catch (error) {
      p.error = error;
    }
    for (const { buffer } of p.outputs) buffer.maker = null;
  }

  /** Computes what an array was promised to hold; refuses where that takes a pause. */
  ensure(data: GpuArray): void {
    this.own(data);
    if (!data.buffer.maker) return;
    this.flush();
    if (data.buffer.maker && !this.working) this.pull([data.buffer]);
    if (data.buffer.maker) throw new ValueError('gpu: an argument depends on what js has to compute first, as it has no kernel on the GPU; await its read() before.');
  }
  private async ensured(data: GpuArray): Promise<void> {
    this.own(data);
    const { maker } = data.buffer;
    while (data.buffer.maker) {
      this.flush();
      if (data.buffer.maker && !this.working) this.pull([data.buffer]);
      if (this.working) await this.working;
    }
    if (maker?.error) throw maker.error;
    if (!data.buffer.gpu) throw new ValueError('gpu: the elements were never computed: something before them failed.');
  }

  async read(view: GpuView): Promise<TypedArray> {
    await this.ensured(view.data);
    return this.fetch(view);
  }
  private async fetch(view: GpuView): Promise<TypedArray> {
    const size = sizeOf(view.shape);
    const bytes = size * bytesOf(view.dtype);
    if (!size) return blank(view).data();
    if (isContiguous(view.shape, view.strides)) return decoded(await this.gpu.read(view.data.gpuBuffer(), view.data.byteOffset + view.offset * bytesOf(view.dtype), bytes), view.dtype);
    if (view.dtype === 'float64') { // no kernel moves these
      const all = decoded(await this.gpu.read(view.data.gpuBuffer(), view.data.byteOffset, view.data.length * 8), 'float64');
      return new Tensor(view.shape, 'float64', view.strides, view.offset, { kind: 'host', data: all }).data();
    }
    const data = this.array(view);
    this.now({ family: copyFamily, params: {} }, [view], [{ ...view, data, strides: contiguousStrides(view.shape), offset: 0 }]);
    return decoded(await this.gpu.read(data.gpuBuffer(), 0, bytes), view.dtype);
  }

  /** Fills an array that lies densely with as many elements from elsewhere. */
  move(from: Memory, to: GpuArray): void {
    if (!isDeviceArray(from)) return this.gpu.write(to.gpuBuffer(), to.byteOffset, encoded(from));
    const x = from as GpuArray;
    this.ensure(x);
    this.gpu.copy(x.gpuBuffer(), x.byteOffset, to.gpuBuffer(), to.byteOffset, x.length * bytesOf(x.dtype));
  }
  /** The same with the elements of a tensor of any strides. */
  write(to: GpuArray, x: Tensor): void {
    const { storage } = x;
    if (storage.kind !== 'device') return this.move(x.data(), to);
    const data = storage.data as GpuArray;
    this.ensure(data);
    if (isContiguous(x.shape, x.strides)) return this.move(data.subarray(x.offset, x.offset + x.size), to);
    this.now({ family: copyFamily, params: {} }, [this.resident(x)], [{ data: to, shape: x.shape, strides: contiguousStrides(x.shape), offset: 0, dtype: x.dtype }]);
  }
  /** A copy of its own. */
  keepTensor(x: Tensor): Tensor {
    if (!x.size) return blank(x);
    const data = this.array(x);
    this.write(data, x);
    return over(data, x);
  }
}

function onJs(call: Call, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  const look = (x: Tensor) => ({ data: (x.storage as { data: TypedArray }).data, shape: x.shape, strides: x.strides, offset: x.offset, dtype: x.dtype });
  jsBackend.prepare(call, inputs.map(look), outputs.map(look))!();
}
