/** jit: ordinary code, traced once per signature of its arguments and replayed from then on. */
import { isTensor, isVariable } from '../brand.js';
import { tensor, type Like } from '../create.js';
import { door } from '../op.js';
import type { Tensor } from '../tensor.js';
import { compareTraces } from './fingerprint.js';
import { Program } from './program.js';
import { replayable, trace, type Graph } from './trace.js';

interface Compiled {
  readonly graph: Graph;
  readonly program: Program;
  /** Whether a second trace has shown that the function does the same at every call. */
  confirmed: boolean;
}

/** How many signatures one function keeps; the oldest gives its memory back. */
const capacity = 64;

/** Numbers and arrays become tensors, so that they are inputs and not constants; what is left is part of the signature. */
const lift = (x: unknown): unknown =>
  isVariable(x) ? x : isTensor(x) || typeof x === 'number' || Array.isArray(x) || ArrayBuffer.isView(x) ? tensor(x as Like) : x;

const signature = (args: readonly unknown[]): string =>
  args.map((x) => (isTensor(x) ? `${(x as Tensor).dtype}[${(x as Tensor).shape}]` : isVariable(x) ? `v${x.id}` : JSON.stringify(x) ?? String(x))).join(';');

/**
 * A function that does what `f` does, faster: `f` runs once for each signature (dtypes and shapes) of its arguments, on
 * tensors without values, and the kernels it asked for are replayed afterwards. Variables that it reads become inputs,
 * variables that it assigns are assigned when all kernels have run. Numbers passed as arguments are inputs; numbers that
 * it captures are constants, and a constant that changes between the first two calls is refused.
 *
 * Errors: reading a value while tracing (`item`, `data`, `toArray`, and so a branch on a value).
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function jit<F extends (...args: any[]) => unknown>(f: F, { name = f.name || 'the function' }: { readonly name?: string } = {}): F {
  const programs = new Map<string, Compiled>();
  return ((...given: unknown[]) => {
    if (!replayable()) return f(...given);
    const args = given.map(lift);
    const key = `${door.backend.name}|${signature(args)}`;
    let compiled = programs.get(key);
    if (!compiled) {
      const { graph, result } = trace(f, args);
      compiled = { graph, program: new Program(graph, result), confirmed: false };
      programs.set(key, compiled);
      if (programs.size > capacity) {
        const [oldest, old] = programs.entries().next().value!;
        old.program.release();
        programs.delete(oldest);
      }
    } else if (!compiled.confirmed) {
      compareTraces(name, compiled.graph, trace(f, args).graph);
      compiled.confirmed = true;
    }
    return compiled.program.call(args);
  }) as F;
}
