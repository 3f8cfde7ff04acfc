/** Code of reductions: folds of what a body computes of its operands, along rows or down columns, in an order that depends on the sizes alone. */
import { bytesPer } from '../../dtype.js';
import type { Func, Local, Module, Value } from './assembler.js';
import { emitBody, type Body, type HostIndex } from './body.js';
import { loadLanes, loadSplat, param } from './loops.js';

export type Fold = 'sum' | 'max' | 'min';

const combine = (f: Func, kind: Fold, a: Value, b: Value): Value => f.op(kind === 'sum' ? 'f32x4.add' : `f32x4.${kind}`, a, b);
const neutral: Record<Fold, number> = { sum: 0, max: -Infinity, min: Infinity };

/** Elements that are added up before the sum joins the other sums: error grows with this and with their number, not with the product. */
const blockRows = 64;

/** How an operand's elements lie for four lanes: side by side, all the same but another one in each row, or one for the whole fold. */
export type Walk = 'lanes' | 'rows' | 'still';

/** Parameters: sizes of middle and inner, whether units lie side by side, where results go; then per operand its place and its strides, in bytes, along outer and middle. */
const head = 4;
const operandsOf = (f: Func, block: Local, count: number, which: 0 | 1 | 2): Local[] =>
  Array.from({ length: count }, (_, k) => f.local('i32', param(f, block, head + 3 * k + which)));

/** Reads vectors of the operands of a body at pointers, one per slot that it reads, ascending. */
function reader(f: Func, { slots, inputs }: Body, walks: readonly Walk[], at: readonly Local[]) {
  const index = new Map(slots.map((slot, k) => [slot, k]));
  const splat = (slot: number): Value => loadSplat(f, inputs[slot], at[index.get(slot)!]);
  return {
    moves: (slot: number): boolean => walks[index.get(slot)!] !== 'still',
    splat,
    vector: (slot: number, u: number): Value => {
      const k = index.get(slot)!;
      return walks[k] === 'lanes' ? loadLanes(f, inputs[slot], at[k], 4 * u * bytesPer[inputs[slot]]) : splat(slot);
    },
    /** Past `elements` of the operands that lie side by side. */
    pass(elements: number): void {
      slots.forEach((slot, k) => { if (walks[k] === 'lanes') f.advance(at[k], elements * bytesPer[inputs[slot]]); });
    },
  };
}

/** out[i] = fold_r v[i, r]: eight accumulators of four lanes, joined in a fixed order. */
export function writeRows(module: Module, kind: Fold, body: Body, walks: readonly Walk[], host: HostIndex): void {
  const pointers = walks.map(() => 'i32' as const);
  const row = module.func([...pointers, 'i32'], ['f32'], (f, ...given) => f.run(emitRowFold(f, kind, body, walks, given.slice(0, -1), given[walks.length], host)));
  module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => {
    const [n, , , out] = [0, 1, 2, 3].map((i) => f.local('i32', param(f, block, i)));
    const [at, strides] = [operandsOf(f, block, walks.length, 0), operandsOf(f, block, walks.length, 1)];
    at.forEach((p, k) => f.advance(p, f.op('i32.mul', from, strides[k])));
    const q = f.local('i32', f.op('i32.add', out, f.op('i32.mul', from, 4)));
    const end = f.local('i32', f.op('i32.add', out, f.op('i32.mul', to, 4)));
    f.while(f.op('i32.ne', q, end), () => {
      f.store('f32.store', q, f.call(row, ...at, n));
      at.forEach((p, k) => f.advance(p, strides[k]));
      f.advance(q, 4);
    });
  }, 'run');
}

/** The fold of n values from the pointers on. */
function emitRowFold(f: Func, kind: Fold, body: Body, walks: readonly Walk[], at: readonly Local[], n: Local, host: HostIndex): Value {
  const read = reader(f, body, walks, at);
  const code = emitBody(f, body, read.moves, host);
  code.settle(read.splat);
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
      for (let i = 0; i < acc.length; i += code.unroll) {
        code.values(code.unroll, (slot, u) => read.vector(slot, i + u))[0].forEach((v, u) => f.set(acc[i + u], combine(f, kind, acc[i + u], v)));
      }
      read.pass(32);
      f.set(count, f.op('i32.sub', count, 1));
    }, count);
    f.set(total, combine(f, kind, total, join(acc)));
  });
  f.set(acc[0], start);
  f.while(f.op('i32.ge_u', left, 4), () => {
    f.set(acc[0], combine(f, kind, acc[0], code.values(1, read.vector)[0][0]));
    read.pass(4);
    f.set(left, f.op('i32.sub', left, 4));
  });
  f.set(total, combine(f, kind, total, acc[0]));
  const tail = f.local('v128', start);
  f.while(left, () => {
    f.set(tail, combine(f, kind, tail, code.values(1, read.splat)[0][0]));
    read.pass(1);
    f.set(left, f.op('i32.sub', left, 1));
  });
  f.set(total, combine(f, kind, total, f.local('v128', f.shuffle([2, 3, 0, 1], total, total))));
  f.set(total, combine(f, kind, total, f.local('v128', f.shuffle([1, 0, 3, 2], total, total))));
  return f.lane('f32x4.extract_lane', 0, combine(f, kind, total, tail));
}

