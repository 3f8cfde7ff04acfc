/** A variable's value in a backend's memory, where programs read and replace it without copies to and from ordinary arrays. */
import type { Heap } from './backend.js';
import { bytesPer, type TypedArray } from './dtype.js';
import { sizeOf } from './shape.js';
import type { Spec } from './tensor.js';

/** Gives a slot's memory back once nobody can reach its variable any more. */
const abandoned = new FinalizationRegistry<{ heap: Heap; address: number }>(({ heap, address }) => heap.release(address));

export class Slot {
  readonly address: number;
  private seen: TypedArray | null = null;
  private epoch = -1;
  constructor(private readonly heap: Heap, private readonly spec: Spec, owner: object) {
    this.address = heap.reserve(Math.max(1, sizeOf(spec.shape) * bytesPer[spec.dtype]));
    abandoned.register(owner, { heap, address: this.address });
  }
  /** The elements, densely. */
  get data(): TypedArray {
    if (!this.seen || this.epoch !== this.heap.epoch) {
      this.seen = this.heap.view(this.spec.dtype, this.address, sizeOf(this.spec.shape));
      this.epoch = this.heap.epoch;
    }
    return this.seen;
  }
}
