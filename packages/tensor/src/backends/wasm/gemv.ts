/** Code of products of a row and a matrix, and the arithmetic that all products share. */
import type { Func, Local, Module, Operand, Value } from './assembler.js';
import { transpose4 } from './copy.js';
import { multiplyAdd } from './math.js';

export const min = (f: Func, a: Value, b: Operand): Value => f.op('select', a, b, f.op('i32.lt_u', a, b));
export const product = (f: Func, a: Operand, b: Operand): Value => f.op('i32.mul', a, b);
export const sum = (f: Func, a: Operand, b: Operand): Value => f.op('i32.add', a, b);
export const minus = (f: Func, a: Operand, b: Operand): Value => f.op('i32.sub', a, b);

/** acc = acc + a b. */
export const accumulate = (f: Func, relaxed: boolean, acc: Local, a: Value, b: Value): void => f.set(acc, multiplyAdd(f, relaxed, a, b, acc));

/** Columns that the vector product takes at once, as vectors. */
const wide = 8;

/** One row of A by a B whose rows are dense: c[j] = sum_k a[k] b[k][j], the columns in blocks held in registers. */
export function writeRowProduct(module: Module, relaxed: boolean): number {
  return module.func(['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], [], (f, a, aStep, b, bRow, c, n, k) => {
    const [ap, bp, left, count] = [f.local('i32'), f.local('i32'), f.local('i32', n), f.local('i32')];
    const acc = Array.from({ length: wide }, () => f.local('v128'));
    const columns = (vectors: number, store: () => void): void => {
      const used = acc.slice(0, vectors);
      for (const v of used) f.set(v, f.vector(new Float32Array(4)));
      f.set(ap, a);
      f.set(bp, b);
      f.set(count, k);
      f.repeat(() => {
        const x = f.local('v128', f.load('v128.load32_splat', ap));
        used.forEach((v, s) => accumulate(f, relaxed, v, x, f.load('v128.load', bp, 16 * s)));
        f.advance(ap, aStep);
        f.advance(bp, bRow);
        f.set(count, minus(f, count, 1));
      }, count);
      store();
      f.advance(b, 16 * vectors);
      f.advance(c, 16 * vectors);
    };
    for (const vectors of [wide, 2, 1]) {
      f.while(f.op('i32.ge_u', left, 4 * vectors), () => {
        columns(vectors, () => acc.slice(0, vectors).forEach((v, s) => f.store('v128.store', c, v, 16 * s)));
        f.set(left, minus(f, left, 4 * vectors));
      });
    }
    f.if(left, () => columns(1, () => {
      for (let s = 0; s < 3; s++) f.if(f.op('i32.gt_u', left, s), () => f.store('v128.store32_lane', c, acc[0], 4 * s, s));
    }));
  });
}

/** One dense row of A by a B whose columns are dense: four dot products at a time. */
export function writeDotProduct(module: Module, relaxed: boolean): number {
  return module.func(['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], [], (f, a, b, bColumn, c, n, k) => {
    const [i, j, ap] = [f.local('i32'), f.local('i32', 0), f.local('i32')];
    const k4 = f.local('i32', f.op('i32.and', k, -4));
    const columns = [0, 1, 2, 3].map(() => f.local('i32'));
    const acc = [0, 1, 2, 3].map(() => [f.local('v128'), f.local('v128')]);
    const k8 = f.local('i32', f.op('i32.and', k, -8));
    f.while(f.op('i32.lt_u', j, n), () => {
      columns.forEach((p, s) => f.set(p, sum(f, b, product(f, bColumn, min(f, minus(f, n, 1), sum(f, j, s))))));
      for (const pair of acc) for (const v of pair) f.set(v, f.vector(new Float32Array(4)));
      f.set(ap, a);
      const vectors = (count: number): void => {
        for (let u = 0; u < count; u++) {
          const x = f.local('v128', f.load('v128.load', ap, 16 * u));
          columns.forEach((p, s) => accumulate(f, relaxed, acc[s][u], x, f.load('v128.load', p, 16 * u)));
        }
        f.advance(ap, 16 * count);
        columns.forEach((p) => f.advance(p, 16 * count));
        f.advance(i, 4 * count);
      };
      f.set(i, 0);
      f.while(f.op('i32.lt_u', i, k8), () => vectors(2));
      f.if(f.op('i32.lt_u', i, k4), () => vectors(1));
      const folded = transpose4(f, acc.map(([u, v]) => f.local('v128', f.op('f32x4.add', u, v))));
      const result = f.local('v128', f.op('f32x4.add', f.op('f32x4.add', folded[0], folded[1]), f.op('f32x4.add', folded[2], folded[3])));
      f.while(f.op('i32.lt_u', i, k), () => {
        const right = f.local('v128', f.load('v128.load32_zero', columns[0]));
        for (let s = 1; s < 4; s++) f.set(right, f.loadLane('v128.load32_lane', s, columns[s], right));
        accumulate(f, relaxed, result, f.load('v128.load32_splat', ap), right);
        [ap, ...columns].forEach((p) => f.advance(p, 4));
        f.advance(i, 1);
      });
      f.if(f.op('i32.le_u', sum(f, j, 4), n), () => f.store('v128.store', c, result), () => {
        for (let s = 0; s < 3; s++) f.if(f.op('i32.gt_u', minus(f, n, j), s), () => f.store('v128.store32_lane', c, result, 4 * s, s));
      });
      f.advance(c, 16);
      f.advance(j, 4);
    });
  });
}
