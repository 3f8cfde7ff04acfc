/** A GPU as kernels see it: memory in buffers that are used again, commands in one encoder until they are handed over, errors with names. */
import { BackendError, DeviceLostError, type HeedError, OutOfMemoryError, ValueError } from '../../errors.js';

/** Bytes that are kept for other tensors after theirs went. */
const mostFree = 256 * 2 ** 20;
/** Commands before they are handed over, whoever waits or not. */
const mostCommands = 512;
const chunkBytes = 262144;
/** Bytes that are written by a command among others; more are written at once, after the commands before them. */
const smallWrite = 16384;
/** WebGPU's numbers; a page has them as globals, Node has none. */
const usage = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 };
const mapRead = 0x1;
const storageUsage = usage.storage | usage.copySource | usage.copyTarget;

/** Sizes of buffers: a power of two, or one and a half of it, so that few sizes serve all. */
function roomy(bytes: number): number {
  let size = 256;
  while (size < bytes) size *= 2;
  return size > 1024 && (size / 4) * 3 >= bytes ? (size / 4) * 3 : size;
}

export interface Pipeline { readonly pipeline: GPUComputePipeline; readonly layout: GPUBindGroupLayout }

/** Everything that a dispatch needs. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  readonly bindings: readonly GPUBufferBinding[];
  /** Numbers in the kernel's uniform block; nothing else in it. */
  readonly params: ArrayBuffer;
  readonly groups: readonly [number, number, number];
}

/** What kernels find wrong when it is too late to throw: it comes with the next that is read. */
const outOfRange = (who: string) => (index: number, axis: number, n: number): HeedError =>
  new ValueError(`${who}: index ${index} is out of range for axis ${axis} of size ${n}; indices must be in [${-n}, ${n - 1}].`);
export const complaints = [outOfRange('gather'), outOfRange('scatterAdd')] as const;

/** A place for numbers that kernels read as uniforms. */
interface Slice { readonly buffer: GPUBuffer; readonly offset: number }

/** Uniform blocks of programs, which last as long as whoever runs them. */
class Uniforms {
  private readonly free: Slice[] = [];
  private readonly abandoned = new FinalizationRegistry<Slice>((slice) => this.free.push(slice));
  constructor(private readonly gpu: Gpu) {}
  take(owner: object, params: ArrayBuffer): Slice {
    if (!this.free.length) {
      const buffer = this.gpu.device.createBuffer({ size: chunkBytes, usage: usage.uniform | usage.copyTarget });
      for (let offset = chunkBytes - 256; offset >= 0; offset -= 256) this.free.push({ buffer, offset });
    }
    const slice = this.free.pop()!;
    this.gpu.device.queue.writeBuffer(slice.buffer, slice.offset, params);
    this.abandoned.register(owner, slice);
    return slice;
  }
}

export class Gpu {
  /** Bytes in buffers that hold something, and in those that wait to be used again. */
  used = 0;
  free = 0;
  /** How often commands were handed over, and how many dispatches they had. */
  submits = 0;
  dispatches = 0;
  lost: HeedError | null = null;
  /** Whether matrix products may round their operands to 16 bits; needs the feature `shader-f16` (untested: no adapter that has it was at hand). */
  half = false;
  /** Bytes that a kernel can reach in one operand. */
  mostBound: number;
  /** Operands that a kernel binds at most. */
  mostOperands: number;
  /** Whether threads of a group work together quickly: where they are software, each had better work alone. */
  teams = true;
  /** Where kernels say what they can't throw: who complains (0: nobody), and three numbers. */
  readonly trouble: GPUBuffer;
  private failure: HeedError | null = null;
  private readonly idle = new Map<number, GPUBuffer[]>();
  private readonly staging = new Map<number, GPUBuffer[]>();
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  private readonly uniforms = new Uniforms(this);
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private commands = 0;
  private bound: Pipeline | null = null;
  /** Uniform blocks of the commands that wait, and the buffers that will hold them. */
  private block = new ArrayBuffer(chunkBytes);
  private filled = 0;
  private chunk: GPUBuffer | null = null;
  private watches: Promise<void>[] = [];
  private timer = false;

  constructor(readonly device: GPUDevice, readonly info: GPUAdapterInfo) {
    this.mostBound = device.limits.maxStorageBufferBindingSize;
    this.mostOperands = device.limits.maxStorageBuffersPerShaderStage;
    this.trouble = device.createBuffer({ size: 16, usage: storageUsage });
    void device.lost.then(({ message, reason }) => {
      const what = `gpu: the device was lost (${reason})${message ? `: ${message.replace(/\.?\s*$/, '')}` : ''}. Tensors on it are gone.`;
      this.lost ??= new DeviceLostError(this.told(what));
    });
    device.addEventListener('uncapturederror', (event) => this.fail((event as GPUUncapturedErrorEvent).error));
  }

