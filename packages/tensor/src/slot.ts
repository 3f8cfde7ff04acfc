/**
 * A variable's value in a backend's memory, where programs read and replace it without copies to and from ordinary arrays. It has two
 * places: one with the value now, and a spare one in which a program makes the next, so that a step that fails changes nothing.
 */
import type { Heap, Memory } from './backend.js';
import { Lease } from './lease.js';
import { sizeOf } from './shape.js';
import { over, roomFor, type Spec, type Tensor } from './tensor.js';

export class Slot {
  /** Which of the two places holds the value. */
  side: 0 | 1 = 0;
  private readonly size: number;
  private readonly leases: [Lease, Lease | null];
  private seen: (Memory | null)[] = [];
  private epoch = -1;
  constructor(private readonly heap: Heap, private readonly spec: Spec, private readonly owner: object) {
    this.size = sizeOf(spec.shape);
    this.leases = [this.lease(), null];
  }
  private lease(): Lease { return new Lease(this.heap, roomFor(this.spec), this.owner); }

  /** Room for the next value. */
  makeSpare(): void { this.leases[1] ??= this.lease(); }

  private at(side: number): Memory {
    if (this.epoch !== this.heap.epoch) this.seen = [];
    this.epoch = this.heap.epoch;
    return (this.seen[side] ??= this.heap.view(this.spec.dtype, this.leases[side]!.address, this.size));
  }
  /** The elements, densely. */
  get data(): Memory { return this.at(this.side); }
  /** The value as a tensor of its own. */
  kept(): Tensor { return this.heap.keep(over(this.data, this.spec)); }
  get spare(): Memory { return this.at(1 - this.side); }
  /** The spare place now holds the value. */
  turn(): void { this.side = this.side ? 0 : 1; }
}
