/** Elementwise kernels: any number of scalar expressions over broadcast operands, in one pass. */
import type { View } from '../../backend.js';
import { bytesPer, kindOf, type DType } from '../../dtype.js';
import { inline, topological, type Expr } from '../../scalar/expression.js';
import { costOf, emitNode, hostFunctions } from '../../scalar/to-wasm.js';
import { broadcastStrides, isContiguous, sameShape, sizeOf } from '../../shape.js';
import { nest, type Nest } from '../nest.js';
import type { Func, Local, Module, Value } from './assembler.js';
import { copyDense } from './copy.js';
import type { Engine } from './engine.js';
import { emitRows, loadLanes, loadSome, loadSplat, param, storeLanes, storeSome } from './loops.js';
import type { Kernel, Located, Place, Recipe } from './recipe.js';

const chunkElements = 65536;

interface Body {
  readonly key: string;
  readonly roots: readonly Expr[];
  readonly order: readonly Expr[];
  /** Slots that the roots read, ascending. */
  readonly slots: readonly number[];
  readonly cost: { wasm: number; js: number };
}

const bodies = new WeakMap<readonly Expr[], Body>();

function bodyOf(given: readonly Expr[]): Body {
  let body = bodies.get(given);
  if (!body) {
    const roots = given.map(inline);
    const order = topological(roots);
    const slots = [...new Set(order.filter((n) => n.op === 'in').map((n) => n.value))].sort((a, b) => a - b);
    body = { key: `map:${roots.map((r) => r.id).join()}`, roots, order, slots, cost: costOf(order) };
    bodies.set(given, body);
  }
  return body;
}

/** Nanoseconds per element in wasm and in js. */
export const mapCost = (roots: readonly Expr[]): { wasm: number; js: number } => bodyOf(roots).cost;

interface Shape {
  readonly body: Body;
  readonly inputs: readonly DType[];
  /** Whether each input stands still (0) or walks densely (1) in the inner loop. */
  readonly inner: readonly number[];
  readonly depth: number;
}

/** Whether every operand has the type that the expressions say. */
function typed(body: Body, inputs: readonly View[], outputs: readonly View[]): boolean {
  const fits = (view: View | undefined, type: Expr['type']) => !!view && view.dtype !== 'float64' && kindOf(view.dtype) === type;
  return body.roots.every((r, i) => fits(outputs[i], r.type)) && body.order.every((n) => n.op !== 'in' || fits(inputs[n.value], n.type));
}

/** Loops that nothing broadcasts in or jumps in: one. */
const flat = (count: number, operands: readonly Located[]): Nest => ({ sizes: [count], strides: operands.map(() => unitStride) });
const unitStride = [1];

export function planMap(engine: Engine, recipe: Recipe, roots: readonly Expr[], inputs: readonly View[], outputs: readonly View[]): boolean {
  const body = bodyOf(roots);
  if (!typed(body, inputs, outputs)) return false;
  if (sizeOf(outputs[0].shape) === 0) return true;
  addMap(engine, recipe, roots, body.slots.map((slot) => recipe.input(inputs[slot])), outputs.map((v) => recipe.output(v)));
  return true;
}

/** The step that computes the roots into `to`, whose innermost axis is dense, from one operand per slot that they read, ascending. */
export function addMap(engine: Engine, recipe: Recipe, roots: readonly Expr[], given: readonly Located[], to: readonly Located[]): void {
  const body = bodyOf(roots);
  const { shape } = to[0];
  const size = sizeOf(shape);
  let from = given;
  const simple = [...from, ...to].every((x) => sameShape(x.shape, shape) && isContiguous(x.shape, x.strides));
  if (!simple) from = from.map((x) => walkable(engine, recipe, x, shape));
  const operands = [...from, ...to];
  const { sizes, strides } = simple ? flat(size, operands) : nest(shape, operands);
  const depth = sizes.length - 1;
  const count = sizes[depth];
  const kernel = kernelFor(engine, body, from, from.map((_, k) => strides[k][depth]), depth);
  const params: (number | Place)[] = [count];
  for (const x of operands) params.push(x.place);
  for (let d = 0; d < depth; d++) {
    params.push(sizes[d]);
    operands.forEach((x, k) => params.push(strides[k][d] * bytesPer[x.dtype]));
  }
  recipe.step(kernel, params, size / (depth ? count : 1), {
    chunk: depth ? Math.max(1, Math.floor(chunkElements / count)) : chunkElements,
    nanoseconds: body.cost.wasm * (depth ? count : 1),
  });
}

const known = new WeakMap<Engine, WeakMap<Body, Map<number, Kernel>>>();

