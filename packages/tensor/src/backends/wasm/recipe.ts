/** How a call becomes something to run: kernels with their parameters, and copies of what doesn't lie in the heap. */
import type { Run, View } from '../../backend.js';
import { bytesPer, type DType, type TypedArray } from '../../dtype.js';
import { sizeOf } from '../../shape.js';
import type { WasmHeap } from './heap.js';
import { runUnits, type Kernel } from './kernel.js';
import { worthSpreading, type Pool, type Work } from './pool.js';

export type { Kernel } from './kernel.js';

/** A place in the heap: absolute, or counted from where the scratch will be, or from where a thread's own scratch will be. */
export class Place {
  constructor(readonly at: number, readonly scratch: boolean, readonly own = false) {}
  plus(bytes: number): Place { return new Place(this.at + bytes, this.scratch, this.own); }
}

/** A view whose elements lie in the heap: element i, j, ... at place + (i strides[0] + ...) elements. */
export interface Located {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly dtype: View['dtype'];
  readonly place: Place;
}

interface Step extends Work { moving: readonly number[]; ownBytes: number }

/** How a step may be cut, and what its units cost. */
export interface Cost { chunk?: number; nanoseconds?: number; least?: number }

/** Nanoseconds: a step that takes longer can be interrupted, about as often. */
const longest = 4e6;

interface Transfer { array: TypedArray; at: number; dtype: DType }

/** First and last element of a view, as offsets into its data. */
function extent(view: View): [number, number] {
  let [low, high] = [view.offset, view.offset];
  view.shape.forEach((n, i) => {
    const reach = (n - 1) * view.strides[i]!;
    if (reach < 0) low += reach;
    else high += reach;
  });
  return [low, high];
}

const none: number[] = [];
/** The list with one more, in place; few steps need one at all, and those share the empty one. */
const append = (list: number[], i: number): number[] => (list === none ? [i] : (list.push(i), list));
const upTo64 = (n: number): number => (n + 63) & ~63;

export class Recipe {
  private readonly steps: Step[] = [];
  private readonly before: Transfer[] = [];
  private readonly after: Transfer[] = [];
  private scratch = 0;
  private ownScratch = 0;
  private heavy = false;

  constructor(readonly heap: WasmHeap, private readonly pool: Pool | null = null) {}

  /** Whether a view lies in the heap. */
  resident(view: View): boolean { return this.heap.owns(view.data.buffer); }

  /** Room in the scratch, gone after the run. */
  room(bytes: number): Place {
    const place = new Place(this.scratch, true);
    this.scratch += upTo64(bytes + 32);
    return place;
  }

  /** Room that units write to in passing: each thread has its own. */
  own(bytes: number): Place {
    const place = new Place(this.ownScratch, true, true);
    this.ownScratch += upTo64(bytes + 32);
    return place;
  }

  /** An operand where it is, or copied in before the run. */
  input(view: View): Located {
    const { shape, strides, dtype, data } = view;
    const bytes = bytesPer[dtype];
    if (this.resident(view)) return { shape, strides, dtype, place: new Place(data.byteOffset + view.offset * bytes, false) };
    const [low, high] = extent(view);
    const length = sizeOf(shape) ? high - low + 1 : 0;
    const place = this.room(length * bytes);
    if (length) this.before.push({ array: data.subarray(low, high + 1), at: place.at, dtype });
    return { shape, strides, dtype, place: place.plus((view.offset - low) * bytes) };
  }

  /** A result where it is, or copied out after the run. */
  output(view: View): Located {
    const { shape, strides, dtype, data } = view;
    const bytes = bytesPer[dtype];
    if (this.resident(view)) return { shape, strides, dtype, place: new Place(data.byteOffset + view.offset * bytes, false) };
    const size = sizeOf(shape);
    const place = this.room(size * bytes);
    if (size) this.after.push({ array: data.subarray(view.offset, view.offset + size), at: place.at, dtype });
    return { shape, strides, dtype, place };
  }

