/**
 * Threads for heavy steps. A step's units are cut into parts that the calling thread and the workers take as they are free; no unit is
 * ever cut, so results have the same bits on any number of threads. All talk goes through words in the shared memory (worker-code.ts).
 */
import { BackendError } from '../../errors.js';
import { Gain } from './gain.js';
import type { WasmHeap } from './heap.js';
import { runUnits, type Kernel } from './kernel.js';
import { beatBytes, blockBytes, controlBytes, words } from './worker-code.js';
import { canStart, cores, startThread, type Thread } from './workers.js';

/** Work for many threads: a kernel over units, its parameters, and what is known about its cost. */
export interface Work {
  readonly kernel: Kernel;
  readonly params: Int32Array;
  /** Places in `params` of memory that each thread has its own of, and the distance from one thread's to the next one's. */
  readonly own: readonly number[];
  readonly ownBytes: number;
  readonly count: number;
  /** Units in one call of the kernel, at most. */
  readonly chunk: number;
  /** Nanoseconds of all units on one thread, about. */
  readonly cost: number;
  /** Fewer units than this in one part cost more than they give, unless threads would have none. */
  readonly least: number;
  /** Milliseconds that it took alone lately, 0 before it was ever run alone; and how often it was run. */
  alone: number;
  runs: number;
}

/** Nanoseconds: work below this is never spread (a hand-off costs about 1000), and below that not worth a wake-up (some 100,000). */
export const worthSpreading = 25_000;
const worthWaking = 200_000;
/** Nanoseconds of work in one part, at least. */
const grain = 10_000;
const partsPerThread = 8;
const mostThreads = 64;

/** The wait for workers: looks before it sleeps, milliseconds of one sleep, and sleeps without any progress before they count as lost. */
const looks = 20_000;
const nap = 10;
const patience = 80;

/** Whether a step is run alone this time, to know what that takes: the second, fourth, eighth ... and every 64th; not the first, which may be the only one. */
const isTrial = (run: number): boolean => run % 64 === 0 || (run > 1 && (run & (run - 1)) === 0);

interface PoolState {
  /** Threads that may work at once. */
  readonly wanted: number;
  /** Workers that came up, and those of them that sleep. */
  readonly started: number;
  readonly parked: number;
  /** Steps that were spread. */
  readonly spread: number;
  /** Whether spreading did not pay lately, so that the calling thread works alone for a while. */
  readonly resting: boolean;
  /** Times that a worker was lost at work. */
  readonly failures: number;
}

/** Workers that came up together, and their control block. */
interface Crew {
  readonly control: number;
  readonly words: Int32Array;
  readonly threads: Thread[];
  /** A worker ended by itself. */
  lost: boolean;
}

export class Pool {
  /** For tests: whether work is spread whatever it costs, and however little that pays. */
  always = false;
  private spreads = 0;
  private failures = 0;
  private crew: Crew | null = null;
  private limit: number | null;
  private forbidden = false;
  /** The bytes of kernels, and their place in the heap once workers asked for them. */
  private readonly code = new Map<Kernel, { bytes: Uint8Array; at: number }>();
  private generation = 0;
  /** Nanoseconds of work done alone because all workers slept. */
  private missed = 0;
  private readonly gain = new Gain();
  private readonly canWait: boolean;

  constructor(private readonly heap: WasmHeap, threads?: number) {
    this.limit = threads ?? null;
    this.canWait = mayWait();
  }

  /** Threads that may work at once, the calling one among them. */
  get wanted(): number { return this.forbidden ? 1 : Math.min(mostThreads, this.limit ?? cores()); }
  set wanted(threads: number) {
    if (threads === this.limit) return;
    this.limit = threads;
    this.disband();
  }

  /** Keeps what workers need to make a kernel of their own. Kernels that call back into JavaScript are never told, and stay on the calling thread. */
  tell(kernel: Kernel, bytes: Uint8Array): void { this.code.set(kernel, { bytes, at: 0 }); }

  /** Threads that the next `spread` may use: starts them if they aren't there. They come up while the calling thread works on. */
  enlist(): number {
    if (this.crew?.lost) this.disband();
    if (!this.crew && this.wanted > 1 && canStart()) this.start(this.wanted - 1);
    return this.crew ? this.crew.threads.length + 1 : 1;
  }

  private start(workers: number): void {
    const { heap } = this;
    const control = heap.reserve(controlBytes + workers * (beatBytes + blockBytes));
    const crew: Crew = { control, words: new Int32Array(heap.memory.buffer, control, controlBytes / 4), threads: [], lost: false };
    const lost = (): void => {
      crew.lost = true;
      // Threads that never came up never will: a page's policy forbids them, say.
      if (crew.words[words.ready] === 0 && crew === this.crew) this.forbidden = true;
    };
    this.crew = crew;
    try {
      for (let thread = 1; thread <= workers; thread++) crew.threads.push(startThread({ memory: heap.memory, control, thread }, lost));
    } catch {
      this.forbidden = true;
      this.disband();
    }
  }

  /** Ends the workers. Their memory is given back when none can write to it any more. */
  private disband(): void {
    const { crew, heap } = this;
    if (!crew) return;
    this.crew = null;
    Atomics.store(crew.words, words.ticket, 0);
    const ended = crew.threads.map((t) => t.stop());
    if (ended.every(Boolean)) void Promise.all(ended).then(() => heap.release(crew.control));
  }

  /** Runs a step whose parameters lie at `block`: on all threads where that pays, on the calling one elsewhere. */
  run(work: Work, block: number): void {
    const began = performance.now();
    if (this.spread(work, block, began)) return;
    runUnits(work.kernel, block, 0, work.count, work.chunk);
    const took = performance.now() - began;
    work.alone += (took - work.alone) * (took < work.alone ? 0.5 : work.alone ? 0.125 : 1);
  }

