/** Copies of strided data, blocked where two axes are swapped; filling with one number. */
import { bytesPer } from '../../dtype.js';
import { contiguousStrides, sizeOf } from '../../shape.js';
import { nest } from '../nest.js';
import type { Func, Local } from './assembler.js';
import type { Engine } from './engine.js';
import { emitRows, readParams } from './loops.js';
import type { Located, Place, Recipe } from './recipe.js';

/** Columns of a matrix that is transposed in one unit, where that divides them. */
const swapStrip = 64;

/** A dense copy of `x` in the scratch. */
export function copyDense(engine: Engine, recipe: Recipe, x: Located): Located {
  const to: Located = { shape: x.shape, strides: contiguousStrides(x.shape), dtype: x.dtype, place: recipe.room(sizeOf(x.shape) * bytesPer[x.dtype]) };
  planCopy(engine, recipe, x, to);
  return to;
}

/** Copies of one operand after another along an axis of the dense `to`. */
export function planConcat(engine: Engine, recipe: Recipe, from: readonly Located[], axis: number, to: Located): void {
  const step = to.strides[axis] * bytesPer[to.dtype];
  let at = 0;
  for (const x of from) {
    planCopy(engine, recipe, x, { ...to, shape: x.shape, place: to.place.plus(at * step) });
    at += x.shape[axis];
  }
}

/** `bits`, a 32-bit word, everywhere in the dense `to`. */
export function planFill(engine: Engine, recipe: Recipe, to: Located, bits: number): void {
  const kernel = engine.kernelOf('fill', (f, block, from, end) => {
    const [start, word] = readParams(f, block, 2);
    const [p, last] = [from, end].map((index) => f.local('i32', f.op('i32.add', start, f.op('i32.mul', index, 4))));
    const four = f.local('v128', f.op('i32x4.splat', word));
    f.while(f.op('i32.ge_u', f.op('i32.sub', last, p), 16), () => { f.store('v128.store', p, four); f.advance(p, 16); });
    f.while(f.op('i32.ne', p, last), () => { f.store('i32.store', p, word); f.advance(p, 4); });
  });
  recipe.step(kernel, [to.place, bits], sizeOf(to.shape), { nanoseconds: 0.15 });
}

export function planCopy(engine: Engine, recipe: Recipe, from: Located, to: Located): void {
  if (sizeOf(to.shape) === 0) return;
  const bytes = bytesPer[to.dtype];
  const { sizes, strides: [source, target] } = nest(to.shape, [from, to]);
  const last = sizes.length - 1;
  const order = sizes.map((_, i) => i);
  // A transpose: the axis that is dense in the source becomes the innermost but one, so that both can be walked in blocks.
  const dense = source.indexOf(1);
  const blocked = bytes === 4 && dense >= 0 && dense < last && source[last] !== 0 && target[last] === 1;
  if (blocked) order.splice(last - 1, 0, order.splice(dense, 1)[0]);
  const inner = order.splice(order.length - (blocked ? 2 : 1));
  const loops = order.map((axis) => [sizes[axis], source[axis] * bytes, target[axis] * bytes]);
  let n = sizes[inner[0]];
  if (blocked && loops.length === 0 && n % swapStrip === 0) { // strips of a single matrix, as units that threads can share
    loops.push([n / swapStrip, 4 * swapStrip, 4 * swapStrip * target[dense]]);
    n = swapStrip;
  }
  const kind = blocked ? 'swap' : source[last] === 1 && target[last] === 1 ? 'line' : 'gather';
  const kernel = engine.kernelOf(`copy:${kind}:${bytes}:${loops.length}`, (f, block, from, to) => {
    const [n, m, step, jump] = readParams(f, block, 4);
    emitRows(f, block, from, to, 4, 2, loops.length, ([x, y]) => {
      if (kind === 'swap') emitSwap(f, x, y, n, m, step, jump);
      else if (kind === 'line') emitLine(f, x, y, n, bytes);
      else emitGather(f, x, y, n, m, jump, bytes);
    });
  });
  const params: (number | Place)[] = blocked ? [n, sizes[last], source[last] * 4, target[dense] * 4] : [n, source[last] * bytes, 0, target[last] * bytes];
  const count = sizeOf(loops.map(([size]) => size));
  recipe.step(kernel, [...params, from.place, to.place, ...loops.flat()], count, { nanoseconds: (sizeOf(to.shape) / count) * (kind === 'line' ? 0.3 : 0.7) });
}