  /**
   * Runs `kernel` over [0, count) with these parameters. `nanoseconds`: what a unit costs, about; heavy steps are spread over threads,
   * of which none gets fewer than `least` units at a time. `chunk`: units in one call, for short calls let the engine swap in better code.
   */
  step(kernel: Kernel, params: readonly (number | Place)[], count: number, { chunk = count, nanoseconds = 0, least = 1 }: Cost = {}): void {
    let [moving, own] = [none, none];
    const fixed = new Int32Array(params.length);
    for (let i = 0; i < params.length; i++) {
      const p = params[i]!;
      if (typeof p === 'number') fixed[i] = p;
      else {
        fixed[i] = p.at;
        if (p.scratch) moving = append(moving, i);
        if (p.own) own = append(own, i);
      }
    }
    if (count === 0) return;
    const cost = this.pool?.always ? Infinity : count * nanoseconds;
    this.heavy ||= cost >= worthSpreading;
    this.steps.push({ kernel, params: fixed, moving, own, ownBytes: 0, count, chunk, cost, least, alone: 0, runs: 0 });
  }

  /** The closure that does it all. Where nothing is kept in the scratch from one kernel to the next, it can be done in pieces. */
  build(): Run {
    const { steps } = this;
    const run: Run = this.whole();
    if (!this.scratch && steps.some((step) => step.cost > longest)) run.pieces = () => this.pieces();
    return run;
  }

  /** Long steps alone on the calling thread, some units at a time. */
  private *pieces(): Generator<void, void> {
    const { heap, steps, ownScratch } = this;
    for (const step of steps) {
      const parts = Math.max(1, Math.min(step.count, Math.ceil(step.cost / longest)));
      for (let part = 0; part < parts; part++) {
        const [from, to] = [Math.floor((part * step.count) / parts), Math.floor(((part + 1) * step.count) / parts)];
        place(heap, step, ownScratch ? heap.scratch(ownScratch) : 0);
        runUnits(step.kernel, heap.block, from, to, step.chunk);
        yield;
      }
    }
  }

  private whole(): () => void {
    const { heap, steps, before, after, scratch, ownScratch } = this;
    const pool = this.heavy ? this.pool : null;
    if (scratch || ownScratch) heap.scratch(scratch + ownScratch); // so that memory which moves as it grows has done so before a run
    if (ownScratch) {
      for (const step of steps) {
        step.ownBytes = ownScratch;
        for (const i of step.own) step.params[i]! += scratch;
      }
    }
    if (steps.length === 1 && !scratch && !ownScratch) {
      const only = steps[0]!;
      return () => {
        pool?.enlist();
        runStep(heap, pool, only, 0);
      };
    }
    return () => {
      const threads = pool?.enlist() ?? 1;
      const base = scratch || ownScratch ? heap.scratch(scratch + threads * ownScratch) : 0;
      for (const t of before) memoryOf(heap, t.dtype).set(t.array, (base + t.at) / bytesPer[t.dtype]);
      for (const step of steps) runStep(heap, pool, step, base);
      for (const t of after) {
        const from = (base + t.at) / bytesPer[t.dtype];
        t.array.set(memoryOf(heap, t.dtype).subarray(from, from + t.array.length));
      }
    };
  }
}

/** Puts the parameters where kernels look for them. */
function place({ block, i32 }: WasmHeap, { params, moving }: Step, base: number): void {
  const word = block >>> 2;
  for (let i = 0; i < params.length; i++) i32[word + i] = params[i]!;
  for (let i = 0; i < moving.length; i++) i32[word + moving[i]!]! += base;
}

/** Runs a kernel, on many threads or chunk by chunk on this one. */
function runStep(heap: WasmHeap, pool: Pool | null, step: Step, base: number): void {
  place(heap, step, base);
  const { block } = heap;
  if (pool && step.cost >= worthSpreading) pool.run(step, block);
  else runUnits(step.kernel, block, 0, step.count, step.chunk);
}

/** The heap as elements of a dtype: typed arrays of the same class copy bits. */
const memoryOf = (heap: WasmHeap, dtype: DType): TypedArray => (dtype === 'float32' ? heap.f32 : dtype === 'int32' ? heap.i32 : heap.u8);
