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
function groupsOf(x: Located, axes: readonly number[]): Group[] {
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
function singleStep(groups: readonly Group[]): Middle | null {
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

function addStep(engine: Engine, recipe: Recipe, kind: Fold, { outer, outerStride, middle, middleStride, inner }: Middle, from: Place, to: Place): void {
  const rows = inner === 1 && middleStride === 1;
  const kernel: Kernel = engine.kernel(`reduce:${kind}:${rows ? 'rows' : 'columns'}`, () => engine.compile((module) => (rows ? writeRows : writeColumns)(module, kind)));
  recipe.step(kernel, [from, 4 * outerStride, middle, 4 * middleStride, inner, to], outer);
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
export function emitRowFold(f: Func, kind: Fold, p: Local, n: Local): Value {
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

/** out[i, c] = fold_r x[i outerStride + r middleStride + c]: columns in strips of 32 kept in registers. */
function writeColumns(module: Module, kind: Fold): void {
  const strip = (vectors: number) => module.func(['i32', 'i32', 'i32', 'i32', 'i32'], [], (f, x, n, stride, out, lanes) => {
    const start = f.f32x4(neutral[kind]);
    const [acc, total] = [0, 1].map(() => Array.from({ length: vectors }, () => f.local('v128', start)));
    const [left, count, p] = [f.local('i32', n), f.local('i32'), f.local('i32', x)];
    f.while(left, () => {
      f.set(count, f.op('select', left, blockRows, f.op('i32.lt_u', left, blockRows)));
      f.set(left, f.op('i32.sub', left, count));
      acc.forEach((v) => f.set(v, start));
      f.repeat(() => {
        acc.forEach((v, i) => f.set(v, combine(f, kind, v, f.load('v128.load', p, 16 * i))));
        f.advance(p, stride);
        f.set(count, f.op('i32.sub', count, 1));
      }, count);
      acc.forEach((v, i) => f.set(total[i], combine(f, kind, total[i], v)));
    });
    if (vectors > 1) return total.forEach((v, i) => f.store('v128.store', out, v, 16 * i));
    f.if(f.op('i32.ge_u', lanes, 4), () => f.store('v128.store', out, total[0]), () => {
      for (let s = 0; s < 3; s++) f.if(f.op('i32.gt_u', lanes, s), () => f.store('v128.store32_lane', out, total[0], 4 * s, s));
    });
  });
  const [wide, narrow] = [strip(8), strip(1)];
  module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => {
    const [x, outerStride, n, stride, inner, out] = [0, 1, 2, 3, 4, 5].map((i) => f.local('i32', param(f, block, i)));
    const [i, p, q, left] = [f.local('i32', from), f.local('i32'), f.local('i32'), f.local('i32')];
    f.while(f.op('i32.lt_u', i, to), () => {
      f.set(p, f.op('i32.add', x, f.op('i32.mul', i, outerStride)));
      f.set(q, f.op('i32.add', out, f.op('i32.mul', i, f.op('i32.mul', inner, 4))));
      f.set(left, inner);
      f.while(f.op('i32.ge_u', left, 32), () => {
        f.run(f.call(wide, p, n, stride, q, 32));
        f.advance(p, 128);
        f.advance(q, 128);
        f.set(left, f.op('i32.sub', left, 32));
      });
      f.while(left, () => {
        f.run(f.call(narrow, p, n, stride, q, left));
        f.advance(p, 16);
        f.advance(q, 16);
        f.set(left, f.op('select', f.op('i32.sub', left, 4), 0, f.op('i32.gt_u', left, 4)));
      });
      f.advance(i, 1);
    });
  }, 'run');
}

export const reduces = (kind: string): kind is Fold => kind === 'sum' || kind === 'max' || kind === 'min';
