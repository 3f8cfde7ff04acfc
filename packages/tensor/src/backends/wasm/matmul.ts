/** Matrix products on the wasm backend: which block goes where. */
import { nest } from '../nest.js';
import { planFill } from './copy.js';
import type { Layout } from '../../backend.js';
import { bytesPer } from '../../dtype.js';
import type { Expr } from '../../scalar/expression.js';
import { broadcastShapes, sizeOf } from '../../shape.js';
import type { Spec } from '../../tensor.js';
import { bodyOf, compileBody, typed, type Body } from './body.js';
import type { Engine } from './engine.js';
import { KC, MC, NC, writeGemm, type Way } from './gemm.js';
import type { Kernel, Located, Place, Recipe } from './recipe.js';

/** Rows or columns in a unit: whole tiles. */
const strip = 8;
/** Rows or columns that a thread computes at a time, at least. */
const leastPart = 256;
/** Nanoseconds of a multiplication and an addition. */
const perProduct = 0.045;

interface Matrix { shape: readonly number[]; strides: readonly number[]; place: Place }

/** A map of a product: its operands besides the product, whose slot is the last, one per slot that is read, ascending, and of the product's shape. */
interface Finish { readonly body: Body; readonly operands: readonly Located[] }

type Look = Pick<Layout, 'shape' | 'strides'>;
const last = (x: Look): [number, number] => [x.strides[x.shape.length - 2], x.strides[x.shape.length - 1]];

function gemm(engine: Engine, depth: number, way: Way, finish: Finish | null): Kernel {
  if (!finish) return engine.kernel(`gemm:${way}:${depth}`, () => engine.compile((module) => writeGemm(module, engine.relaxed, depth, way)));
  const { body, operands } = finish;
  const bytes = operands.map((x) => last(x)[1] * bytesPer[x.dtype]);
  return engine.kernel(`gemm:${way}:${depth}:${body.key}:${bytes}`, () => compileBody(engine, body, (module, host) => writeGemm(module, engine.relaxed, depth, way, { body, bytes, host })));
}

/** Loops over the matrices of operands a, b and others like the product, with the operands' strides; its rows, and the operands' distances of rows. Null where others need more loops. */
function loopsOf(shape: readonly number[], operands: readonly Look[]): { sizes: number[]; strides: number[][]; m: number; rows: number[] } | null {
  const lead = operands.map((x) => ({ shape: x.shape.slice(0, -2), strides: x.strides.slice(0, -2) }));
  const [outer, m] = [shape.slice(0, -2), shape[shape.length - 2]];
  const loops = nest(outer, lead);
  if (lead.length > 2 && loops.sizes.length > nest(outer, lead.slice(0, 2)).sizes.length) return null;
  const [sizes, strides] = [[...loops.sizes], loops.strides.map((s) => [...s])];
  const rows = operands.map((x) => last(x)[0]);
  const inner = sizes.length - 1;
  const together = (k: number): boolean => m === 1 || strides[k][inner] === m * rows[k];
  if (strides[1][inner] !== 0 || !together(0) || sizes[inner] === 1) return { sizes, strides, m, rows };
  // Many matrices by one: their rows are the rows of one tall matrix.
  if (!operands.every((_, k) => k === 1 || together(k))) return null;
  return { sizes: sizes.slice(0, -1), strides: strides.map((s) => s.slice(0, -1)), m: m * sizes[inner], rows: m === 1 ? strides.map((s, k) => (k === 1 ? rows[1] : s[inner])) : rows };
}

/** The operands of a map besides the product, which is in the slot after the inputs. */
const besides = <T>(body: Body, inputs: readonly T[]): T[] => body.slots.filter((slot) => slot < inputs.length).map((slot) => inputs[slot]);

