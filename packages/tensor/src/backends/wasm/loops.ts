/** Loop nests in emitted code: the outer loops of strided kernels, and reading and writing fewer than four lanes. */
import type { Func, Local, Value } from './assembler.js';
import type { DType } from '../../dtype.js';

/** A number as the 32-bit word that holds it. */
export const bitsOf = (value: number, dtype: DType = 'float32'): number => new Int32Array((dtype === 'float32' ? Float32Array : Int32Array).of(value).buffer)[0];

/** The i32 parameter number `i` of a kernel's block. */
export const param = (f: Func, block: Local, i: number): Value => f.load('i32.load', block, 4 * i);

/** The first `count` of them, kept. */
export const readParams = (f: Func, block: Local, count: number): Local[] => Array.from({ length: count }, (_, i) => f.local('i32', param(f, block, i)));

/**
 * Runs `row` for rows [from, to) of `depth` outer loops, with each operand's pointer at its row's start.
 * Parameters from `first` on: a start address per operand, then per loop, outermost first, its size and each operand's stride in bytes.
 */
export function emitRows(f: Func, block: Local, from: Local, to: Local, first: number, operands: number, depth: number, row: (at: readonly Local[]) => void): void {
  const read = (i: number) => f.local('i32', param(f, block, first + i));
  const at = Array.from({ length: operands }, (_, k) => read(k));
  if (depth === 0) return row(at);
  const perLoop = operands + 1;
  const size = Array.from({ length: depth }, (_, d) => read(operands + d * perLoop));
  const stride = size.map((_, d) => at.map((_, k) => read(operands + d * perLoop + 1 + k)));
  const index = size.map(() => f.local('i32'));
  const rest = f.local('i32', from);
  for (let d = depth - 1; d >= 0; d--) {
    if (d === 0) f.set(index[0], rest);
    else {
      f.set(index[d], f.op('i32.rem_u', rest, size[d]));
      f.set(rest, f.op('i32.div_u', rest, size[d]));
    }
    at.forEach((p, k) => f.advance(p, f.op('i32.mul', index[d], stride[d][k])));
  }
  const carry = (d: number): void => {
    f.advance(index[d], 1);
    at.forEach((p, k) => f.advance(p, stride[d][k]));
    if (d === 0) return;
    f.if(f.op('i32.eq', index[d], size[d]), () => {
      f.set(index[d], 0);
      at.forEach((p, k) => f.set(p, f.op('i32.sub', p, f.op('i32.mul', size[d], stride[d][k]))));
      carry(d - 1);
    });
  };
  f.each(f.local('i32'), from, to, 1, () => {
    row(at);
    carry(depth - 1);
  });
}

const widthOf: Record<string, number> = { float32: 4, int32: 4, bool: 1 };

/** Four elements as lanes; booleans become masks. */
export function loadLanes(f: Func, dtype: DType, address: Value, offset = 0): Value {
  return dtype === 'bool' ? widenMask(f, f.load('v128.load32_zero', address, offset)) : f.load('v128.load', address, offset);
}

/** The first `count` (1, 2 or 3) of four elements; nothing beyond them is read, and the other lanes are zero. */
export function loadSome(f: Func, dtype: DType, address: Value, count: Value): Value {
  const v = f.local('v128', f.i32x4(0));
  const bytes = widthOf[dtype];
  const name = bytes === 1 ? 'v128.load8_lane' : 'v128.load32_lane';
  const one = (lane: number) => f.set(v, f.loadLane(name, lane, address, v, lane * bytes));
  one(0);
  f.if(f.op('i32.gt_u', count, 1), () => one(1));
  f.if(f.op('i32.gt_u', count, 2), () => one(2));
  return dtype === 'bool' ? widenMask(f, v) : v;
}

const widenMask = (f: Func, v: Value): Value =>
  f.op('i32x4.neg', f.op('i32x4.extend_low_i16x8_u', f.op('i16x8.extend_low_i8x16_u', v)));

function narrowMask(f: Func, v: Value): Value {
  const words = f.local('v128', f.op('i16x8.narrow_i32x4_s', f.op('v128.and', v, f.i32x4(1)), f.i32x4(0)));
  return f.op('i8x16.narrow_i16x8_u', words, words);
}

/** One element on every lane. */
export function loadSplat(f: Func, dtype: DType, address: Value): Value {
  return dtype === 'bool' ? f.op('i32x4.splat', f.op('i32.sub', 0, f.load('i32.load8_u', address))) : f.load('v128.load32_splat', address);
}

export function storeLanes(f: Func, dtype: DType, address: Value, v: Value, offset = 0): void {
  if (dtype === 'bool') f.store('v128.store32_lane', address, narrowMask(f, v), offset, 0);
  else f.store('v128.store', address, v, offset);
}

/** Vector number `u` from a pointer on, or the `rest` elements there. */
export const loadPart = (f: Func, dtype: DType, p: Local, u: number, rest: Local | null): Value =>
  (rest ? loadSome(f, dtype, p, rest) : loadLanes(f, dtype, p, 4 * u * widthOf[dtype]));
export const storePart = (f: Func, dtype: DType, p: Local, v: Value, u: number, rest: Local | null): void =>
  (rest ? storeSome(f, dtype, p, v, rest) : storeLanes(f, dtype, p, v, 4 * u * widthOf[dtype]));

/** Writes the first `count` (1, 2 or 3) lanes. */
export function storeSome(f: Func, dtype: DType, address: Value, v: Value, count: Value): void {
  const kept = f.local('v128', dtype === 'bool' ? narrowMask(f, v) : v);
  const bytes = widthOf[dtype];
  const name = bytes === 1 ? 'v128.store8_lane' : 'v128.store32_lane';
  const one = (lane: number) => f.store(name, address, kept, lane * bytes, lane);
  one(0);
  f.if(f.op('i32.gt_u', count, 1), () => one(1));
  f.if(f.op('i32.gt_u', count, 2), () => one(2));
}

/**
 * Runs `body` over `left` elements of operands that lie densely: `width` vectors at a time, then one, then what is left, told
 * how many elements that are. `moves`: the operands' pointers and the bytes of their elements; they and `left` are used up.
 */
export function emitSweep(f: Func, left: Local, moves: readonly (readonly [Local, number])[], width: number, body: (vectors: number, rest: Local | null) => void): void {
  for (const vectors of width > 1 ? [width, 1] : [1]) {
    f.while(f.op('i32.ge_u', left, 4 * vectors), () => {
      body(vectors, null);
      for (const [p, bytes] of moves) f.advance(p, 4 * vectors * bytes);
      f.set(left, f.op('i32.sub', left, 4 * vectors));
    });
  }
  f.if(left, () => body(1, left));
}
