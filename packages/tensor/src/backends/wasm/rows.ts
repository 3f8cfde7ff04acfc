/** Softmax and log-softmax of dense rows, with or without a mask. */
import { isContiguous, sizeOf } from '../../shape.js';
import { nest } from '../nest.js';
import type { Func, Local, Value } from './assembler.js';
import { copyDense } from './copy.js';
import type { Engine } from './engine.js';
import { emitRows, loadLanes, loadSome, loadSplat, param, storeLanes, storeSome } from './loops.js';
import { lockstep, log, shareExp } from './math.js';
import type { Located, Recipe } from './recipe.js';

export interface RowsPlan { kind: 'softmax' | 'logSoftmax'; axis: number }

/** False where there is no kernel: another axis than the last, or a masked logarithm. */
export function planRows(engine: Engine, recipe: Recipe, { kind, axis }: RowsPlan, given: Located, givenMask: Located | null, to: Located): boolean {
  const rank = to.shape.length;
  if (rank === 0 || axis !== rank - 1 || (givenMask && kind !== 'softmax')) return false;
  if (sizeOf(to.shape) === 0) return true;
  const n = to.shape[axis];
  const dense = (x: Located): Located => (n === 1 || x.strides[axis] === 1 ? x : copyDense(engine, recipe, x));
  const x = isContiguous(given.shape, given.strides) ? given : dense(given);
  const last = givenMask ? givenMask.strides[givenMask.shape.length - 1] ?? 0 : 0;
  const still = !givenMask || givenMask.shape[givenMask.shape.length - 1] !== n || n === 1 || last === 0;
  const mask = givenMask && !still ? (last === 1 ? givenMask : copyDense(engine, recipe, givenMask)) : givenMask;
  // The nest of the rows: every axis but the last.
  const lead = (v: Located) => ({ shape: v.shape.slice(0, -1), strides: v.strides.slice(0, -1) });
  const operands = mask ? [x, mask, to] : [x, to];
  const loops = nest(to.shape.slice(0, -1), operands.map(lead));
  const masked = mask ? (still ? 'still' : 'moving') : 'none';
  const depth = loops.sizes.length;
  const kernel = engine.kernel(`rows:${kind}:${masked}:${depth}`, () => engine.compile((module) => {
    module.func(['i32', 'i32', 'i32'], [], (f, block, from, end) => {
      const size = f.local('i32', param(f, block, 0));
      emitRows(f, block, from, end, 1, operands.length, depth, (at) => emitRow(f, kind, masked, size, at[0], mask ? at[1] : null, at[at.length - 1]));
    }, 'run');
  }));
  const params = [n, ...operands.map((v) => v.place)] as (number | Located['place'])[];
  loops.sizes.forEach((size, d) => params.push(size, ...operands.map((v, k) => loops.strides[k][d] * (v.dtype === 'bool' ? 1 : 4))));
  recipe.step(kernel, params, sizeOf(loops.sizes), { chunk: Math.max(1, Math.floor(65536 / n)), nanoseconds: 1.8 * n });
  return true;
}

