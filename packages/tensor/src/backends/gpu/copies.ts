/** Copies of variables in ordinary memory, from which training goes on when the device is lost. */
import type { Heap } from '../../backend.js';
import { fromData, type Tensor } from '../../tensor.js';
import type { Variable } from '../../variable.js';

export class Copies {
  /** Steps that were done, and the one whose values the copies are. */
  step = 0;
  copied = 0;
  private readonly held = new Map<number, WeakRef<Variable>>();
  private readonly copies = new WeakMap<Variable, Tensor>();
  private readonly gone = new FinalizationRegistry<number>((id) => this.held.delete(id));
  private busy = false;

  /** Watches a variable; its value before it first came to the device is its first copy. */
  add(v: Variable): void {
    if (this.held.has(v.id)) return;
    const { stored } = v;
    if (stored.storage.kind !== 'device') this.copies.set(v, stored);
    this.held.set(v.id, new WeakRef(v));
    this.gone.register(v, v.id);
  }
  private get variables(): Variable[] { return [...this.held.values()].flatMap((ref) => ref.deref() ?? []); }

  /** Counts a step; every so many all variables are copied as they are after it, while others are under way. */
  commit(every: number): void {
    if (++this.step % every || this.busy) return;
    this.busy = true;
    const { step } = this;
    const taken = this.variables.map((v) => [v, v.stored] as const);
    Promise.all(taken.map(async ([v, x]) => [v, fromData(await x.read(), x.shape, x.dtype)] as const)).then((all) => {
      for (const [v, x] of all) this.copies.set(v, x);
      this.copied = step;
    }, () => { /* the device is lost: the older copies count */ }).finally(() => { this.busy = false; });
  }

  /** Gives variables back what was copied last. */
  restore(heap: Heap): void {
    for (const v of this.variables) {
      const copy = this.copies.get(v);
      if (copy) v.revert(heap, copy);
    }
  }

  /** Brings all values home. */
  async fetch(): Promise<void> { await Promise.all(this.variables.map((v) => v.fetch())); }
}
