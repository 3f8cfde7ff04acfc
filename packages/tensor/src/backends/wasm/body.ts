/** Scalar expressions as code: what kernels compute of vectors of their operands. */
import { dtypeOfKind, type DType } from '../../dtype.js';
import { inline, topological, type Expr } from '../../scalar/expression.js';
import { costOf, emitNode, hostFunctions } from '../../scalar/to-wasm.js';
import type { Func, Local, Module, Value } from './assembler.js';
import type { Engine } from './engine.js';
import type { Kernel } from './kernel.js';

export interface Body {
  readonly key: string;
  readonly roots: readonly Expr[];
  readonly order: readonly Expr[];
  /** Slots that the roots read, ascending. */
  readonly slots: readonly number[];
  /** Dtypes of the inputs, by slot, and of the results. */
  readonly inputs: readonly DType[];
  readonly outputs: readonly DType[];
  /** Nanoseconds per element in wasm and in js. */
  readonly cost: { wasm: number; js: number };
}

const bodies = new WeakMap<readonly Expr[], Body>();

export function bodyOf(given: readonly Expr[]): Body {
  let body = bodies.get(given);
  if (!body) {
    const roots = given.map(inline);
    const order = topological(roots);
    const slots = [...new Set(order.filter((n) => n.op === 'in').map((n) => n.value))].sort((a, b) => a - b);
    const inputs: DType[] = [];
    for (const n of order) if (n.op === 'in') inputs[n.value] = dtypeOfKind[n.type];
    body = { key: `map:${roots.map((r) => r.id).join()}`, roots, order, slots, inputs, outputs: roots.map((r) => dtypeOfKind[r.type]), cost: costOf(order) };
    bodies.set(given, body);
  }
  return body;
}

type Typed = { readonly dtype: DType } | undefined;

/** Whether every operand has the type that the expressions say. */
export const typed = (body: Body, inputs: readonly Typed[], outputs: readonly Typed[]): boolean =>
  body.outputs.every((d, i) => outputs[i]?.dtype === d) && body.slots.every((slot) => inputs[slot]?.dtype === body.inputs[slot]);

/** Finds the imported function of a name. */
export type HostIndex = (name: string) => number;

/** Compiles a module that may call the JavaScript functions which a body, if there is one, needs. */
export function compileBody(engine: Engine, body: Body | null, write: (module: Module, host: HostIndex) => void): Kernel {
  const host = hostFunctions(body?.order ?? []);
  return engine.compile((module) => {
    const index = new Map(host.map((h) => [h.name, module.import(h.name, Array.from({ length: h.arity }, () => h.type), [h.type])]));
    write(module, (name) => index.get(name)!);
  }, Object.fromEntries(host.map((h) => [h.name, h.run])));
}

/** The code of a body within a function: what stands still is computed once, the rest for vectors in flight. */
export interface Emitted {
  /** Vectors that are worth computing at once. */
  readonly unroll: number;
  /** Computes what depends on nothing that moves; `fetch` reads a slot. */
  settle(fetch: (slot: number) => Value): void;
  /** Values of every root for `count` vectors; `fetch` reads vector number `u` of a slot that moves. */
  values(count: number, fetch: (slot: number, u: number) => Value): (readonly Local[])[];
}

export function emitBody(f: Func, body: Body, moves: (slot: number) => boolean, host: HostIndex): Emitted {
  const moving = new Set<Expr>();
  for (const n of body.order) if (n.op === 'in' ? moves(n.value) : n.args.some((a) => moving.has(a))) moving.add(n);
  const [inner, still] = [true, false].map((wanted) => body.order.filter((n) => moving.has(n) === wanted)) as [Expr[], Expr[]];
  const settled = new Map<Expr, Local>();
  const compute = (nodes: readonly Expr[], count: number, fetch: (slot: number, u: number) => Value): Map<Expr, Local[]> => {
    const known = new Map<Expr, Local[]>();
    const vectors = Array.from({ length: count }, (_, u) => u);
    for (const node of nodes) {
      known.set(node, node.op === 'in'
        ? vectors.map((u) => f.local('v128', fetch(node.value, u)))
        : emitNode(f, node, vectors.map((u) => node.args.map((a) => known.get(a)?.[u] ?? settled.get(a)!)), host));
    }
    return known;
  };
  return {
    unroll: inner.length <= 12 ? 4 : 2,
    settle(fetch) { for (const [node, [value]] of compute(still, 1, fetch)) settled.set(node, value!); },
    values(count, fetch) {
      const known = compute(inner, count, fetch);
      return body.roots.map((r) => known.get(r) ?? Array.from({ length: count }, () => settled.get(r)!));
    },
  };
}
