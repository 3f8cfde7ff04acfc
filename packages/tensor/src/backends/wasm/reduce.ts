/** Sums, maxima and minima of float32 over any axes: each step reduces the middle of [outer, middle, inner]. */
import { contiguousStrides, isContiguous, sizeOf } from '../../shape.js';
import type { Func, Local, Module, Value } from './assembler.js';
import { copyDense, planCopy } from './copy.js';
import type { Engine } from './engine.js';
import { param } from './loops.js';
import type { Kernel, Located, Place, Recipe } from './recipe.js';

export type Fold = 'sum' | 'max' | 'min';

const combine = (f: Func, kind: Fold, a: Value, b: Value): Value => f.op(kind === 'sum' ? 'f32x4.add' : `f32x4.${kind}`, a, b);
const neutral: Record<Fold, number> = { sum: 0, max: -Infinity, min: Infinity };

interface Group { size: number; stride: number; reduced: boolean }

/** The axes of `x`, neighbours of one kind that are walked as one being merged; axes of size 1 vanish. */
export function groupsOf(x: Located, axes: readonly number[]): Group[] {
  const groups: Group[] = [];
  x.shape.forEach((size, i) => {
    if (size === 1) return;
    const reduced = axes.includes(i);
    const last = groups[groups.length - 1];
    if (last && last.reduced === reduced && last.stride === size * x.strides[i]) {
      last.size *= size;
      last.stride = x.strides[i];
    } else groups.push({ size, stride: x.strides[i], reduced });
  });
  return groups;
}

/** Adds the steps that reduce `given` over `axes` into the dense `to`; nothing is empty. */
export function planReduce(engine: Engine, recipe: Recipe, kind: Fold, given: Located, axes: readonly number[], to: Located): void {
  let x = given;
  let groups = groupsOf(x, axes);
  if (!groups.some((g) => g.reduced)) return planCopy(engine, recipe, x, { ...to, shape: x.shape, strides: contiguousStrides(x.shape) });
  const simple = singleStep(groups);
  if (simple) return addStep(engine, recipe, kind, simple, x.place, to.place);
  if (!isContiguous(x.shape, x.strides)) {
    x = copyDense(engine, recipe, x);
    groups = groupsOf(x, axes);
  }
  // Dense from here on, one reduced group at a time, the innermost first.
  let place = x.place;
  const sizes = (list: readonly Group[]) => sizeOf(list.map((g) => g.size));
  for (;;) {
    const at = groups.map((g) => g.reduced).lastIndexOf(true);
    if (at < 0) break;
    const [before, group, after] = [groups.slice(0, at), groups[at], groups.slice(at + 1)];
    const [outer, inner] = [sizes(before), sizes(after)];
    const final = !before.some((g) => g.reduced);
    const target = final ? to.place : recipe.room(4 * outer * inner);
    addStep(engine, recipe, kind, { outer, outerStride: group.size * inner, middle: group.size, middleStride: inner, inner }, place, target);
    place = target;
    groups = [...before, ...after];
  }
}

interface Middle { outer: number; outerStride: number; middle: number; middleStride: number; inner: number }

/** The one step that does it, from the strides as they are; null where there is none. */
export function singleStep(groups: readonly Group[]): Middle | null {
  const reduced = groups.filter((g) => g.reduced);
  const kept = groups.filter((g) => !g.reduced);
  if (reduced.length > 1 || kept.length > 2) return null;
  const { size: middle, stride: middleStride } = reduced[0];
  const last = kept[kept.length - 1];
  if (middleStride === 1 || !last) {
    if (kept.length > 1 || (middleStride !== 1 && middle > 1)) return null;
    return { outer: last?.size ?? 1, outerStride: last?.stride ?? 0, middle, middleStride: 1, inner: 1 };
  }
  if (last.stride !== 1) return null;
  const first = kept.length === 2 ? kept[0] : { size: 1, stride: 0 };
  return { outer: first.size, outerStride: first.stride, middle, middleStride, inner: last.size };
}

/** A reduction longer than this is cut into pieces of this length, whose results are reduced in turn: so errors stay small. */
const piece = 1 << 14;
/** Columns in a unit, where that divides them; more than 64, below which sums are taken in another order. */
const columnStrip = 128;

