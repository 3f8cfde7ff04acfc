/** Slices by index: picking them out, and adding them back in. The indices were checked before. */
import { isContiguous, sizeOf } from '../../shape.js';
import type { Func, Local, Operand, Value } from './assembler.js';
import { copyDense, emitLine, planCopy } from './copy.js';
import type { Engine } from './engine.js';
import { emitSweep, loadPart, readParams, storePart } from './loops.js';
import type { Located, Recipe } from './recipe.js';

const dense = (engine: Engine, recipe: Recipe, x: Located): Located => (isContiguous(x.shape, x.strides) ? x : copyDense(engine, recipe, x));
const around = (shape: readonly number[], axis: number) => [sizeOf(shape.slice(0, axis)), shape[axis], sizeOf(shape.slice(axis + 1))];
/** The index at an address, counted from the start of an axis of size n. */
function emitIndex(f: Func, address: Value, n: Local): Local {
  const at = f.local('i32', f.load('i32.load', address));
  f.if(f.op('i32.lt_s', at, 0), () => f.advance(at, n));
  return at;
}

/** Adds the step that copies slice indices[i] of each [n, inner] block of x to slice i of y's: its units are slices. */
export function planGather(engine: Engine, recipe: Recipe, axis: number, x: Located, indices: Located, y: Located): void {
  const [outer, n, inner] = around(x.shape, axis);
  const m = sizeOf(indices.shape);
  const kernel = engine.kernelOf('gather', (f, block, from, to) => {
    const [x, indices, y, n, m, inner] = readParams(f, block, 6);
    const [unit, o, i] = [f.local('i32'), f.local('i32', f.op('i32.div_u', from, m)), f.local('i32', f.op('i32.rem_u', from, m))];
    const bytes = f.local('i32', f.op('i32.mul', inner, 4));
    const q = f.local('i32', f.op('i32.add', y, f.op('i32.mul', from, bytes)));
    f.each(unit, from, to, 1, () => {
      const at = emitIndex(f, f.op('i32.add', indices, f.op('i32.mul', i, 4)), n);
      const p = f.local('i32', f.op('i32.add', x, f.op('i32.mul', f.op('i32.add', f.op('i32.mul', o, n), at), bytes)));
      emitLine(f, p, q, inner, 4);
      f.advance(q, bytes);
      f.advance(i, 1);
      f.if(f.op('i32.eq', i, m), () => { f.set(i, 0); f.advance(o, 1); });
    });
  });
  const params = [dense(engine, recipe, x).place, dense(engine, recipe, indices).place, y.place, n, m, inner];
  recipe.step(kernel, params, outer * m, { chunk: Math.max(1, Math.floor(65536 / Math.max(1, inner))), nanoseconds: 0.3 * inner });
}

/** Columns of a slice that one unit adds up, over all indices and in their order. */
const strip = 256;

/** Adds the steps that copy x to y and add slice i of the updates' [m, inner] blocks to slice indices[i] of y's [n, inner] ones: units are strips of columns. */
export function planScatterAdd(engine: Engine, recipe: Recipe, axis: number, x: Located, indices: Located, updates: Located, y: Located): void {
  const [outer, n, inner] = around(x.shape, axis);
  const m = sizeOf(indices.shape);
  planCopy(engine, recipe, x, y);
  const { dtype } = y;
  const kernel = engine.kernelOf(`scatterAdd:${dtype}`, (f, block, from, to) => {
    const [y, indices, updates, n, m, inner, strips] = readParams(f, block, 7);
    const [unit, i, first, width] = Array.from({ length: 4 }, () => f.local('i32'));
    const times = (a: Operand, b: Operand) => f.op('i32.mul', a, b);
    f.each(unit, from, to, 1, () => {
      const o = f.local('i32', f.op('i32.div_u', unit, strips));
      f.set(first, times(f.op('i32.rem_u', unit, strips), strip));
      f.set(width, f.op('i32.sub', inner, first));
      f.if(f.op('i32.gt_u', width, strip), () => f.set(width, strip));
      f.each(i, 0, m, 1, () => {
        const at = emitIndex(f, f.op('i32.add', indices, times(i, 4)), n);
        const pointer = (base: Local, size: Local, row: Local) => f.local('i32', f.op('i32.add', base, times(f.op('i32.add', times(f.op('i32.add', times(o, size), row), inner), first), 4)));
        const [p, q] = [pointer(updates, m, i), pointer(y, n, at)];
        const sum = (a: Value, b: Value) => f.op(dtype === 'float32' ? 'f32x4.add' : 'i32x4.add', a, b);
        emitSweep(f, f.local('i32', width), [[p, 4], [q, 4]], 4, (vectors, rest) => {
          for (let u = 0; u < vectors; u++) storePart(f, dtype, q, sum(loadPart(f, dtype, q, u, rest), loadPart(f, dtype, p, u, rest)), u, rest);
        });
      });
    });
  });
  const strips = Math.ceil(inner / strip);
  recipe.step(kernel, [y.place, dense(engine, recipe, indices).place, dense(engine, recipe, updates).place, n, m, inner, strips], m ? outer * strips : 0, { nanoseconds: 0.5 * m * Math.min(inner, strip) });
}
