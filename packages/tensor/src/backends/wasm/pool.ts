/**
 * Threads for heavy steps. A step's units are cut into parts that the calling thread and the workers take as they are free; no unit is
 * ever cut, so results have the same bits on any number of threads. All talk goes through words in the shared memory (worker-code.ts).
 */
import { BackendError } from '../../errors.js';
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

/** Milliseconds without threads after they did not pay; doubled each time they don't. */
const firstRest = 100;
const longestRest = 5000;

export interface PoolState {
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

/** For tests: whether work is spread whatever it costs, and however little that pays. */
export const debug = { always: false };

/** Workers that came up together, and their control block. */
interface Crew {
  readonly control: number;
  readonly words: Int32Array;
  readonly threads: Thread[];
  /** A worker ended by itself. */
  lost: boolean;
}

export class Pool {
  private spreads = 0;
  private failures = 0;
  private crew: Crew | null = null;
  private limit: number | null;
  private forbidden = false;
  private readonly code = new Map<Kernel, { bytes: Uint8Array; number: number; at: number }>();
  private generation = 0;
  /** Nanoseconds of work done alone because all workers slept. */
  private missed = 0;
  /** Time on all threads by time on one, averaged; when to try again after it was no gain. */
  private ratio = 0.7;
  private rest = firstRest;
  private restUntil = 0;
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
  tell(kernel: Kernel, bytes: Uint8Array): void { this.code.set(kernel, { bytes, number: this.code.size, at: 0 }); }

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

  /** Runs a step on all threads, the parameters at `block` being the calling one's; false where that would not pay, and nothing was done. */
  spread(work: Work, block: number): boolean {
    const { crew, heap } = this;
    if (!crew || work.count < 2) return false;
    const code = this.code.get(work.kernel);
    const ready = Math.min(Atomics.load(crew.words, words.ready), crew.threads.length);
    if (!code || ready === 0 || 4 * work.params.length > blockBytes) return false;
    const parked = Atomics.load(crew.words, words.parked);
    if (parked >= ready && (this.missed += work.cost) < worthWaking) return false;
    this.missed = 0;
    const began = performance.now();
    if (began < this.restUntil && !debug.always) return false;

    const threads = ready + 1;
    const most = Math.min(work.count, partsPerThread * threads, 255);
    const wanted = Math.max(threads, Math.min(Math.floor(work.cost / grain), Math.floor(work.count / work.least)));
    let size = Math.ceil(work.count / Math.min(most, wanted));
    if (size > 256) size = (size + 63) & ~63; // parts of long arrays begin at cache lines
    const parts = Math.ceil(work.count / size);
    if (!code.at) {
      code.at = heap.reserve(code.bytes.length);
      heap.u8.set(code.bytes, code.at);
    }
    const n = work.params.length;
    for (let t = 1; t <= crew.threads.length; t++) {
      const to = (crew.control + controlBytes + (t - 1) * (beatBytes + blockBytes) + beatBytes) >>> 2;
      heap.i32.copyWithin(to, block >>> 2, (block >>> 2) + n);
      for (const i of work.own) heap.i32[to + i]! += t * work.ownBytes;
    }
    const w = crew.words;
    w[words.kernel] = code.number;
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
    if (parked) Atomics.notify(w, words.ticket);
    this.spreads++;
    this.share(crew, work, block, began);
    return true;
  }

  /** Takes parts like the workers do, and waits for those that they took. */
  private share(crew: Crew, { kernel, count, chunk }: Work, block: number, began: number): void {
    const w = crew.words;
    const parts = w[words.parts]!;
    const size = w[words.size]!;
    let mine = 0;
    for (;;) {
      const ticket = Atomics.load(w, words.ticket);
      const left = ticket & 255;
      if (!left) break;
      if (Atomics.compareExchange(w, words.ticket, ticket, ticket - 1) !== ticket) continue;
      const from = (parts - left) * size;
      runUnits(kernel, block, from, Math.min(from + size, count), chunk);
      mine++;
    }
    Atomics.add(w, words.done, mine);
    const waited = performance.now();
    const each = (waited - began) / Math.max(1, mine);
    if (!this.join(w, parts, Math.max(patience, (4 * each) / nap))) this.fail(crew, 'took a part of the work and got no further');
    if (w[words.failed]) this.fail(crew, 'could not run a kernel');
    this.weigh(mine ? (performance.now() - began) / (each * parts) : 0.5);
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

  private fail(crew: Crew, what: string): never {
    const working = crew.threads.flatMap((_, t) => (this.beat(crew, t) & 1 ? [t + 1] : []));
    this.failures++;
    this.disband();
    throw new BackendError(`wasm: a worker thread died or hangs: thread ${working.join(' and ') || '?'} of ${crew.threads.length} ${what}; no variable was changed, and the next call starts new threads.`);
  }

  private beat(crew: Crew, worker: number): number {
    return Atomics.load(this.heap.i32, (crew.control + controlBytes + worker * (beatBytes + blockBytes)) >>> 2);
  }

  /** Notes what spreading gave; where it gives nothing, because others use the machine, the calling thread works alone for a while. */
  private weigh(ratio: number): void {
    this.ratio += (Math.min(ratio, 2) - this.ratio) / 8;
    if (this.ratio < 0.85) this.rest = firstRest;
    if (this.ratio < 0.95) return;
    this.restUntil = performance.now() + this.rest;
    this.rest = Math.min(2 * this.rest, longestRest);
    this.ratio = 0.7;
  }

  /** What is really running, for people. */
  describe(): PoolState {
    const { crew } = this;
    return {
      wanted: this.wanted,
      started: crew ? Atomics.load(crew.words, words.ready) : 0,
      parked: crew ? Atomics.load(crew.words, words.parked) : 0,
      spread: this.spreads,
      resting: performance.now() < this.restUntil,
      failures: this.failures,
    };
  }
}

/** Whether this thread may sleep: a browser's main thread may not. */
function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}