function addStep(engine: Engine, recipe: Recipe, kind: Fold, step: Middle, from: Place, to: Place, least = 1): void {
  const { outer, outerStride, middle, middleStride, inner } = step;
  const rows = inner === 1 && middleStride === 1;
  if (outer === 1 && middle > piece) {
    const pieces = Math.floor(middle / piece);
    const rest = middle - pieces * piece;
    const parts = recipe.room(4 * inner * (pieces + 1));
    addStep(engine, recipe, kind, { ...step, outer: pieces, outerStride: piece * middleStride, middle: piece }, from, parts);
    if (rest) addStep(engine, recipe, kind, { ...step, middle: rest }, from.plus(4 * pieces * piece * middleStride), parts.plus(4 * pieces * inner));
    const last = { outer, outerStride: 0, middle: pieces + (rest ? 1 : 0), middleStride: rows ? 1 : inner, inner };
    return addStep(engine, recipe, kind, last, parts, to);
  }
  if (outer === 1 && inner > columnStrip && inner % columnStrip === 0) { // strips of columns are units that threads can share
    return addStep(engine, recipe, kind, { outer: inner / columnStrip, outerStride: columnStrip, middle, middleStride, inner: columnStrip }, from, to, 4);
  }
  const kernel: Kernel = engine.kernel(`reduce:${kind}:${rows ? 'rows' : 'columns'}`, () => engine.compile((module) => (rows ? writeRows : writeColumns)(module, kind)));
  recipe.step(kernel, [from, 4 * outerStride, middle, 4 * middleStride, inner, to], outer, { nanoseconds: 0.15 * middle * inner, least });
}

/** Elements that are added up before the sum joins the other sums: error grows with this and with their number, not with the product. */
const blockRows = 64;

/** out[i] = fold_r x[i outerStride + r]: eight accumulators of four lanes, joined in a fixed order. */
function writeRows(module: Module, kind: Fold): void {
  const row = module.func(['i32', 'i32'], ['f32'], (f, p, n) => f.run(emitRowFold(f, kind, p, n)));
  module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => {
    const [x, stride, n, out] = [0, 1, 2, 5].map((i) => f.local('i32', param(f, block, i)));
    const p = f.local('i32', f.op('i32.add', x, f.op('i32.mul', from, stride)));
    const q = f.local('i32', f.op('i32.add', out, f.op('i32.mul', from, 4)));
    const end = f.local('i32', f.op('i32.add', out, f.op('i32.mul', to, 4)));
    f.while(f.op('i32.ne', q, end), () => {
      f.store('f32.store', q, f.call(row, p, n));
      f.advance(p, stride);
      f.advance(q, 4);
    });
  }, 'run');
}

/** The fold of n dense elements from p on. */
function emitRowFold(f: Func, kind: Fold, p: Local, n: Local): Value {
  const start = f.f32x4(neutral[kind]);
  const acc = Array.from({ length: 8 }, () => f.local('v128', start));
  const total = f.local('v128', start);
  const join = (list: Local[]): Local => {
    while (list.length > 1) list = Array.from({ length: list.length / 2 }, (_, i) => f.local('v128', combine(f, kind, list[2 * i], list[2 * i + 1])));
    return list[0];
  };
  const left = f.local('i32', n);
  const count = f.local('i32');
  f.while(f.op('i32.ge_u', left, 32), () => {
    // A block of at most blockRows times 32 elements: long rows are sums of such sums.
    f.set(count, f.op('i32.shr_u', left, 5));
    f.if(f.op('i32.gt_u', count, blockRows), () => f.set(count, blockRows));
    f.set(left, f.op('i32.sub', left, f.op('i32.shl', count, 5)));
    acc.forEach((v) => f.set(v, start));
    f.repeat(() => {
      acc.forEach((v, i) => f.set(v, combine(f, kind, v, f.load('v128.load', p, 16 * i))));
      f.advance(p, 128);
      f.set(count, f.op('i32.sub', count, 1));
    }, count);
    f.set(total, combine(f, kind, total, join(acc)));
  });
  f.set(acc[0], start);
  f.while(f.op('i32.ge_u', left, 4), () => {
    f.set(acc[0], combine(f, kind, acc[0], f.load('v128.load', p)));
    f.advance(p, 16);
    f.set(left, f.op('i32.sub', left, 4));
  });
  f.set(total, combine(f, kind, total, acc[0]));
  const tail = f.local('v128', start);
  f.while(left, () => {
    f.set(tail, combine(f, kind, tail, f.load('v128.load32_splat', p)));
    f.advance(p, 4);
    f.set(left, f.op('i32.sub', left, 1));
  });
  f.set(total, combine(f, kind, total, f.local('v128', f.shuffle([2, 3, 0, 1], total, total))));
  f.set(total, combine(f, kind, total, f.local('v128', f.shuffle([1, 0, 3, 2], total, total))));
  return f.lane('f32x4.extract_lane', 0, combine(f, kind, total, tail));
}

