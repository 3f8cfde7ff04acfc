/** Matrix products on the wasm backend: which block goes where. */
import { nest } from '../nest.js';
import { planFill } from './copy.js';
import { sizeOf } from '../../shape.js';
import type { Engine } from './engine.js';
import { KC, MC, NC, writeGemm } from './gemm.js';
import type { Kernel, Located, Place, Recipe } from './recipe.js';

/** Rows or columns in a unit: whole tiles. */
const strip = 8;
/** Rows or columns that a thread computes at a time, at least. */
const leastPart = 256;
/** Nanoseconds of a multiplication and an addition. */
const perProduct = 0.045;

interface Matrix { shape: readonly number[]; strides: readonly number[]; place: Place }

const gemm = (engine: Engine, depth: number): Kernel =>
  engine.kernel(`gemm:${depth}`, () => engine.compile((module) => writeGemm(module, engine.relaxed, depth)));

/** a [..., m, k] by b [..., k, n] into the dense c [..., m, n]; leading axes broadcast. */
export function planMatmul(engine: Engine, recipe: Recipe, a: Matrix, b: Matrix, c: Located): void {
  const rank = c.shape.length;
  let [m, n] = [c.shape[rank - 2], c.shape[rank - 1]];
  const k = a.shape[a.shape.length - 1];
  if (sizeOf(c.shape) === 0) return;
  if (k === 0) return planFill(engine, recipe, c, 0);
  const last = (x: Matrix): [number, number] => [x.strides[x.shape.length - 2], x.strides[x.shape.length - 1]];
  let [aRow, aColumn] = last(a);
  let [bRow, bColumn] = last(b);
  const lead = (x: Matrix) => ({ shape: x.shape.slice(0, -2), strides: x.strides.slice(0, -2) });
  const loops = nest(c.shape.slice(0, -2), [lead(a), lead(b)]);
  let [sizes, aBatch, bBatch] = [[...loops.sizes], [...loops.strides[0]], [...loops.strides[1]]];
  // Many matrices by one: their rows are the rows of one tall matrix.
  const inner = sizes.length - 1;
  if (bBatch[inner] === 0 && (m === 1 || aBatch[inner] === m * aRow) && sizes[inner] > 1) {
    if (m === 1) aRow = aBatch[inner];
    m *= sizes[inner];
    [sizes, aBatch, bBatch] = [sizes.slice(0, -1), aBatch.slice(0, -1), bBatch.slice(0, -1)];
  }
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
  const byRows = m >= n;
  const strips = Math.ceil((byRows ? m : n) / strip);
  const depth = sizes.length === 1 && sizes[0] === 1 ? 0 : sizes.length;
  const params: (number | Place)[] = [aRow * 4, aColumn * 4, bRow * 4, bColumn * 4, m, n, k, packedA, packedB, edge, strips, byRows ? strip : 0, byRows ? 0 : strip, left, right, c.place];
  let step = 4 * sizeOf(sizes) * m * n;
  for (let d = 0; d < depth; d++) params.push(sizes[d], 4 * aBatch[d], 4 * bBatch[d], (step /= sizes[d]));
  // A part packs the operand that is not cut anew, which takes as long as multiplying a few columns or rows.
  recipe.step(gemm(engine, depth), params, sizeOf(sizes) * strips, { nanoseconds: (perProduct * m * n * k) / strips, least: Math.min(strips, leastPart / strip) });
}
