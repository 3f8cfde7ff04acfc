/** What an engine is: something that gets a row ready, computes it once to be compared, and as often as wanted to be timed. */
import type { EngineName, EngineRow } from './row.js';

/** A row on an engine. Operands lie in the engine's own memory, and stay there. */
export interface Prepared {
  /** The results, read out. */
  results(): Promise<ArrayLike<number>[]>;
  /** Milliseconds that this many calls take, each computed to its end. */
  time(calls: number): number | Promise<number>;
  close?(): void;
}

/** One way to run one engine. */
export interface About {
  readonly name: string;
  readonly engine: EngineName;
  /** Jitted or eager, threads, shims. */
  readonly how: string;
  readonly version: string;
}
export interface Column extends About {
  /** It is for rows that are eager. */
  readonly eagerOnly?: boolean;
  /** Throws `Unable` where the engine cannot, or anything else: its message is told. */
  prepare(row: EngineRow): Promise<Prepared>;
  close?(): void;
}

/** The reason for an empty cell. */
export class Unable extends Error {}

/** An engine that is not here: its column is empty, for this reason. */
export const absent = (name: string, engine: EngineName, reason: string): Column => ({
  name, engine, how: `not here: ${reason}`, version: '',
  prepare: () => Promise.reject(new Unable(reason)),
});

/** Milliseconds of calls that are done when they return. */
export function timeSync(call: () => void, calls: number): number {
  const began = performance.now();
  for (let i = 0; i < calls; i++) call();
  return performance.now() - began;
}

/** Milliseconds of calls that a device has done: they are handed over one after the other, and waited for together. */
export const timeUntil = (done: () => Promise<unknown>) => async (call: () => unknown, calls: number): Promise<number> => {
  const began = performance.now();
  for (let i = 0; i < calls; i++) {
    const pending = call();
    if (pending instanceof Promise) await pending;
  }
  await done();
  return performance.now() - began;
};

/** Milliseconds of calls that are done when their promises are. */
export async function timeAsync(call: () => Promise<void>, calls: number): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < calls; i++) await call();
  return performance.now() - began;
}
