/** jit: ordinary code, traced once per signature of its arguments and replayed from then on. */
import { isTensor, isVariable } from '../brand.js';
import { tensor, type Like } from '../create.js';
import { ValueError } from '../errors.js';
import { door } from '../op.js';
import { describe } from './describe.js';
import { compareTraces } from './fingerprint.js';
import { boundBy } from './loop.js';
import { Program } from './program.js';
import { toEnd } from './sliced.js';
import { replayable, trace, type Trace } from './trace.js';

interface Compiled {
  readonly program: Program;
  readonly signature: string;
  /** What was traced first, until a second trace has shown that the function does the same at every call. */
  first: Trace | null;
}

/** How many signatures one function keeps, and how many kernels are bound for all of them (some 2 kB each); those that were called least lately give their memory back. */
const capacity = 64;
const mostKernels = 50_000;

/** A jitted function, which can tell its plans, what `explain` asks for, and run in pieces, as `sliced` does. */
export interface Jitted {
  plans(): string;
  pieces(args: readonly unknown[]): Generator<void, unknown>;
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && Object.getPrototypeOf(x) === Object.prototype;
const isNumbers = (x: unknown): boolean => (Array.isArray(x) ? x.every(isNumbers) : typeof x === 'number' || typeof x === 'boolean');

/** Numbers and arrays of numbers become tensors, so that they are inputs and not constants; lists and records are gone through. */
function lift(x: unknown): unknown {
  if (typeof x === 'number' || ArrayBuffer.isView(x) || (Array.isArray(x) && x.length > 0 && isNumbers(x))) return tensor(x as Like);
  if (Array.isArray(x)) return x.map(lift);
  return isRecord(x) ? Object.fromEntries(Object.entries(x).map(([k, v]) => [k, lift(v)])) : x;
}

/** What a program is made for: the dtypes and shapes of tensors, everything else as it is. */
function signature(name: string, x: unknown): string {
  if (isTensor(x)) return `${x.dtype}[${x.shape}]`;
  if (isVariable(x)) return `v${x.id}`;
  if (Array.isArray(x)) return `[${x.map((v) => signature(name, v))}]`;
  if (isRecord(x)) return `{${Object.entries(x).map(([k, v]) => `${k}:${signature(name, v)}`)}}`;
  if (typeof x === 'object' ? x !== null : typeof x === 'function' || typeof x === 'symbol') {
    throw new ValueError(`jit: ${name} was called with ${typeof x === 'object' ? `a ${x!.constructor?.name ?? 'object'}` : `a ${typeof x}`}; arguments may be tensors, variables, numbers, texts, and lists and records of them.`);
  }
  return JSON.stringify(x) ?? String(x);
}

/**
 * A function that does what `f` does, faster: `f` runs once for each signature (dtypes and shapes) of its arguments, on
 * tensors without values, and the kernels it asked for are replayed afterwards. Arguments and results may be lists and records. Variables that it reads become inputs,
 * variables that it assigns are assigned when all kernels have run. Numbers passed as arguments are inputs; numbers that
 * it captures are constants, and a constant that changes between the first two calls is refused.
 *
 * Errors: reading a value while tracing (`item`, `data`, `toArray`, and so a branch on a value).
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function jit<F extends (...args: any[]) => unknown>(f: F, { name = f.name || 'the function' }: { readonly name?: string } = {}): F {
  const programs = new Map<string, Compiled>();
  let [traced, kernels] = [0, 0];
  /** The program for these arguments, made or compared in parts between which other work may come. */
  function* programFor(args: readonly unknown[]): Generator<void, Program> {
    const key = `${door.backend.name}${door.backend.mode ?? ''}|${signature(name, args)}`;
    let compiled = programs.get(key);
    if (!compiled) {
      const first = trace(f, args);
      yield;
      compiled = { first, program: new Program(first), signature: key };
      yield;
      if (++traced === 2 * capacity) console.warn(`jit: ${name} was traced for ${traced} signatures, and keeps ${capacity}: tracing may take longer than it saves. Pad its arguments to a few shapes.`);
      kernels += boundBy(compiled.program.work.nodes);
      while (programs.size && (programs.size === capacity || kernels > mostKernels)) {
        const [oldest, { program }] = programs.entries().next().value!;
        kernels -= boundBy(program.work.nodes);
        program.release();
        programs.delete(oldest);
      }
    } else {
      if (compiled.first) compareTraces(name, compiled.first, trace(f, args));
      compiled.first = null;
      programs.delete(key);
    }
    programs.set(key, compiled); // behind all others: called last
    return compiled.program;
  }
  const fast = (...given: unknown[]): unknown => {
    if (!replayable()) return f(...given);
    const args = given.map(lift);
    return toEnd(programFor(args)).call(args);
  };
  function* pieces(given: readonly unknown[]): Generator<void, unknown> {
    if (!replayable()) return f(...given);
    const args = given.map(lift);
    return yield* (yield* programFor(args)).pieces(args);
  }
  const plans = () => (programs.size ? [...programs.values()].map((c) => `${name} ${describe(c.program, c.signature)}`).join('\n\n') : `${name}: it has not been called yet; there is a plan for each signature of its arguments.`);
  return Object.assign(fast, { plans, pieces } satisfies Jitted) as unknown as F;
}
