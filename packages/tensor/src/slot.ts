/** A variable's value in a backend's memory, where programs read and replace it without copies to and from ordinary arrays. */
import type { Heap } from './backend.js';
import { bytesPer, type TypedArray } from './dtype.js';
import { Lease } from './lease.js';
import { sizeOf } from './shape.js';
import type { Spec } from './tensor.js';

export class Slot {
  private readonly lease: Lease;
  private readonly size: number;
  private seen: TypedArray | null = null;
  private epoch = -1;
  constructor(private readonly heap: Heap, private readonly spec: Spec, owner: object) {
    this.size = sizeOf(spec.shape);
    this.lease = new Lease(heap, this.size * bytesPer[spec.dtype], owner);
  }
  /** The elements, densely. */
  get data(): TypedArray {
    if (!this.seen || this.epoch !== this.heap.epoch) {
      this.seen = this.heap.view(this.spec.dtype, this.lease.address, this.size);
      this.epoch = this.heap.epoch;
    }
    return this.seen;
  }
}
