/** Measuring a row: everyone gets ready, computes the same, is warmed up alike, and is then timed in turns. */
import { Unable, type Column, type Prepared } from './engine.js';
import { inOurOrder } from './operands.js';
import type { EngineRow, Row } from './row.js';

/** Milliseconds (or bytes) of one call: each sample is the mean of `calls` of them. */
export interface Timed {
  readonly min: number;
  readonly median: number;
  readonly samples: number;
  readonly calls: number;
}
export type Cell = Timed | { readonly reason: string; /** It computed something else. */ readonly wrong?: boolean };
export const isTimed = (cell: Cell | undefined): cell is Timed => cell !== undefined && 'min' in cell;

/** What was measured of a row, by the names of the columns. */
export interface Result {
  readonly row: Row;
  readonly cells: ReadonlyMap<string, Cell>;
}

/** How long it takes to know. */
export interface Pace {
  /** Before timing begins, everyone is called three times and for this long at least; small ops by themselves for longer, as they are the compiler's work. */
  readonly warmUpMs: number;
  readonly warmUpSmallMs: number;
  /** A sample lasts at least this long, where a call is shorter. */
  readonly sampleMs: number;
}
const warmUps = 3;
export const cpuPace: Pace = { warmUpMs: 150, warmUpSmallMs: 1500, sampleMs: 8 };
/** A GPU's clocks rise while it works, and the end of a sample is waited for once. */
export const gpuPace: Pace = { warmUpMs: 500, warmUpSmallMs: 500, sampleMs: 40 };
/** An engine whose call takes longer than this, after the one that was compared, is measured by that call. */
const slowMs = 3000;
/** No engine is measured longer than this in one row, but three times at least. */
const patienceMs = 5000;

export const summary = (samples: readonly number[], calls = 1): Timed => {
  const sorted = [...samples].sort((a, b) => a - b);
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]!, samples: sorted.length, calls };
};

const say = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 200);

/** Where two lists of results differ, as a sentence; null where they agree. */
export function difference(expected: readonly ArrayLike<number>[], got: readonly ArrayLike<number>[], tolerance: number): string | null {
  if (got.length !== expected.length) return `gives ${got.length} results instead of ${expected.length}`;
  for (const [k, want] of expected.entries()) {
    const have = got[k]!;
    if (have.length !== want.length) return `result ${k} has ${have.length} numbers instead of ${want.length}`;
    let largest = 0;
    for (let i = 0; i < want.length; i++) largest = Math.max(largest, Math.abs(want[i]!));
    // Gradients that are 0 in theory are noise: what float32 leaves of numbers around 1.
    const limit = tolerance * largest + 1e-7;
    for (let i = 0; i < want.length; i++) {
      if (!(Math.abs(have[i]! - want[i]!) <= limit)) return `result ${k} is ${have[i]} at ${i} instead of ${want[i]} (of numbers up to ${largest.toPrecision(3)}; ${limit.toPrecision(1)} is allowed)`;
    }
  }
  return null;
}

interface Runner {
  readonly column: Column;
  readonly prepared: Prepared;
  calls: number;
  spent: number;
  slow: boolean;
  readonly samples: number[];
}

/** Readies every column and compares what they compute with `reference`, or with what the first does (heed, op by op); those that cannot, or differ, get no time. */
export async function prepareRow(row: EngineRow, columns: readonly Column[], reference: readonly ArrayLike<number>[] | null = null): Promise<{ runners: Runner[]; cells: Map<string, Cell> }> {
  const cells = new Map<string, Cell>();
  const runners: Runner[] = [];
  let expected = reference;
  // What op by op gives is what the others are held to.
  for (const column of [...columns].sort((a, b) => Number(b.name === 'heed eager') - Number(a.name === 'heed eager'))) {
    if (row.eager ? column.name === 'heed jit' : column.eagerOnly) continue;
    try {
      const prepared = await column.prepare(row);
      const got = inOurOrder(row, column.engine, await prepared.results());
      expected ??= got;
      const wrong = difference(expected, got, row.tolerance ?? 1e-5);
      if (wrong) {
        cells.set(column.name, { reason: `computes something else: ${wrong}`, wrong: true });
        prepared.close?.();
      } else if (row.kind === 'function' && row.view && column.name === 'heed eager') cells.set(column.name, { reason: 'op by op it is a view: nothing moves until a kernel needs it' });
      else runners.push({ column, prepared, calls: 1, spent: 0, slow: false, samples: [] });
    } catch (error) {
      cells.set(column.name, { reason: say(error), ...(column.engine === 'heed' && !(error instanceof Unable) ? { wrong: true } : {}) });
    }
  }
  return { runners, cells };
}

async function warmUp(runner: Runner, leastMs: number, sampleMs: number): Promise<void> {
  let last = Infinity;
  let spent = 0;
  for (let i = 0; (i < warmUps || spent < leastMs || last < sampleMs) && !runner.slow; i++) {
    // Short calls are repeated until a sample is long enough.
    if (last < sampleMs) runner.calls = Math.ceil(runner.calls * Math.min(10, Math.max(1.5, (1.2 * sampleMs) / Math.max(last, 1e-3))));
    last = await runner.prepared.time(runner.calls);
    spent += last;
    runner.slow = i === 0 && last > slowMs;
  }
  if (runner.slow) runner.samples.push(last);
}

/** Times of every column, in turns. */
export async function measure(row: EngineRow, columns: readonly Column[], rounds: number, { warmUpMs, warmUpSmallMs, sampleMs }: Pace = cpuPace, reference: readonly ArrayLike<number>[] | null = null): Promise<Result> {
  const { runners, cells } = await prepareRow(row, columns, reference);
  for (const runner of runners) await warmUp(runner, row.eager ? warmUpSmallMs : warmUpMs, sampleMs);
  for (let round = 0; round < rounds; round++) {
    for (const runner of runners) {
      if (runner.slow || (round > 2 && runner.spent > patienceMs)) continue;
      (globalThis as { gc?: (o: { type: 'minor' }) => void }).gc?.({ type: 'minor' });
      const ms = await runner.prepared.time(runner.calls);
      runner.spent += ms;
      runner.samples.push(ms / runner.calls);
    }
  }
  for (const { column, prepared, samples, calls, slow } of runners) {
    try {
      // Read once more: what was timed was really computed.
      if (!slow) await prepared.results();
      cells.set(column.name, summary(samples, calls));
    } catch (error) {
      cells.set(column.name, { reason: `failed while it was timed: ${say(error)}`, wrong: column.engine === 'heed' });
    }
    prepared.close?.();
  }
  (globalThis as { gc?: () => void }).gc?.();
  await new Promise((resolve) => setTimeout(resolve)); // what waits for the collector is given back
  return { row, cells };
}