/** Rows that go into one register sum before it joins the output: enough streams for the memory, not too many for the cache. */
const band = 16;

/** out[i, c] = fold_r x[i outerStride + r middleStride + c]: bands of rows side by side, so that memory is read in sequence. */
function writeColumns(module: Module, kind: Fold): void {
  const start = (f: Func) => f.f32x4(neutral[kind]);
  /** Folds `rows` rows of `n` columns into out; `first`: out holds nothing yet. */
  const fold = module.func(['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], [], (f, x, rows, stride, out, n, first) => {
    const [p, left, count] = [f.local('i32'), f.local('i32', n), f.local('i32')];
    const columns = (vectors: number, put: (i: number, v: Value) => void): void => {
      const acc = Array.from({ length: vectors }, () => f.local('v128', start(f)));
      f.set(p, x);
      f.set(count, rows);
      f.repeat(() => {
        acc.forEach((v, i) => f.set(v, combine(f, kind, v, f.load('v128.load', p, 16 * i))));
        f.advance(p, stride);
        f.set(count, f.op('i32.sub', count, 1));
      }, count);
      f.if(f.op('i32.eqz', first), () => acc.forEach((v, i) => f.set(v, combine(f, kind, f.load('v128.load', out, 16 * i), v))));
      acc.forEach((v, i) => put(i, v));
      f.advance(x, 16 * vectors);
      f.advance(out, 16 * vectors);
    };
    for (const vectors of [4, 1]) {
      f.while(f.op('i32.ge_u', left, 4 * vectors), () => {
        columns(vectors, (i, v) => f.store('v128.store', out, v, 16 * i));
        f.set(left, f.op('i32.sub', left, 4 * vectors));
      });
    }
    f.if(left, () => columns(1, (_, v) => {
      for (let s = 0; s < 3; s++) f.if(f.op('i32.gt_u', left, s), () => f.store('v128.store32_lane', out, v, 4 * s, s));
    }));
  });
  module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => {
    const [x, outerStride, n, stride, inner, out] = [0, 1, 2, 3, 4, 5].map((i) => f.local('i32', param(f, block, i)));
    const [i, p, q, r, rows, size] = Array.from({ length: 6 }, () => f.local('i32'));
    // Few columns stay in registers over a longer band, which saves the walk through the output.
    f.set(size, f.op('select', blockRows, band, f.op('i32.le_u', inner, 64)));
    // Units side by side, strips of the same rows, are one wide unit.
    const side = f.local('i32', f.op('i32.eq', outerStride, f.op('i32.mul', inner, 4)));
    f.set(i, from);
    f.while(f.op('i32.lt_u', i, to), () => {
      f.set(p, f.op('i32.add', x, f.op('i32.mul', i, outerStride)));
      f.set(q, f.op('i32.add', out, f.op('i32.mul', i, f.op('i32.mul', inner, 4))));
      f.if(side, () => { f.set(inner, f.op('i32.mul', inner, f.op('i32.sub', to, from))); f.set(i, to); });
      f.set(r, 0);
      f.while(f.op('i32.lt_u', r, n), () => {
        f.set(rows, f.op('i32.sub', n, r));
        f.if(f.op('i32.gt_u', rows, size), () => f.set(rows, size));
        f.run(f.call(fold, p, rows, stride, q, inner, f.op('i32.eqz', r)));
        f.advance(p, f.op('i32.mul', rows, stride));
        f.advance(r, rows);
      });
      f.advance(i, 1);
    });
  }, 'run');
}

export const reduces = (kind: string): kind is Fold => kind === 'sum' || kind === 'max' || kind === 'min';
