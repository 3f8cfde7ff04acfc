/** The wasm backend's memory: one WebAssembly.Memory, handed out in blocks. */
import type { Heap } from '../../backend.js';
import { arrayType, bytesPer, type DType, type TypedArray } from '../../dtype.js';
import { OutOfMemoryError } from '../../errors.js';
import { copying } from '../../tensor.js';

const page = 65536;
const align = 64;
/** Kernels may read this far past an operand's end, so the memory's end is never handed out. */
const margin = 256;
/** Below it lies the block in which kernels find their parameters. */
const firstBlock = 8192;
const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

export interface HeapOptions {
  /** A SharedArrayBuffer: it grows in place, and threads can see it. Default: where the platform allows it. */
  shared?: boolean;
  /** Largest size in bytes. Default: 4 GiB, or the largest that the platform gives address space for. */
  limit?: number;
}

interface Block { address: number; bytes: number }

/** Shared memory is for Node, and for pages that are isolated from other origins. */
function canShare(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false;
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated;
  return typeof process !== 'undefined' && !!process.versions?.node ? true : isolated === true;
}

export class WasmHeap implements Heap {
  readonly write = copying.write;
  readonly keep = copying.keep;
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  readonly limit: number;
  /** The whole memory; made anew when it grows. */
  u8!: Uint8Array;
  f32!: Float32Array;
  i32!: Int32Array;
  /** Address of the parameter block, for the calling thread. */
  readonly block = 64;
  private count = 0;
  private used = 0;
  private top = firstBlock;
  private dirty = firstBlock;
  private readonly free: Block[] = [];
  private readonly blocks = new Map<number, number>();
  private readonly buffers = new WeakSet<ArrayBufferLike>();
  private scratchAt = 0;
  private scratchSize = 0;

  constructor(options: HeapOptions = {}) {
    this.shared = options.shared ?? canShare();
    const wanted = Math.min(65536, Math.max(2, Math.floor((options.limit ?? 65536 * page) / page)));
    let pages = wanted;
    for (;;) {
      try {
        this.memory = new WebAssembly.Memory({ initial: Math.min(16, pages), maximum: pages, shared: this.shared });
        break;
      } catch (error) {
        if (pages <= 1024) throw error;
        pages = Math.floor(pages / 2);
      }
    }
    this.limit = pages * page;
    this.look();
  }

  get epoch(): number { return this.count; }

  /** Bytes: memory taken from the system, memory in blocks. */
  get usage(): { reserved: number; used: number; limit: number } {
    return { reserved: this.u8.length, used: this.used, limit: this.limit };
  }

  private look(): void {
    const buffer = this.memory.buffer;
    this.buffers.add(buffer);
    this.u8 = new Uint8Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.i32 = new Int32Array(buffer);
  }

  /** Whether a buffer is this memory: V8 may make another object for it whenever any shared memory grows. */
  owns(buffer: ArrayBufferLike): boolean {
    if (buffer === this.u8.buffer) return true;
    if (this.shared && buffer === this.memory.buffer) this.buffers.add(buffer);
    return this.buffers.has(buffer);
  }

  reserve(bytes: number): number {
    const size = Math.max(align, roundUp(bytes, align));
    const address = this.take(size);
    const dirtyEnd = Math.min(address + size, this.dirty);
    if (dirtyEnd > address) this.u8.fill(0, address, dirtyEnd);
    this.dirty = Math.max(this.dirty, this.top);
    return address;
  }

  release(address: number): void {
    const bytes = this.blocks.get(address);
    if (bytes === undefined) return;
    this.blocks.delete(address);
    this.used -= bytes;
    const free = this.free;
    let low = 0;
    for (let high = free.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (free[middle].address < address) low = middle + 1;
      else high = middle;
    }
    const before = free[low - 1];
    const after = free[low];
    const block = { address, bytes };
    if (before && before.address + before.bytes === address) {
      before.bytes += bytes;
      if (after && before.address + before.bytes === after.address) { before.bytes += after.bytes; free.splice(low, 1); }
    } else if (after && address + bytes === after.address) {
      after.address = address;
      after.bytes += bytes;
    } else free.splice(low, 0, block);
    const last = free[free.length - 1];
    if (last && last.address + last.bytes === this.top) { this.top = last.address; free.pop(); }
  }

  view(dtype: DType, address: number, size: number): TypedArray {
    return new (arrayType(dtype))(this.u8.buffer as ArrayBuffer, address, size);
  }

  /** Address of room for one call's temporaries, unzeroed and only until the next call. */
  scratch(bytes: number): number {
    if (bytes <= this.scratchSize) return this.scratchAt;
    const size = roundUp(bytes, page);
    const address = this.take(size);
    if (this.scratchSize) this.release(this.scratchAt);
    this.dirty = Math.max(this.dirty, this.top);
    this.scratchAt = address;
    this.scratchSize = size;
    return address;
  }

  /** First fit, or new room at the top. */
  private take(size: number): number {
    const free = this.free;
    const i = free.findIndex((b) => b.bytes >= size);
    let address: number;
    if (i >= 0) {
      const block = free[i];
      address = block.address;
      if (block.bytes === size) free.splice(i, 1);
      else { block.address += size; block.bytes -= size; }
    } else {
      if (this.top + size + margin > this.u8.length) this.grow(this.top + size + margin, size);
      address = this.top;
      this.top += size;
    }
    this.blocks.set(address, size);
    this.used += size;
    return address;
  }

  private grow(end: number, wanted: number): void {
    const now = this.u8.length;
    const step = this.shared ? 16 << 20 : Math.max(16 << 20, now);
    for (const target of [Math.min(this.limit, Math.max(roundUp(end, page), now + step)), roundUp(end, page)]) {
      if (target < end || target > this.limit) continue;
      try {
        this.memory.grow((target - now) / page);
      } catch { continue; }
      this.look();
      if (!this.shared) this.count++;
      return;
    }
    throw new OutOfMemoryError(`wasm heap: no room for ${wanted} bytes: ${this.used} of ${this.limit} bytes are in use; release variables, use smaller batches, or the js backend.`);
  }
}

/** Bytes of `size` elements. */
export const byteLength = (dtype: DType, size: number): number => bytesPer[dtype] * size;