/** One row: its maximum, the sum of e^(x - m), and the result, in three passes; the second leaves e^(x - m) in the output. */
function emitRow(f: Func, kind: RowsPlan['kind'], masked: 'none' | 'still' | 'moving', n: Local, from: Local, mask: Local | null, to: Local): void {
  const low = f.f32x4(-Infinity);
  const fixed = masked === 'still' ? f.local('v128', loadSplat(f, 'bool', mask!)) : null;
  const hidden = (x: Value, part: Value): Value => f.op('v128.bitselect', x, low, part);
  /** Full vectors by `width` and by 1, then the rest, whose missing lanes read as -Infinity. */
  const pass = (width: number, body: (x: Local[], store: (v: readonly Value[]) => void) => void): void => {
    const [p, q, left] = [f.local('i32', from), f.local('i32', to), f.local('i32', n)];
    const m = mask ? f.local('i32', mask) : null;
    const vectors = (count: number): void => {
      const x = Array.from({ length: count }, (_, u) => {
        const v = f.local('v128', f.load('v128.load', p, 16 * u));
        if (masked === 'moving') f.set(v, hidden(v, f.local('v128', loadLanes(f, 'bool', m!, 4 * u))));
        return v;
      });
      body(x, (out) => out.forEach((v, u) => storeLanes(f, 'float32', q, v, 16 * u)));
      f.advance(p, 16 * count);
      f.advance(q, 16 * count);
      if (m) f.advance(m, 4 * count);
      f.set(left, f.op('i32.sub', left, 4 * count));
    };
    f.while(f.op('i32.ge_u', left, 4 * width), () => vectors(width));
    f.while(f.op('i32.ge_u', left, 4), () => vectors(1));
    f.if(left, () => {
      const there = f.local('v128', f.op('i32x4.lt_s', f.vector(Int32Array.of(0, 1, 2, 3)), f.op('i32x4.splat', left)));
      const x = f.local('v128', hidden(loadSome(f, 'float32', p, left), there));
      if (masked === 'moving') f.set(x, hidden(x, f.local('v128', loadSome(f, 'bool', m!, left))));
      body([x], ([v]) => storeSome(f, 'float32', q, v, left));
    });
  };
  const across = (v: Local, op: 'f32x4.pmax' | 'f32x4.add'): void => {
    f.set(v, f.op(op, v, f.local('v128', f.shuffle([2, 3, 0, 1], v, v))));
    f.set(v, f.op(op, v, f.local('v128', f.shuffle([1, 0, 3, 2], v, v))));
  };
  // pmax passes over a NaN, which is one instruction instead of seven; the sum of e^(x - m) brings it back.
  const tops = Array.from({ length: 4 }, () => f.local('v128', low));
  pass(4, (x) => x.forEach((v, u) => f.set(tops[u], f.op('f32x4.pmax', tops[u], v))));
  const top = f.local('v128', f.op('f32x4.pmax', f.op('f32x4.pmax', tops[0], tops[1]), f.op('f32x4.pmax', tops[2], tops[3])));
  across(top, 'f32x4.pmax');
  // A row of nothing: subtract 0 instead of -Infinity, so that every e^x is 0. (Without a mask, such a row is NaN, as its formula says.)
  if (masked !== 'none') f.set(top, f.op('v128.bitselect', f.f32x4(0), top, f.op('f32x4.eq', top, low)));
  const sums = [0, 1].map(() => f.local('v128', f.f32x4(0)));
  pass(2, (x, store) => { // more vectors in flight would not fit in the registers beside the constants
    const e = lockstep(f, x.map((v) => shareExp(f, f.local('v128', f.op('f32x4.sub', v, top)))));
    e.forEach((v, u) => f.set(sums[u], f.op('f32x4.add', sums[u], v)));
    if (kind === 'softmax') store(e);
  });
  const sum = f.local('v128', f.op('f32x4.add', sums[0], sums[1]));
  across(sum, 'f32x4.add');
  if (kind === 'logSoftmax') {
    const [logarithm] = lockstep(f, [log(f, sum)]);
    const shift = f.local('v128', f.op('f32x4.add', top, logarithm));
    return pass(4, (x, store) => store(x.map((v) => f.op('f32x4.sub', v, shift))));
  }
  const scale = f.local('v128', f.op('f32x4.div', f.f32x4(1), sum));
  if (masked !== 'none') f.set(scale, f.op('v128.and', scale, f.op('f32x4.gt', sum, f.f32x4(0))));
  if (fixed) f.set(scale, f.op('v128.and', scale, fixed));
  scalePass(f, n, to, scale);
}

/** to[i] *= scale. */
function scalePass(f: Func, n: Local, to: Local, scale: Local): void {
  const [q, left] = [f.local('i32', to), f.local('i32', n)];
  for (const count of [4, 1]) {
    f.while(f.op('i32.ge_u', left, 4 * count), () => {
      for (let u = 0; u < count; u++) f.store('v128.store', q, f.op('f32x4.mul', f.load('v128.load', q, 16 * u), scale), 16 * u);
      f.advance(q, 16 * count);
      f.set(left, f.op('i32.sub', left, 4 * count));
    });
  }
  f.while(left, () => {
    f.store('f32.store', q, f.op('f32.mul', f.load('f32.load', q), f.lane('f32x4.extract_lane', 0, scale)));
    f.advance(q, 4);
    f.set(left, f.op('i32.sub', left, 1));
  });
}
