/** What a training loop adds up over the batches of an epoch. */
import type { Tensor } from '@heed/tensor';

/** Steps whose results are on their way at most. */
const ahead = 16;
/** For all that is logged a sum and what it is of, over the batches so far. What lies on a GPU is read some steps later, so that the device always has work. */
export class Sums {
  readonly values: number[] = [];
  private owed: (readonly Tensor[])[] = [];
  async add(step: readonly Tensor[], now = false): Promise<void> {
    this.owed.push(step);
    if (now || this.owed.length >= ahead || step[0]?.storage.kind === 'host') await this.settle();
  }
  async settle(): Promise<void> {
    const { owed } = this;
    this.owed = [];
    for (const step of await Promise.all(owed.map((s) => Promise.all(s.map((x) => x.read()))))) {
      step.forEach(([v], i) => { this.values[i] = (this.values[i] ?? 0) + v!; });
    }
  }
}
