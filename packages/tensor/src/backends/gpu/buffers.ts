/** Memory on a GPU: buffers of few sizes that are used again, and places for the numbers of kernels. */
import { OutOfMemoryError } from '../../errors.js';

/** WebGPU's numbers; a page has them as globals, Node has none. */
export const usage = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 };
export const storageUsage = usage.storage | usage.copySource | usage.copyTarget;

/** A power of two, or three quarters of one, so that few sizes serve all. */
export function roomy(bytes: number): number {
  let size = 256;
  while (size < bytes) size *= 2;
  return size > 1024 && (size / 4) * 3 >= bytes ? (size / 4) * 3 : size;
}

export class Buffers {
  /** Bytes in buffers that hold something, and in those that wait to be used again; of the latter there are no more than `mostFree`. */
  used = 0;
  free = 0;
  mostFree = 2 ** 28;
  private readonly idle = new Map<number, GPUBuffer[]>();
  /** `finish`: called before a buffer goes, for commands that still need it. */
  constructor(private readonly device: GPUDevice, private readonly finish: () => void) {}

  /** A buffer of at least so many bytes, with anything in it. */
  take(bytes: number): GPUBuffer {
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
    if (this.free + size > this.mostFree) {
      this.finish();
      buffer.destroy();
      return;
    }
    this.free += size;
    const list = this.idle.get(size);
    if (list) list.push(buffer);
    else this.idle.set(size, [buffer]);
  }
}

/** Bytes of a buffer for the numbers of many kernels. */
export const chunkBytes = 262144;
/** Where uniform blocks may begin. */
export const uniformStep = 256;

/** A place for numbers that a kernel reads as uniforms. */
export interface Slice { readonly buffer: GPUBuffer; readonly offset: number }

/** Uniform blocks of programs, which last as long as whoever runs them. */
export class Uniforms {
  /** Free places, by their size. */
  private readonly free = new Map<number, Slice[]>();
  private readonly abandoned = new FinalizationRegistry<{ slice: Slice; size: number }>(({ slice, size }) => this.free.get(size)!.push(slice));
  constructor(private readonly device: GPUDevice) {}
  take(owner: object, params: ArrayBuffer): Slice {
    let size = uniformStep;
    while (size < params.byteLength) size *= 2;
    let list = this.free.get(size);
    if (!list) this.free.set(size, (list = []));
    if (!list.length) {
      const buffer = this.device.createBuffer({ size: chunkBytes, usage: usage.uniform | usage.copyTarget });
      for (let offset = chunkBytes - size; offset >= 0; offset -= size) list.push({ buffer, offset });
    }
    const slice = list.pop()!;
    this.device.queue.writeBuffer(slice.buffer, slice.offset, params);
    this.abandoned.register(owner, { slice, size });
    return slice;
  }
}
