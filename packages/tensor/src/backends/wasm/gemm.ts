/**
 * Code of the matrix product: C = A B, any strides, in the manner of Goto and van de Geijn 2008, "Anatomy of High-Performance Matrix
 * Multiplication": blocks of A (4 rows wide) and B (8 columns wide) are packed so that the innermost loop reads both in sequence.
 */
import type { Func, Local, Module, Operand, Value } from './assembler.js';
import { transpose4 } from './copy.js';
import { writeEpilogue, type Epilogue } from './epilogue.js';
import { accumulate, min, minus, product, sum, writeDotProduct, writeRowProduct } from './gemv.js';
import { emitRows, param } from './loops.js';

/** Sizes of a block: KC of the inner dimension, MC rows, NC columns. */
export const KC = 256;
export const MC = 192;
export const NC = 2048;
const tileRows = 4;
const tileColumns = 8;
/**
 * Steps of k per turn of the innermost loop, with a way out between them: plain unrolling lets V8 load everything at once, which spills,
 * while a branch keeps each step's loads with it and still saves the loop's own costs: 38 against 34 GFLOP/s on one Zen 3 core, and 47 against 44 where multiply-add is one instruction.
 */
const stepCopies = (relaxed: boolean): number => (relaxed ? 2 : 4);
/** With no more rows than this, packing a dense B costs more than it gives. */
const directRows = 32;

/**
 * Parameters of `run`, by place in the block, strides in bytes; then the loops over matrices, of operands a, b and c. A product is cut into
 * `strips` units of `stripRows` rows or `stripColumns` columns, the other being 0; neighbours that are asked for together are computed as one.
 */
export const slots = ['aRow', 'aColumn', 'bRow', 'bColumn', 'm', 'n', 'k', 'packedA', 'packedB', 'edge', 'strips', 'stripRows', 'stripColumns'] as const;

/**
 * Packs a block, `width` columns at a time: to[panel][k][j] = from[k stepK + j stepJ] for k < depth, j < count.
 * The lanes beyond the last column hold copies or whatever lies there; their results are never stored.
 */
export function writePack(module: Module, width: number): number {
  return module.func(['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], [], (f, to, from, stepK, stepJ, depth, count) => {
    const [j, k, p] = [f.local('i32', 0), f.local('i32'), f.local('i32')];
    const columns = Array.from({ length: width }, () => f.local('i32'));
    f.while(f.op('i32.lt_u', j, count), () => {
      f.set(p, sum(f, from, product(f, j, stepJ)));
      f.set(k, 0);
      f.if(f.op('i32.eq', stepJ, 4), () => {
        f.while(f.op('i32.lt_u', k, depth), () => {
          for (let v = 0; v < width; v += 4) f.store('v128.store', to, f.load('v128.load', p, 4 * v), 4 * v);
          f.advance(p, stepK);
          f.advance(to, 4 * width);
          f.advance(k, 1);
        });
      }, () => {
        columns.forEach((c, i) => f.set(c, sum(f, p, product(f, stepJ, min(f, f.op('i32.sub', minus(f, count, 1), j), i)))));
        f.if(f.op('i32.eq', stepK, 4), () => {
          f.while(f.op('i32.le_u', sum(f, k, 4), depth), () => {
            for (let v = 0; v < width; v += 4) {
              const rows = columns.slice(v, v + 4).map((c) => { const r = f.local('v128', f.load('v128.load', c)); f.advance(c, 16); return r; });
              transpose4(f, rows).forEach((r, t) => f.store('v128.store', to, r, 4 * (width * t + v)));
            }
            f.advance(to, 16 * width);
            f.advance(k, 4);
          });
        });
        f.while(f.op('i32.lt_u', k, depth), () => {
          columns.forEach((c, i) => { f.store('f32.store', to, f.load('f32.load', c), 4 * i); f.advance(c, stepK); });
          f.advance(to, 4 * width);
          f.advance(k, 1);
        });
      });
      f.advance(j, width);
    });
  });
}

/**
 * C's tiles from packed A and one block of B: for each 8 columns, for each 4 rows. `bStep` is the distance of B's rows in a panel,
 * `aPanel` and `bPanel` those of panels: a packed block and rows of B in place differ in nothing else. `more`: add to C instead of writing it.
 */
