/** Elementwise kernels: any number of scalar expressions over broadcast operands, in one pass. */
import type { View } from '../../backend.js';
import { bytesPer } from '../../dtype.js';
import type { Expr } from '../../scalar/expression.js';
import { broadcastStrides, isContiguous, sameShape, sizeOf } from '../../shape.js';
import { nest, type Nest } from '../nest.js';
import type { Func, Local } from './assembler.js';
import { bodyOf, compileBody, emitBody, typed, type Body, type HostIndex } from './body.js';
import { copyDense } from './copy.js';
import type { Engine } from './engine.js';
import { emitRows, emitSweep, loadPart, loadSplat, param, storePart } from './loops.js';
import type { Kernel, Located, Place, Recipe } from './recipe.js';

const chunkElements = 65536;

/** Nanoseconds per element in wasm and in js. */
export const mapCost = (roots: readonly Expr[]): { wasm: number; js: number } => bodyOf(roots).cost;

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
  const kernel = kernelFor(engine, body, from.map((_, k) => strides[k][depth]), depth);
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
function kernelFor(engine: Engine, body: Body, strides: readonly number[], depth: number): Kernel {
  let bodies = known.get(engine);
  if (!bodies) known.set(engine, (bodies = new WeakMap()));
  let kernels = bodies.get(body);
  if (!kernels) bodies.set(body, (kernels = new Map()));
  const code = strides.reduce((c, s) => 2 * c + s, depth);
  let kernel = kernels.get(code);
  if (!kernel) {
    kernel = engine.kernel(`${body.key}:${strides.join('')}:${depth}`, () => compileBody(engine, body, (module, host) => {
      module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => emitRows(f, block, from, to, 1, strides.length + body.roots.length, depth, (starts) => {
        const at = starts.map((p) => f.local('i32', p));
        const row = mapRow(f, body, strides, at, host);
        if (!depth) for (const [p, bytes] of row.moves) f.advance(p, f.op('i32.mul', from, bytes));
        row.sweep(f.local('i32', depth ? param(f, block, 0) : f.op('i32.sub', to, from)));
      }), 'run');
    }));
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

/**
 * A row of a map: pointers to an operand per slot that is read, ascending, whose strides are 0 or 1, and to the results. `sweep` computes as
 * many elements as it is told; the count and the pointers that move (`moves`, with the bytes of their elements) are used up.
 */
export function mapRow(f: Func, body: Body, strides: readonly number[], at: readonly Local[], host: HostIndex): { moves: (readonly [Local, number])[]; sweep(left: Local): void } {
  const { slots, inputs, outputs } = body;
  const index = new Map(slots.map((slot, k) => [slot, k]));
  const pointer = (slot: number): Local => at[index.get(slot)!];
  const results = at.slice(slots.length);
  const code = emitBody(f, body, (slot) => strides[index.get(slot)!] !== 0, host);
  const moves = [
    ...slots.filter((_, k) => strides[k]).map((slot) => [pointer(slot), bytesPer[inputs[slot]]] as const),
    ...outputs.map((d, k) => [results[k], bytesPer[d]] as const),
  ];
  const sweep = (left: Local): void => {
    code.settle((slot) => loadSplat(f, inputs[slot], pointer(slot)));
    emitSweep(f, left, moves, code.unroll, (vectors, rest) => {
      const values = code.values(vectors, (slot, u) => loadPart(f, inputs[slot], pointer(slot), u, rest));
      outputs.forEach((d, k) => values[k].forEach((v, u) => storePart(f, d, results[k], v, u, rest)));
    });
  };
  return { moves, sweep };
}