/** The kernel for these inner strides (one per slot that is read) and this many outer loops. */
function kernelFor(engine: Engine, body: Body, from: readonly Located[], strides: readonly number[], depth: number): Kernel {
  let bodies = known.get(engine);
  if (!bodies) known.set(engine, (bodies = new WeakMap()));
  let kernels = bodies.get(body);
  if (!kernels) bodies.set(body, (kernels = new Map()));
  const code = strides.reduce((c, s) => 2 * c + s, depth);
  let kernel = kernels.get(code);
  if (!kernel) {
    kernel = engine.kernel(`${body.key}:${strides.join('')}:${depth}`, () => {
      const [inner, inputs]: [number[], DType[]] = [[], []];
      body.slots.forEach((slot, k) => { inner[slot] = strides[k]; inputs[slot] = from[k].dtype; });
      return compileMap(engine, { body, inputs, inner, depth });
    });
    kernels.set(code, kernel);
  }
  return kernel;
}

/** The operand itself where its innermost stride is 0 or 1 in `shape`, a dense copy otherwise. */
function walkable(engine: Engine, recipe: Recipe, x: Located, shape: readonly number[]): Located {
  const full = broadcastStrides(x.shape, x.strides, shape);
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 1) continue;
    return full[i] === 0 || full[i] === 1 ? x : copyDense(engine, recipe, x);
  }
  return x;
}

function compileMap(engine: Engine, plan: Shape): Kernel {
  const host = hostFunctions(plan.body.order);
  return engine.compile((module: Module) => {
    const index = new Map(host.map((h) => [h.name, module.import(h.name, Array.from({ length: h.arity }, () => h.type), [h.type])]));
    module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => emitMap(f, plan, block, from, to, (name) => index.get(name)!), 'run');
  }, Object.fromEntries(host.map((h) => [h.name, h.run])));
}

function emitMap(f: Func, { body, inputs, inner, depth }: Shape, block: Local, from: Local, to: Local, host: (name: string) => number): void {
  const reads = body.order.filter((n) => n.op === 'in').sort((a, b) => a.value - b.value);
  const outputs = body.roots.map((r): DType => (r.type === 'f' ? 'float32' : r.type === 'i' ? 'int32' : 'bool'));
  const operands = reads.length + outputs.length;
  const moving = new Set<Expr>();
  for (const n of body.order) if (n.op === 'in' ? inner[n.value] !== 0 : n.args.some((a) => moving.has(a))) moving.add(n);
  const rowOf = new Map<Expr, Local>();
  /** Nodes for `count` vectors at once; `fetch` reads an input's vector number u. */
  const compute = (nodes: readonly Expr[], count: number, fetch: (node: Expr, u: number) => Value): Map<Expr, Local[]> => {
    const known = new Map<Expr, Local[]>();
    const vectors = Array.from({ length: count }, (_, u) => u);
    for (const node of nodes) {
      known.set(node, node.op === 'in'
        ? vectors.map((u) => f.local('v128', fetch(node, u)))
        : emitNode(f, node, vectors.map((u) => node.args.map((a) => known.get(a)?.[u] ?? rowOf.get(a)!)), host));
    }
    return known;
  };
  const body1 = body.order.filter((n) => moving.has(n));
  const still = body.order.filter((n) => !moving.has(n));
  const unroll = body1.length <= 12 ? 4 : 2;
  const width = (dtype: DType): number => bytesPer[dtype];

  emitRows(f, block, from, to, 1, operands, depth, (starts) => {
    const at = starts.map((p) => f.local('i32', p));
    const left = f.local('i32', depth ? param(f, block, 0) : f.op('i32.sub', to, from));
    const moves: [Local, number][] = [];
    reads.forEach((n, k) => { if (inner[n.value]) moves.push([at[k], width(inputs[n.value])]); });
    outputs.forEach((d, k) => moves.push([at[reads.length + k], width(d)]));
    if (!depth) for (const [p, bytes] of moves) f.advance(p, f.op('i32.mul', from, bytes));
    for (const [node, [value]] of compute(still, 1, (n) => loadSplat(f, inputs[n.value], at[reads.indexOf(n)]))) rowOf.set(node, value);
    const vectors = (n: number): void => {
      const known = compute(body1, n, (x, u) => loadLanes(f, inputs[x.value], at[reads.indexOf(x)], 4 * u * width(inputs[x.value])));
      outputs.forEach((d, k) => {
        for (let u = 0; u < n; u++) storeLanes(f, d, at[reads.length + k], known.get(body.roots[k])?.[u] ?? rowOf.get(body.roots[k])!, 4 * u * width(d));
      });
      for (const [p, bytes] of moves) f.advance(p, 4 * n * bytes);
      f.set(left, f.op('i32.sub', left, 4 * n));
    };
    f.while(f.op('i32.ge_u', left, 4 * unroll), () => vectors(unroll));
    if (unroll > 1) f.while(f.op('i32.ge_u', left, 4), () => vectors(1));
    f.if(left, () => {
      const known = compute(body1, 1, (x) => loadSome(f, inputs[x.value], at[reads.indexOf(x)], left));
      outputs.forEach((d, k) => storeSome(f, d, at[reads.length + k], known.get(body.roots[k])?.[0] ?? rowOf.get(body.roots[k])!, left));
    });
  });
}