export function emitLine(f: Func, x: Local, y: Local, n: Local, bytes: number): void {
  const size = f.local('i32', f.op('i32.mul', n, bytes));
  // The bulk instruction calls into the engine, which costs more than copying a short line does.
  f.if(f.op('i32.ge_u', size, 256), () => f.copy(y, x, size), () => {
    const [p, q, end] = [f.local('i32', x), f.local('i32', y), f.local('i32', f.op('i32.add', x, size))];
    const last = f.local('i32', f.op('i32.sub', end, 15));
    const move = (load: 'v128.load' | 'i32.load' | 'i32.load8_u', store: 'v128.store' | 'i32.store' | 'i32.store8', width: number): void => {
      f.store(store, q, f.load(load, p));
      f.advance(p, width);
      f.advance(q, width);
    };
    f.while(f.op('i32.lt_u', p, last), () => move('v128.load', 'v128.store', 16));
    f.while(f.op('i32.ne', p, end), () => (bytes === 4 ? move('i32.load', 'i32.store', 4) : move('i32.load8_u', 'i32.store8', 1)));
  });
}

function emitGather(f: Func, x: Local, y: Local, n: Local, stride: Local, jump: Local, bytes: number): void {
  const [p, q, left] = [f.local('i32', x), f.local('i32', y), f.local('i32', n)];
  f.repeat(() => {
    if (bytes === 4) f.store('i32.store', q, f.load('i32.load', p));
    else f.store('i32.store8', q, f.load('i32.load8_u', p));
    f.advance(p, stride);
    f.advance(q, jump);
    f.set(left, f.op('i32.sub', left, 1));
  }, left);
}

/** y[i jump + 4 j] = x[4 i + j step] for i < n, j < m: in strips of 8 i, 4 by 4 elements at a time. */
function emitSwap(f: Func, x: Local, y: Local, n: Local, m: Local, step: Local, jump: Local): void {
  const [i, j, width] = [f.local('i32', 0), f.local('i32'), f.local('i32')];
  const [p, q, k] = [f.local('i32'), f.local('i32'), f.local('i32')];
  const at = (base: Local, index: Local, by: Local | number) => f.op('i32.add', base, f.op('i32.mul', index, by));
  const n4 = f.local('i32', f.op('i32.and', n, -4));
  const m4 = f.local('i32', f.op('i32.and', m, -4));
  const single = (): void => f.store('i32.store', f.op('i32.add', at(y, k, jump), f.op('i32.mul', j, 4)), f.load('i32.load', f.op('i32.add', at(x, k, 4), f.op('i32.mul', j, step))));
  f.while(f.op('i32.lt_u', i, n4), () => {
    f.set(width, f.op('i32.sub', n4, i));
    f.if(f.op('i32.gt_u', width, 8), () => f.set(width, 8));
    f.each(j, 0, m4, 4, () => {
      f.each(k, 0, width, 4, () => {
        const row = f.local('i32', f.op('i32.add', i, k));
        f.set(p, f.op('i32.add', at(x, row, 4), f.op('i32.mul', j, step)));
        f.set(q, f.op('i32.add', at(y, row, jump), f.op('i32.mul', j, 4)));
        const v = [0, 1, 2, 3].map((t) => { const r = f.local('v128', f.load('v128.load', p)); if (t < 3) f.advance(p, step); return r; });
        transpose4(f, v).forEach((r, t) => { f.store('v128.store', q, r); if (t < 3) f.advance(q, jump); });
      });
    });
    f.while(f.op('i32.lt_u', j, m), () => {
      f.set(k, i);
      const end = f.local('i32', f.op('i32.add', i, width));
      f.while(f.op('i32.lt_u', k, end), () => { single(); f.advance(k, 1); });
      f.advance(j, 1);
    });
    f.advance(i, width);
  });
  f.each(k, n4, n, 1, () => {
    f.each(j, 0, m, 1, single);
  });
}

/** The columns of a 4x4 matrix given by rows. */
export function transpose4(f: Func, [a, b, c, d]: readonly Local[]): Local[] {
  const keep = (lanes: number[], x: Local, y: Local) => f.local('v128', f.shuffle(lanes, x, y));
  const [ab0, ab1, cd0, cd1] = [keep([0, 4, 1, 5], a, b), keep([2, 6, 3, 7], a, b), keep([0, 4, 1, 5], c, d), keep([2, 6, 3, 7], c, d)];
  return [keep([0, 1, 4, 5], ab0, cd0), keep([2, 3, 6, 7], ab0, cd0), keep([0, 1, 4, 5], ab1, cd1), keep([2, 3, 6, 7], ab1, cd1)];
}