/** Rows that go into one register sum before it joins the output: enough streams for the memory, not too many for the cache. */
const band = 16;

/** out[i, c] = fold_r v[i, r, c]: bands of rows side by side, so that memory is read in sequence. */
export function writeColumns(module: Module, kind: Fold, body: Body, walks: readonly Walk[], host: HostIndex): void {
  const pointers = walks.map(() => 'i32' as const);
  /** Folds `rows` rows of `n` columns into out; `first`: out holds nothing yet. */
  const fold = module.func([...pointers, 'i32', 'i32', 'i32', 'i32', 'i32'], [], (f, ...given) => {
    const [x, [rows, out, n, first, block]] = [given.slice(0, walks.length), given.slice(walks.length)];
    const strides = operandsOf(f, block, walks.length, 2);
    const at = x.map(() => f.local('i32'));
    const [along, down] = [reader(f, body, walks, x), reader(f, body, walks, at)];
    const code = emitBody(f, body, along.moves, host);
    code.settle(along.splat);
    const [left, count] = [f.local('i32', n), f.local('i32')];
    const columns = (vectors: number, put: (i: number, v: Value) => void): void => {
      const acc = Array.from({ length: vectors }, () => f.local('v128', f.f32x4(neutral[kind])));
      at.forEach((p, k) => f.set(p, x[k]));
      f.set(count, rows);
      const some = Math.min(vectors, code.unroll);
      f.repeat(() => {
        for (let i = 0; i < vectors; i += some) {
          code.values(some, (slot, u) => down.vector(slot, i + u))[0].forEach((v, u) => f.set(acc[i + u], combine(f, kind, acc[i + u], v)));
        }
        at.forEach((p, k) => { if (walks[k] !== 'still') f.advance(p, strides[k]); });
        f.set(count, f.op('i32.sub', count, 1));
      }, count);
      f.if(f.op('i32.eqz', first), () => acc.forEach((v, i) => f.set(v, combine(f, kind, f.load('v128.load', out, 16 * i), v))));
      acc.forEach((v, i) => put(i, v));
      along.pass(4 * vectors);
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
    const [n, inner, side, out] = [0, 1, 2, 3].map((i) => f.local('i32', param(f, block, i)));
    const [start, outerStrides, strides] = ([0, 1, 2] as const).map((which) => operandsOf(f, block, walks.length, which));
    const at = walks.map(() => f.local('i32'));
    const [i, q, r, rows, size] = Array.from({ length: 5 }, () => f.local('i32'));
    // Few columns stay in registers over a longer band, which saves the walk through the output.
    f.set(size, f.op('select', blockRows, band, f.op('i32.le_u', inner, 64)));
    f.set(i, from);
    f.while(f.op('i32.lt_u', i, to), () => {
      at.forEach((p, k) => f.set(p, f.op('i32.add', start[k], f.op('i32.mul', i, outerStrides[k]))));
      f.set(q, f.op('i32.add', out, f.op('i32.mul', i, f.op('i32.mul', inner, 4))));
      // Units side by side, strips of the same rows, are one wide unit.
      f.if(side, () => { f.set(inner, f.op('i32.mul', inner, f.op('i32.sub', to, from))); f.set(i, to); });
      f.set(r, 0);
      f.while(f.op('i32.lt_u', r, n), () => {
        f.set(rows, f.op('i32.sub', n, r));
        f.if(f.op('i32.gt_u', rows, size), () => f.set(rows, size));
        f.run(f.call(fold, ...at, rows, q, inner, f.op('i32.eqz', r), block));
        at.forEach((p, k) => f.advance(p, f.op('i32.mul', rows, strides[k])));
        f.advance(r, rows);
      });
      f.advance(i, 1);
    });
  }, 'run');
}
