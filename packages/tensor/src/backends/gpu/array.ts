/** Elements on a GPU: a part of a block of its memory, which may have been promised and not computed yet. */
import type { DeviceArray, Memory, View } from '../../backend.js';
import { arrayType, type DType, type TypedArray } from '../../dtype.js';
import type { Variable } from '../../variable.js';
import type { Promised, Queue } from './queue.js';

/** Bytes of an element there: WGSL has no bytes, so a bool is 0 or 1 in four. float64 is only kept, no kernel reads it. */
export const bytesOf = (dtype: DType): number => (dtype === 'float64' ? 8 : 4);

/** Memory of its own, given back when nobody can reach it any more. */
export class Block {
  /** Where it lies; null until what is promised is computed. */
  gpu: GPUBuffer | null = null;
  /** What computes it. */
  maker: Promised | null = null;
  /** Nothing; but the collector sees how much a block weighs, and comes in time. */
  readonly ballast: ArrayBuffer | null = null;
  constructor(readonly bytes: number) {
    if (bytes < 65536) return;
    try {
      this.ballast = new (ArrayBuffer as new (n: number, o: object) => ArrayBuffer)(bytes, { maxByteLength: bytes }); // untouched, so it takes no memory
    } catch { /* then it comes later */ }
  }
}

/** Elements as they are on the device, and as they are here. */
export const encoded = (data: TypedArray): TypedArray | Uint32Array => (data instanceof Uint8Array ? Uint32Array.from(data) : data);
export function decoded(bytes: ArrayBuffer, dtype: DType): TypedArray {
  return dtype === 'bool' ? Uint8Array.from(new Uint32Array(bytes)) : new (arrayType(dtype))(bytes);
}

export class GpuArray implements DeviceArray {
  constructor(readonly queue: Queue, readonly buffer: Block, readonly byteOffset: number, readonly length: number, readonly dtype: DType) {}
  gpuBuffer(): GPUBuffer {
    if (!this.buffer.gpu) throw new Error('gpu: a block that is only promised was bound.');
    return this.buffer.gpu;
  }
  subarray(from: number, to: number): GpuArray {
    return new GpuArray(this.queue, this.buffer, this.byteOffset + from * bytesOf(this.dtype), to - from, this.dtype);
  }
  overlay(dtype: DType, at: number, size: number): GpuArray { return new GpuArray(this.queue, this.buffer, this.byteOffset + at, size, dtype); }
  set(from: Memory): void { this.queue.move(from, this); }
  heldBy(v: Variable): void { this.queue.copies.add(v); }
  read(view: Pick<View, 'shape' | 'strides' | 'offset' | 'dtype'>): Promise<TypedArray> { return this.queue.read({ ...view, data: this }); }
}