export function writeTiles(module: Module, relaxed: boolean): number {
  const params = ['a', 'aPanel', 'b', 'c', 'm', 'n', 'k', 'bStep', 'bPanel', 'cRow', 'more', 'edge'].map(() => 'i32' as const);
  return module.func(params, [], (f, a, aPanel, b, c, m, n, k, bStep, bPanel, cRow, more, edge) => {
    const [i, j, at, ap, bp, end, cp] = Array.from({ length: 7 }, () => f.local('i32'));
    const depth = f.local('i32', product(f, k, 4 * tileRows));
    const acc = Array.from({ length: tileRows }, () => [f.local('v128'), f.local('v128')]);
    f.set(j, 0);
    f.while(f.op('i32.lt_u', j, n), () => {
      f.set(i, 0);
      f.set(at, a);
      f.while(f.op('i32.lt_u', i, m), () => {
        f.set(ap, at);
        f.set(bp, b);
        f.set(end, sum(f, ap, depth));
        for (const row of acc) for (const v of row) f.set(v, f.vector(new Float32Array(4)));
        const step = (copies: number): void => {
          const right = [f.local('v128', f.load('v128.load', bp)), f.local('v128', f.load('v128.load', bp, 16))];
          acc.forEach((row, r) => {
            const left = f.local('v128', f.load('v128.load32_splat', ap, 4 * r));
            row.forEach((v, s) => accumulate(f, relaxed, v, left, right[s]));
          });
          f.advance(ap, 4 * tileRows);
          f.advance(bp, bStep);
          if (copies > 1) f.if(f.op('i32.ne', ap, end), () => step(copies - 1));
        };
        f.repeat(() => step(stepCopies(relaxed)), f.op('i32.ne', ap, end));
        f.set(cp, sum(f, c, sum(f, product(f, i, cRow), product(f, j, 4))));
        const whole = f.op('i32.and', f.op('i32.le_u', sum(f, i, tileRows), m), f.op('i32.le_u', sum(f, j, tileColumns), n));
        f.if(whole, () => {
          acc.forEach((row, r) => {
            if (r) f.advance(cp, cRow);
            row.forEach((v, s) => f.if(more,
              () => f.store('v128.store', cp, f.op('f32x4.add', f.load('v128.load', cp, 16 * s), v), 16 * s),
              () => f.store('v128.store', cp, v, 16 * s)));
          });
        }, () => {
          acc.forEach((row, r) => row.forEach((v, s) => f.store('v128.store', edge, v, 32 * r + 16 * s)));
          writeEdge(f, cp, cRow, edge, min(f, minus(f, m, i), tileRows), min(f, minus(f, n, j), tileColumns), more);
        });
        f.advance(at, aPanel);
        f.advance(i, tileRows);
      });
      f.advance(b, bPanel);
      f.advance(j, tileColumns);
    });
  });
}

/** Part of a tile, from where it was put aside, to C. */
function writeEdge(f: Func, c: Local, cRow: Local, edge: Local, rows: Value, columns: Value, more: Local): void {
  const [r, s, width, height] = [f.local('i32', 0), f.local('i32'), f.local('i32', columns), f.local('i32', rows)];
  const [p, q] = [f.local('i32'), f.local('i32')];
  f.repeat(() => {
    f.set(p, sum(f, edge, product(f, r, 32)));
    f.set(q, sum(f, c, product(f, r, cRow)));
    f.set(s, width);
    f.repeat(() => {
      f.store('f32.store', q, f.op('f32.add', f.load('f32.load', p), f.op('select', f.load('f32.load', q), f.f32(-0), more)));
      f.advance(p, 4);
      f.advance(q, 4);
      f.set(s, minus(f, s, 1));
    }, s);
    f.advance(r, 1);
  }, f.op('i32.ne', r, height));
}

/** Columns to which the epilogue is applied at once: so many of MC rows stay in the cache. */
const finishedColumns = 256;

/** How a product is computed: from packed blocks, or, if A has few rows, row by row where B's rows are dense, or its columns and A's rows. */
export type Way = 'blocks' | 'rows' | 'dots';

/**
 * Writes `run`: the units number `from` to `to` of a batch whose leading axes are `depth` loops. Every sum is taken in one order, however the product is cut.
 * The epilogue is applied to each block of C as it is done.
 */