  private told = (what: string): string => what;
  /** Calls `tell` with what is known of a loss, for what is to be said of it. */
  whenLost(tell: (what: string) => string): void { this.told = tell; }

  get pipelineCount(): number { return this.pipelines.size; }

  private fail(error: GPUError): void {
    const memory = 'GPUOutOfMemoryError' in globalThis && error instanceof GPUOutOfMemoryError;
    this.failure ??= memory || /out of memory/i.test(error.message)
      ? new OutOfMemoryError(`gpu: the device has no room left: ${error.message}; ${this.used} bytes are in use. Use smaller tensors or batches.`)
      : new BackendError(`gpu: the device refused a command: ${error.message}`);
  }
  /** What went wrong since it was asked last. */
  check(): void {
    if (this.lost) throw this.lost;
    const { failure } = this;
    this.failure = null;
    if (failure) throw failure;
  }

  // ---- memory ----

  /** A buffer of at least so many bytes, with anything in it. */
  take(bytes: number): GPUBuffer {
    if (this.lost) throw this.lost;
    const size = roomy(bytes);
    const { maxBufferSize } = this.device.limits;
    if (bytes > maxBufferSize) throw new OutOfMemoryError(`gpu: no room for ${bytes} bytes: this device's buffers hold ${maxBufferSize} at most; use smaller tensors or batches.`);
    this.used += size;
    const kept = this.idle.get(size)?.pop();
    if (!kept) return this.device.createBuffer({ size: Math.min(size, maxBufferSize - (maxBufferSize % 4)), usage: storageUsage });
    this.free -= size;
    return kept;
  }
  /** Gives a buffer of so many bytes back, for others that ask. Commands that were noted before may still use it. */
  give(buffer: GPUBuffer, bytes: number): void {
    const size = roomy(bytes);
    this.used -= size;
    if (this.free + size > mostFree) {
      this.submit(); // what is noted still needs it
      buffer.destroy();
      return;
    }
    this.free += size;
    const list = this.idle.get(size);
    if (list) list.push(buffer);
    else this.idle.set(size, [buffer]);
  }

  write(buffer: GPUBuffer, offset: number, data: ArrayBufferView): void {
    const { byteLength } = data;
    if (this.commands && byteLength <= smallWrite) { // it goes along with the commands
      const chunk = this.makeRoom(byteLength);
      new Uint8Array(this.block, this.filled).set(new Uint8Array(data.buffer, data.byteOffset, byteLength));
      const at = this.filled;
      this.filled += Math.ceil(byteLength / 256) * 256;
      return this.copy(chunk, at, buffer, offset, byteLength);
    }
    if (this.commands) this.submit(); // writing overtakes what is only noted
    this.device.queue.writeBuffer(buffer, offset, data as ArrayBufferView<ArrayBuffer>);
  }

  // ---- commands ----

  private encode(): GPUCommandEncoder {
    if (this.lost) throw this.lost;
    if (!this.encoder) {
      this.device.pushErrorScope('validation');
      this.device.pushErrorScope('out-of-memory');
      this.encoder = this.device.createCommandEncoder();
      if (!this.timer) {
        this.timer = true;
        setTimeout(() => {
          this.timer = false;
          this.submit();
        });
      }
    }
    this.commands++;
    return this.encoder;
  }

  copy(from: GPUBuffer, at: number, to: GPUBuffer, place: number, bytes: number): void {
    if (!bytes) return;
    if (from === to) { // which WebGPU does not allow
      const between = this.take(bytes);
      this.copy(from, at, between, 0, bytes);
      this.copy(between, 0, to, place, bytes);
      return this.give(between, bytes);
    }
    const encoder = this.encode();
    this.pass?.end();
    this.pass = this.bound = null;
    encoder.copyBufferToBuffer(from, at, to, place, bytes);
  }

