/** Code of products of a row and a matrix, and the arithmetic that all products share. */
import type { Func, Local, Module, Operand, Value } from './assembler.js';
import { transpose4 } from './copy.js';
import { emitSweep, loadPart, storePart } from './loops.js';
import { multiplyAdd } from './math.js';

export const min = (f: Func, a: Value, b: Operand): Value => f.op('select', a, b, f.op('i32.lt_u', a, b));
export const product = (f: Func, a: Operand, b: Operand): Value => f.op('i32.mul', a, b);
export const sum = (f: Func, a: Operand, b: Operand): Value => f.op('i32.add', a, b);
export const minus = (f: Func, a: Operand, b: Operand): Value => f.op('i32.sub', a, b);

/** acc = acc + a b. */
export const accumulate = (f: Func, relaxed: boolean, acc: Local, a: Value, b: Value): void => f.set(acc, multiplyAdd(f, relaxed, a, b, acc));

/** Rows of B that are added to the result at once: so many streams of memory are read in sequence. */
const streams = 2;

/** One row of A by a B whose rows are dense: c[j] = sum_k a[k] b[k][j], a few rows of B after another, while c stays in the cache. */
export function writeRowProduct(module: Module, relaxed: boolean): number {
  return module.func(['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], [], (f, a, aStep, b, bRow, c, n, k) => {
    const [q, p, left] = [f.local('i32'), f.local('i32'), f.local('i32')];
    const kept = f.local('v128', f.i32x4(0)); // nothing of what lies in c before the first row
    const rows = (count: number): void => {
      const factors = Array.from({ length: count }, () => {
        const x = f.local('v128', f.load('v128.load32_splat', a));
        f.advance(a, aStep);
        return x;
      });
      f.set(p, b);
      f.set(q, c);
      f.set(left, n);
      const at = factors.map((_, r) => (r ? f.local('i32') : p));
      at.slice(1).forEach((next, r) => f.set(next, sum(f, at[r]!, bRow)));
      emitSweep(f, left, [[q, 4], ...at.map((row) => [row, 4] as const)], 4, (vectors, rest) => {
        const sums = Array.from({ length: vectors }, (_, u) => f.local('v128', f.op('v128.and', loadPart(f, 'float32', q, u, rest), kept)));
        factors.forEach((x, r) => sums.forEach((v, u) => accumulate(f, relaxed, v, x, loadPart(f, 'float32', at[r]!, u, rest))));
        sums.forEach((v, u) => storePart(f, 'float32', q, v, u, rest));
      });
      f.set(kept, f.i32x4(-1));
      f.advance(b, product(f, bRow, count));
      f.set(k, minus(f, k, count));
    };
    f.while(f.op('i32.ge_u', k, streams), () => rows(streams));
    f.while(k, () => rows(1));
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
