/** Whether threads pay: on a machine that others use they may not. */

/** Milliseconds without threads after they did not pay: doubled each time they don't, and at least so many times what they cost. */
const shortRest = 100;
const longRest = 5000;
const restPerLoss = 20;
/** Milliseconds that spread steps may take longer than alone, all in all, before that counts. */
const grace = 0.5;

export class Gain {
  /** When to use threads again. */
  restUntil = 0;
  private rest = shortRest;
  /** Milliseconds of the last spread steps, and what they would have taken alone. */
  private spent = 0;
  private worth = grace;

  /**
   * Notes what a spread step took, and would have taken alone. Where that is no gain (a part may lie with a thread that has to wait for its
   * turn on a busy machine, and everybody waits for it), the calling thread works alone for a while.
   */
  note(took: number, alone: number): void {
    this.spent = 0.9 * this.spent + took;
    this.worth = 0.9 * this.worth + alone;
    if (this.spent < 0.95 * this.worth) {
      this.rest = Math.max(shortRest, 0.95 * this.rest);
      return;
    }
    this.restUntil = performance.now() + Math.min(longRest, Math.max(this.rest, restPerLoss * (this.spent - this.worth)));
    this.rest = Math.min(2 * this.rest, longRest);
    [this.spent, this.worth] = [0, grace];
  }
}
