/** A GPU as kernels see it: memory in buffers that are used again, commands in one encoder until they are handed over, errors with names. */
import { BackendError, DeviceLostError, type HeedError } from '../../errors.js';
import { Buffers, chunkBytes, roomy, storageUsage, Uniforms, uniformStep, usage, type Slice } from './buffers.js';
import { complaint, refusal } from './failures.js';

/** Commands of eager work before they are handed over, whoever waits or not. */
const mostCommands = 512;
/** Bytes that are written by a command among others; more are written at once, after the commands before them. */
const smallWrite = 16384;
const roundUp = (bytes: number): number => Math.ceil(bytes / uniformStep) * uniformStep;

export interface Pipeline { readonly pipeline: GPUComputePipeline; readonly layout: GPUBindGroupLayout }

/** Everything that a dispatch needs. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  readonly bindings: readonly GPUBufferBinding[];
  /** Numbers in the kernel's uniform block; nothing else in it. */
  readonly params: ArrayBuffer;
  readonly groups: readonly [number, number, number];
}

export class Gpu {
  readonly buffers: Buffers;
  /** How often commands were handed over, and how many dispatches they had. */
  submits = 0;
  dispatches = 0;
  lost: HeedError | null = null;
  /** Whether matrix products may round their operands to 16 bits; needs the feature `shader-f16` (untested: no adapter that has it was at hand). */
  half = false;
  /** Whether those may be multiplied as matrices of 16 x 16; needs `chromium-experimental-subgroup-matrix`. */
  matrices = false;
  /** Bytes that a kernel can reach in one operand. */
  mostBound: number;
  /** Bytes of a buffer of a program at most. */
  mostHeld: number;
  /** Operands that a kernel binds at most. */
  mostOperands: number;
  /** Whether threads of a group work together quickly: where they are software, each had better work alone. */
  teams = true;
  /** Where kernels say what they can't throw: who complains (0: nobody), and three numbers. */
  readonly trouble: GPUBuffer;
  private failure: HeedError | null = null;
  private readonly staging = new Map<number, GPUBuffer[]>();
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  private readonly uniforms: Uniforms;
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
    this.mostHeld = Math.floor(device.limits.maxBufferSize / uniformStep) * uniformStep;
    this.mostBound = device.limits.maxStorageBufferBindingSize;
    this.mostOperands = device.limits.maxStorageBuffersPerShaderStage;
    this.buffers = new Buffers(device, () => this.submit());
    this.uniforms = new Uniforms(device);
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

  private fail(error: GPUError): void { this.failure ??= refusal(error, this.used); }
  /** What went wrong since it was asked last. */
  check(): void {
    if (this.lost) throw this.lost;
    const { failure } = this;
    this.failure = null;
    if (failure) throw failure;
  }

  // ---- memory ----

  get used(): number { return this.buffers.used; }
  take(bytes: number): GPUBuffer {
    if (this.lost) throw this.lost;
    return this.buffers.take(bytes);
  }
  give(buffer: GPUBuffer, bytes: number): void { this.buffers.give(buffer, bytes); }

  /** Writes to a buffer, after all that was noted. */
  write(buffer: GPUBuffer, offset: number, data: ArrayBufferView): void {
    const { byteLength } = data;
    if (this.commands && byteLength <= smallWrite) { // it goes along with the commands
      const chunk = this.makeRoom(byteLength);
      new Uint8Array(this.block, this.filled).set(new Uint8Array(data.buffer, data.byteOffset, byteLength));
      const at = this.filled;
      this.filled += roundUp(byteLength);
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

  /** Room in the chunk that goes along with the commands. */
  private makeRoom(bytes: number): GPUBuffer {
    if (this.filled + bytes > chunkBytes) this.submit();
    return (this.chunk ??= this.device.createBuffer({ size: chunkBytes, usage: usage.uniform | usage.copySource | usage.copyTarget }));
  }

  /** Notes a dispatch that comes once. */
  once({ pipeline, bindings, params, groups }: Dispatch): void {
    if (groups.includes(0)) return;
    const size = Math.max(16, params.byteLength);
    const step = roundUp(size);
    const chunk = this.makeRoom(step);
    new Uint8Array(this.block, this.filled).set(new Uint8Array(params));
    const group = this.group(pipeline, { buffer: chunk, offset: this.filled }, size, bindings);
    this.filled += step;
    const pass = this.begin(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...groups);
    if (this.commands >= mostCommands) this.submit();
  }

  /** A dispatch that comes again and again: what notes it down. */
  repeated({ pipeline, bindings, params, groups }: Dispatch): () => void {
    if (groups.includes(0)) return () => {};
    const run = (): void => {
      const pass = this.begin(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...groups);
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
    await null; // whatever else is read now comes along
    this.submit();
    try {
      await staging.mapAsync(usage.mapRead);
    } catch (error) {
      await this.settled();
      throw new BackendError(`gpu: the result could not be read: ${(error as Error).message}`);
    }
    const all = staging.getMappedRange();
    const copy = all.slice(0, bytes);
    const said = complaint(new Int32Array(all.slice(size - 16)));
    staging.unmap();
    if (said) {
      this.device.queue.writeBuffer(this.trouble, 0, new Int32Array(4));
      this.failure ??= said;
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
