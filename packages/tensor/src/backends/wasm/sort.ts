/** Where the elements of rows lie in order: a radix sort of keys that compare as whole numbers, digit by digit, equal ones by their place. */
import { contiguousStrides, isContiguous, sizeOf } from '../../shape.js';
import type { SortParams } from '../js/sort.js';
import type { Func, Local, Operand, Value } from './assembler.js';
import { copyDense, planCopy } from './copy.js';
import type { Engine } from './engine.js';
import { readParams } from './loops.js';
import type { Located, Recipe } from './recipe.js';

/** Shorter rows are sorted sooner by comparing. */
const shortest = 48;
const digits = 256;

/** Adds the step that writes places into the dense int32 `to`; false for short rows. All rows share the scratch, so they are one unit. */
export function planSort(engine: Engine, recipe: Recipe, { axis, descending }: SortParams, x: Located, to: Located): boolean {
  const { dtype } = x;
  const n = x.shape[axis];
  if (n < shortest) return false;
  /** The axis last. */
  const turned = (v: Located): Located => {
    const last = <T>(list: readonly T[]): T[] => [...list.filter((_, i) => i !== axis), list[axis]];
    return { ...v, shape: last(v.shape), strides: last(v.strides) };
  };
  const [from, into] = [turned(x), turned(to)];
  const direct = isContiguous(into.shape, into.strides);
  const rows = isContiguous(from.shape, from.strides) ? from : copyDense(engine, recipe, from);
  const places = direct ? into : { ...into, strides: contiguousStrides(into.shape), place: recipe.room(4 * sizeOf(into.shape)) };
  const kernel = engine.kernelOf(`sort:${dtype}:${descending}`, (f, block) => {
    const [x, y, n, rows, ...rooms] = readParams(f, block, 9);
    const bytes = f.local('i32', f.op('i32.shl', n, 2));
    f.while(rows, () => {
      emitSort(f, x, y, n, rooms, (p) => emitKey(f, p, dtype === 'int32', descending));
      f.advance(x, bytes);
      f.advance(y, bytes);
      f.set(rows, f.op('i32.sub', rows, 1));
    });
  });
  const rooms = [4 * n, 4 * n, 4 * n, 4 * n, 4 * 4 * digits].map((size) => recipe.room(size));
  recipe.step(kernel, [rows.place, places.place, n, sizeOf(rows.shape) / n, ...rooms], 1);
  if (!direct) planCopy(engine, recipe, places, into);
  return true;
}

/** The element at p as a word whose order, without sign, is the one wanted: both zeros are one, NaN is last. */
function emitKey(f: Func, p: Local, whole: boolean, descending: boolean): Local {
  const top = -2147483648;
  const key = f.local('i32', f.load('i32.load', p));
  if (whole) f.set(key, f.op('i32.xor', key, top));
  else {
    f.set(key, f.op('i32.reinterpret_f32', f.op('f32.add', f.load('f32.load', p), f.f32(0))));
    f.set(key, f.op('i32.xor', key, f.op('i32.or', f.op('i32.shr_s', key, 31), top)));
  }
  if (descending) f.set(key, f.op('i32.xor', key, -1));
  if (!whole) f.if(f.op('f32.ne', f.load('f32.load', p), f.load('f32.load', p)), () => f.set(key, -1));
  return key;
}

/** One row of n elements: keys and places go from one pair of rooms to the other for each digit, the lowest first. */
function emitSort(f: Func, x: Local, y: Local, n: Local, [keys0, places0, keys1, places1, counts]: readonly Local[], keyAt: (p: Local) => Local): void {
  const [keys, places, otherKeys, otherPlaces] = [keys0, places0, keys1, places1].map((room) => f.local('i32', room));
  const [i, p, total, swap] = Array.from({ length: 4 }, () => f.local('i32'));
  const word = (base: Operand, index: Value) => f.op('i32.add', base, f.op('i32.shl', index, 2));
  const each = (end: Operand, body: () => void) => {
    f.each(i, 0, end, 1, body);
  };
  const digit = (key: Value, d: number) => f.op('i32.and', f.op('i32.shr_u', key, 8 * d), digits - 1);
  const count = (key: Value, d: number): Local => f.local('i32', word(f.op('i32.add', counts, 4 * digits * d), digit(key, d)));
  each(4 * digits, () => f.store('i32.store', word(counts, i), 0));
  f.set(p, x);
  each(n, () => {
    const key = keyAt(p);
    f.store('i32.store', word(keys, i), key);
    f.store('i32.store', word(places, i), i);
    for (let d = 0; d < 4; d++) {
      const at = count(key, d);
      f.store('i32.store', at, f.op('i32.add', f.load('i32.load', at), 1));
    }
    f.advance(p, 4);
  });
  for (let d = 0; d < 4; d++) {
    // Where all keys have one digit, they are in order already.
    f.if(f.op('i32.ne', f.load('i32.load', count(f.load('i32.load', keys), d)), n), () => {
      f.set(total, 0);
      each(digits, () => {
        const at = f.local('i32', word(f.op('i32.add', counts, 4 * digits * d), i));
        f.set(swap, f.load('i32.load', at));
        f.store('i32.store', at, total);
        f.advance(total, swap);
      });
      each(n, () => {
        const key = f.local('i32', f.load('i32.load', word(keys, i)));
        const at = count(key, d);
        const to = f.local('i32', f.load('i32.load', at));
        f.store('i32.store', at, f.op('i32.add', to, 1));
        f.store('i32.store', word(otherKeys, to), key);
        f.store('i32.store', word(otherPlaces, to), f.load('i32.load', word(places, i)));
      });
      for (const [a, b] of [[keys, otherKeys], [places, otherPlaces]]) {
        f.set(swap, a);
        f.set(a, b);
        f.set(b, swap);
      }
    });
  }
  f.copy(y, places, f.op('i32.shl', n, 2));
}