  private spread(work: Work, block: number, began: number): boolean {
    const { crew, heap } = this;
    if (!crew || work.count < 2) return false;
    const code = this.code.get(work.kernel);
    const ready = Math.min(Atomics.load(crew.words, words.ready), crew.threads.length);
    if (!code || ready === 0 || 4 * work.params.length > blockBytes) return false;
    const parked = Atomics.load(crew.words, words.parked);
    if (!this.always) {
      if (began < this.gain.restUntil || isTrial(++work.runs)) return false;
      if (parked >= ready && (this.missed += work.cost) < worthWaking) return false;
    }
    this.missed = 0;

    const threads = ready + 1;
    const pays = Math.max(2, Math.min(work.cost / grain, Math.max(threads, work.count / work.least)));
    let size = Math.ceil(work.count / Math.min(pays, partsPerThread * threads, 255));
    if (size > 256) size = (size + 63) & ~63; // parts of long arrays begin at cache lines
    const parts = Math.ceil(work.count / size);
    if (!code.at) {
      code.at = heap.reserve(code.bytes.length);
      heap.u8.set(code.bytes, code.at);
    }
    for (let t = 1; t <= crew.threads.length; t++) {
      const to = (beatOf(crew, t) + beatBytes) >>> 2;
      heap.i32.copyWithin(to, block >>> 2, (block >>> 2) + work.params.length);
      for (const i of work.own) heap.i32[to + i]! += t * work.ownBytes;
    }
    const w = crew.words;
    w[words.code] = code.at;
    w[words.length] = code.bytes.length;
    w[words.parts] = parts;
    w[words.size] = size;
    w[words.count] = work.count;
    w[words.chunk] = work.chunk;
    w[words.pages] = heap.u8.length / 65536;
    w[words.failed] = 0;
    Atomics.store(w, words.done, 0);
    this.generation = (this.generation + 1) & 0x7fffff;
    Atomics.store(w, words.ticket, (this.generation << 8) | parts);
    if (parked) Atomics.notify(w, words.ticket, parts - 1);
    this.spreads++;
    this.share(crew, work, block, began, parked);
    return true;
  }

  /** Takes parts like the workers do, and waits for those that they took. */
  private share(crew: Crew, { kernel, count, chunk, alone }: Work, block: number, began: number, parked: number): void {
    const w = crew.words;
    const parts = w[words.parts]!;
    const size = w[words.size]!;
    let mine = 0;
    try {
      for (;;) {
        const ticket = Atomics.load(w, words.ticket);
        const left = ticket & 255;
        if (!left) break;
        if (Atomics.compareExchange(w, words.ticket, ticket, ticket - 1) !== ticket) continue;
        const from = (parts - left) * size;
        runUnits(kernel, block, from, Math.min(from + size, count), chunk);
        mine++;
      }
    } catch (error) {
      this.disband(); // the others may be at work still
      throw error;
    }
    Atomics.add(w, words.done, mine);
    const waited = performance.now();
    const each = (waited - began) / Math.max(1, mine);
    if (!this.join(w, parts, Math.max(patience, (4 * each) / nap))) {
      const working = crew.threads.flatMap((_, i) => (Atomics.load(this.heap.i32, beatOf(crew, i + 1) >>> 2) & 1 ? [i + 1] : []));
      this.fail(`a worker thread died or hangs: thread ${working.join(' and ')} of ${crew.threads.length} took a part of the work and got no further`);
    }
    if (w[words.failed]) {
      this.code.delete(kernel);
      this.fail(`a worker thread could not run a kernel: thread ${w[words.failed]} of ${crew.threads.length}`);
    }
    // Before it was ever run alone: as long as the parts done here took each.
    const took = performance.now() - began - (parked ? worthWaking / 1e6 : 0);
    this.gain.note(Math.max(0, took), alone || each * parts);
  }

  /** Waits until all parts are done; false when nothing moved for `sleeps` times the nap. A sleeping computer is no lost worker: time is counted in naps. */
  private join(w: Int32Array, parts: number, sleeps: number): boolean {
    let seen = -1;
    let slept = 0;
    for (let turn = 1; ; turn++) {
      const done = Atomics.load(w, words.done);
      if (done === parts) return true;
      if (turn < looks) continue;
      if (done !== seen) slept = 0;
      seen = done;
      if (this.canWait) {
        if (Atomics.wait(w, words.done, done, nap) === 'timed-out') slept++;
      } else {
        for (const start = performance.now(); performance.now() - start < nap && Atomics.load(w, words.done) === done; );
        slept++;
      }
      if (slept > sleeps) return false;
    }
  }

  private fail(what: string): never {
    this.failures++;
    this.disband();
    throw new BackendError(`wasm: ${what}; no variable was changed, and the next call starts new threads.`);
  }

  /** What is really running, for people. */
  describe(): PoolState {
    const { crew } = this;
    return {
      wanted: this.wanted,
      started: crew ? Atomics.load(crew.words, words.ready) : 0,
      parked: crew ? Atomics.load(crew.words, words.parked) : 0,
      spread: this.spreads,
      resting: performance.now() < this.gain.restUntil,
      failures: this.failures,
    };
  }
}

/** Address of a worker's heartbeat, behind which its parameter block lies; workers are counted from 1. */
const beatOf = (crew: Crew, worker: number): number => crew.control + controlBytes + (worker - 1) * (beatBytes + blockBytes);

/** Whether this thread may sleep: a browser's main thread may not. */
function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}
