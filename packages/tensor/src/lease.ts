/** A block of a backend's memory that belongs to an object: given back when it is released, or when nobody can reach its owner any more. */
import type { Heap } from './backend.js';

const abandoned = new FinalizationRegistry<{ heap: Heap; address: number }>(({ heap, address }) => heap.release(address));

export class Lease {
  readonly address: number;
  constructor(private readonly heap: Heap, bytes: number, owner: object) {
    this.address = heap.reserve(Math.max(1, bytes));
    abandoned.register(owner, { heap, address: this.address }, this);
  }
  release(): void {
    abandoned.unregister(this);
    this.heap.release(this.address);
  }
}