/** Whether a map of a product can be applied to it part by part. */
export function finishesMatmul(roots: readonly Expr[], inputs: readonly Layout[], outputs: readonly Spec[]): boolean {
  const body = bodyOf(roots);
  const [a, b] = inputs;
  if (outputs.length > 1 || a.dtype !== 'float32' || b.dtype !== 'float32' || outputs[0].dtype !== 'float32') return false;
  if (!typed(body, [...inputs, { dtype: 'float32' }], outputs) || b.shape[b.shape.length - 1] === 1) return false;
  const operands = besides(body, inputs);
  return operands.every((x) => last(x)[1] === 0 || last(x)[1] === 1) && loopsOf(productShape(a, b), [a, b, ...operands]) !== null;
}

const productShape = (a: Look, b: Look): number[] => [...broadcastShapes('matmul', [a.shape, b.shape], ['a', 'b'], 2), a.shape[a.shape.length - 2], b.shape[b.shape.length - 1]];

/** The product of two matrices, or many, and then a map of it, in place. */
export function planFinishedMatmul(engine: Engine, recipe: Recipe, roots: readonly Expr[], inputs: readonly Located[], y: Located): void {
  const body = bodyOf(roots);
  const [a, b] = inputs;
  planMatmul(engine, recipe, a, b, { ...y, shape: productShape(a, b) }, { body, operands: besides(body, inputs) });
}

/** a [..., m, k] by b [..., k, n] into the dense c [..., m, n]; leading axes broadcast. */
export function planMatmul(engine: Engine, recipe: Recipe, a: Matrix, b: Matrix, c: Located, finish: Finish | null = null): void {
  let n = c.shape[c.shape.length - 1];
  const k = a.shape[a.shape.length - 1];
  if (sizeOf(c.shape) === 0) return;
  if (k === 0) return planFill(engine, recipe, c, 0);
  const others = finish?.operands ?? [];
  const loops = loopsOf(c.shape, [a, b, ...others])!;
  const { sizes, strides: [, , ...otherBatch], rows: [, , ...otherRows] } = loops;
  let { m, strides: [aBatch, bBatch], rows: [aRow, bRow] } = loops;
  let [aColumn, bColumn] = [last(a)[1], last(b)[1]];
  let [left, right] = [a.place, b.place];
  if (n === 1 && m > 1) { // b' a' is the same column lying down, and a row is what the vector products take
    [left, right, n, m] = [right, left, m, n];
    [aRow, aColumn, bRow, bColumn] = [bColumn, bRow, aColumn, aRow];
    [aBatch, bBatch] = [bBatch, aBatch];
  }
  const up = (x: number, to: number) => Math.ceil(x / to) * to;
  const packedA = recipe.own(4 * Math.min(KC, k) * Math.min(MC, up(m, 4)));
  const packedB = recipe.own(4 * Math.min(KC, k) * Math.min(NC, up(n, 8)));
  const edge = recipe.own(128);
  const way = m > 2 ? 'blocks' : bColumn === 1 ? 'rows' : aColumn === 1 && bRow === 1 ? 'dots' : 'blocks';
  const byRows = m >= n;
  const strips = Math.ceil((byRows ? m : n) / strip);
  const depth = sizes.length === 1 && sizes[0] === 1 ? 0 : sizes.length;
  const params: (number | Place)[] = [aRow * 4, aColumn * 4, bRow * 4, bColumn * 4, m, n, k, packedA, packedB, edge, strips, byRows ? strip : 0, byRows ? 0 : strip,
    ...others.map((x, i) => bytesPer[x.dtype] * otherRows[i]), left, right, c.place, ...others.map((x) => x.place)];
  let step = 4 * sizeOf(sizes) * m * n;
  for (let d = 0; d < depth; d++) params.push(sizes[d], 4 * aBatch[d], 4 * bBatch[d], (step /= sizes[d]), ...others.map((x, i) => bytesPer[x.dtype] * otherBatch[i][d]));
  // A part packs the operand that is not cut anew, which takes as long as multiplying a few columns or rows.
  recipe.step(gemm(engine, depth, way, finish), params, sizeOf(sizes) * strips, { nanoseconds: ((perProduct * k + (finish?.body.cost.wasm ?? 0)) * m * n) / strips, least: Math.min(strips, leastPart / strip) });
}