export function writeGemm(module: Module, relaxed: boolean, depth: number, way: Way, epilogue: Epilogue | null = null): void {
  const [packRows, packColumns, tiles] = way === 'blocks' ? [writePack(module, tileRows), writePack(module, tileColumns), writeTiles(module, relaxed)] : [0, 0, 0];
  const vector = way === 'rows' ? writeRowProduct(module, relaxed) : way === 'dots' ? writeDotProduct(module, relaxed) : 0;
  const bytes = epilogue?.bytes ?? [];
  const finish = epilogue && writeEpilogue(module, epilogue, slots.length);
  const one = module.func(Array.from({ length: 6 + bytes.length }, () => 'i32' as const), [], (f, a, b, c, block, first, last, ...others) => {
    const otherRows = others.map((_, k) => f.local('i32', param(f, block, slots.length + k)));
    const [aRow, aColumn, bRow, bColumn, m, n, k, packedA, packedB, edge, , stripRows, stripColumns] = slots.map((_, i) => f.local('i32', param(f, block, i)));
    const [i, j, p, rows, columns, depth, panels, done, some] = Array.from({ length: 9 }, () => f.local('i32', 0));
    const cRow = f.local('i32', product(f, n, 4));
    const finished = (rows: Operand, columns: Operand, row: Operand, column: Operand): void => {
      if (finish !== null) f.run(f.call(finish, sum(f, c, sum(f, product(f, row, cRow), product(f, column, 4))), rows, columns, cRow, block, ...others.map((x, k) => sum(f, x, sum(f, product(f, row, otherRows[k]), product(f, column, bytes[k]))))));
    };
    const eachRow = (call: () => Value): void => f.while(f.op('i32.lt_u', i, m), () => {
      f.run(call());
      finished(1, n, 0, 0);
      others.forEach((x, k) => f.advance(x, otherRows[k]));
      f.advance(a, aRow);
      f.advance(c, cRow);
      f.advance(i, 1);
    });
    // Looks at the whole product; from here on, m and n are those of the part.
    const direct = f.local('i32', f.op('i32.and', f.op('i32.eq', bColumn, 4), f.op('i32.le_u', m, directRows)));
    const part = (strip: Local, size: Local, pointers: [Local, Value | number][]): void => f.if(strip, () => {
      const start = f.local('i32', product(f, first, strip));
      for (const [p, step] of pointers) f.advance(p, product(f, start, step));
      f.set(size, minus(f, min(f, size, product(f, last, strip)), start));
    });
    part(stripRows, m, [[a, aRow], [c, cRow], ...others.map((x, k): [Local, Value] => [x, otherRows[k]])]);
    part(stripColumns, n, [[b, bColumn], [c, 4], ...others.map((x, k): [Local, number] => [x, bytes[k]])]);
    if (way === 'rows') return eachRow(() => f.call(vector, a, aColumn, b, bRow, c, n, k));
    if (way === 'dots') return eachRow(() => f.call(vector, a, b, bColumn, c, n, k));
    f.while(f.op('i32.lt_u', j, n), () => {
      f.set(columns, min(f, minus(f, n, j), NC));
      f.set(p, 0);
      f.while(f.op('i32.lt_u', p, k), () => {
        f.set(depth, min(f, minus(f, k, p), KC));
        const corner = sum(f, b, sum(f, product(f, p, bRow), product(f, j, bColumn)));
        f.if(direct, () => f.set(panels, corner), () => {
          f.set(panels, packedB);
          f.run(f.call(packColumns, packedB, corner, bRow, bColumn, depth, columns));
        });
        f.set(i, 0);
        f.while(f.op('i32.lt_u', i, m), () => {
          f.set(rows, min(f, minus(f, m, i), MC));
          f.run(f.call(packRows, packedA, sum(f, a, sum(f, product(f, i, aRow), product(f, p, aColumn))), aColumn, aRow, depth, rows));
          const step = f.op('select', 4 * tileColumns, product(f, depth, 4 * tileColumns), direct);
          const tile = (columns: Operand, skip: Operand): Value => f.call(tiles, packedA, product(f, depth, 4 * tileRows), sum(f, panels, product(f, f.op('i32.div_u', skip, tileColumns), step)), sum(f, c, sum(f, product(f, i, cRow), product(f, sum(f, j, skip), 4))), rows, columns, depth,
            f.op('select', bRow, 4 * tileColumns, direct), step, cRow, p, edge);
          if (finish === null) f.run(tile(columns, 0));
          else f.if(f.op('i32.lt_u', sum(f, p, depth), k), () => f.run(tile(columns, 0)), () => {
            f.set(done, 0);
            f.while(f.op('i32.lt_u', done, columns), () => {
              f.set(some, min(f, minus(f, columns, done), finishedColumns));
              f.run(tile(some, done));
              finished(rows, some, i, sum(f, j, done));
              f.advance(done, finishedColumns);
            });
          });
          f.advance(i, MC);
        });
        f.advance(p, KC);
      });
      f.advance(j, NC);
    });
  });
  module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => {
    const strips = f.local('i32', param(f, block, slots.indexOf('strips')));
    const [u, first, last] = [f.local('i32', from), f.local('i32'), f.local('i32')];
    const end = f.local('i32', f.op('i32.div_u', sum(f, to, minus(f, strips, 1)), strips));
    emitRows(f, block, f.local('i32', f.op('i32.div_u', from, strips)), end, slots.length + bytes.length, 3 + bytes.length, depth, ([a, b, c, ...others]) => {
      f.set(first, f.op('i32.rem_u', u, strips));
      f.set(last, min(f, strips, sum(f, first, minus(f, to, u))));
      f.run(f.call(one, a, b, c, block, first, last, ...others));
      f.advance(u, minus(f, last, first));
    });
  }, 'run');
}