  /** The pipeline of a shader, compiled once; `storage` says how its operands are bound. */
  pipeline(code: string, storage: readonly GPUBufferBindingType[]): Pipeline {
    let made = this.pipelines.get(code);
    if (!made) {
      const key = storage.join();
      let layout = this.layouts.get(key);
      if (!layout) {
        const entries = (['uniform', ...storage] as const).map((type, binding) => ({ binding, visibility: 4, buffer: { type } }));
        this.layouts.set(key, (layout = this.device.createBindGroupLayout({ entries })));
      }
      const module = this.device.createShaderModule({ code });
      const pipeline = this.device.createComputePipeline({ layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }), compute: { module, entryPoint: 'main' } });
      this.pipelines.set(code, (made = { pipeline, layout }));
    }
    return made;
  }

  private group({ layout }: Pipeline, { buffer, offset }: Slice, size: number, bindings: readonly GPUBufferBinding[]): GPUBindGroup {
    return this.device.createBindGroup({
      layout,
      entries: [{ binding: 0, resource: { buffer, offset, size } }, ...bindings.map((resource, i) => ({ binding: i + 1, resource }))],
    });
  }

  private begin(pipeline: Pipeline): GPUComputePassEncoder {
    const encoder = this.encode();
    this.pass ??= encoder.beginComputePass();
    if (this.bound !== pipeline) this.pass.setPipeline(pipeline.pipeline);
    this.bound = pipeline;
    this.dispatches++;
    return this.pass;
  }
  private after(): void { if (this.commands >= mostCommands) this.submit(); }

  /** Room in the chunk that goes along with the commands. */
  private makeRoom(bytes: number): GPUBuffer {
    if (this.filled + bytes > chunkBytes) this.submit();
    return (this.chunk ??= this.device.createBuffer({ size: chunkBytes, usage: usage.uniform | usage.copySource | usage.copyTarget }));
  }

  /** Notes a dispatch that comes once. */
  once({ pipeline, bindings, params, groups }: Dispatch): void {
    if (groups.includes(0)) return;
    const size = Math.max(16, params.byteLength);
    const step = Math.ceil(size / 256) * 256;
    const chunk = this.makeRoom(step);
    new Uint8Array(this.block, this.filled).set(new Uint8Array(params));
    const group = this.group(pipeline, { buffer: chunk, offset: this.filled }, size, bindings);
    this.filled += step;
    const pass = this.begin(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...groups);
    this.after();
  }

  /** A dispatch that comes again and again: what notes it down. */
  repeated({ pipeline, bindings, params, groups }: Dispatch): () => void {
    if (groups.includes(0)) return () => {};
    const run = (): void => {
      const pass = this.begin(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...groups);
      this.after();
    };
    const group = this.group(pipeline, this.uniforms.take(run, params), Math.max(16, params.byteLength), bindings);
    return run;
  }

  /** Hands over what is noted. */
  submit(): void {
    const { encoder, device } = this;
    if (!encoder) return;
    this.pass?.end();
    if (this.filled) device.queue.writeBuffer(this.chunk!, 0, this.block, 0, this.filled);
    device.queue.submit([encoder.finish()]);
    this.encoder = this.pass = this.bound = null;
    this.commands = this.filled = 0;
    this.submits++;
    for (let i = 0; i < 2; i++) {
      const watch = device.popErrorScope().then((error) => { if (error) this.fail(error); }, () => {});
      this.watches.push(watch);
      void watch.then(() => { this.watches = this.watches.filter((w) => w !== watch); });
    }
  }

  /** The bytes of a part of a buffer, when all that was noted before is done. */
  async read(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const size = roomy(bytes + 16);
    const staging = this.staging.get(size)?.pop() ?? this.device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
    this.copy(buffer, offset, staging, 0, bytes);
    this.copy(this.trouble, 0, staging, size - 16, 16);
    this.submit();
    try {
      await staging.mapAsync(mapRead);
    } catch (error) {
      await this.settled();
      throw new BackendError(`gpu: the result could not be read: ${(error as Error).message}`);
    }
    const all = staging.getMappedRange();
    const copy = all.slice(0, bytes);
    const [who, ...numbers] = new Int32Array(all.slice(size - 16));
    staging.unmap();
    if (who) {
      this.device.queue.writeBuffer(this.trouble, 0, new Int32Array(4));
      this.failure ??= complaints[who - 1]!(...(numbers as [number, number, number]));
    }
    const list = this.staging.get(size);
    if (!list) this.staging.set(size, [staging]);
    else if (list.length < 4) list.push(staging);
    else staging.destroy();
    await this.settled();
    return copy;
  }

  /** Waits until the device has said of everything handed over whether it was well. */
  private async settled(): Promise<void> {
    await Promise.all(this.watches);
    if (!this.lost && this.failure) await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 10))]); // a loss shows itself as other errors first
    this.check();
  }

  /** Waits until the device has done all that it was given. */
  async done(): Promise<void> {
    this.submit();
    await this.device.queue.onSubmittedWorkDone();
    await this.settled();
  }
}
