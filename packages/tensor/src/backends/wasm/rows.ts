/** Softmax and log-softmax along any axis, with or without a mask, and their gradients. */
import type { Layout } from '../../backend.js';
import type { Expr } from '../../scalar/expression.js';
import { broadcastStrides, isContiguous, sizeOf } from '../../shape.js';
import { nest } from '../nest.js';
import type { Func, Local, Value } from './assembler.js';
import { bodyOf, compileBody, typed, type Body } from './body.js';
import { copyDense } from './copy.js';
import type { Engine } from './engine.js';
import { emitColumns, emitRow, strip, type Operand, type Pass } from './lines.js';
import { emitRows, readParams } from './loops.js';
import { mapRow } from './map.js';
import { follow, lanes, log, shareExp } from './math.js';
import type { Located, Place, Recipe } from './recipe.js';

type RowKind = 'softmax' | 'logSoftmax' | 'softmaxGradient' | 'logSoftmaxGradient';
/** Nanoseconds per element. */
const costs: Readonly<Record<RowKind, number>> = { softmax: 1, logSoftmax: 1, softmaxGradient: 0.4, logSoftmaxGradient: 0.9 };

/** Adds the steps that compute `to` from x, or from y and g, and a mask behind them. */
export function planRows(engine: Engine, recipe: Recipe, kind: RowKind, axis: number, given: readonly Located[], masked: boolean, to: Located): void {
  const { shape } = to;
  if (sizeOf(shape) === 0) return;
  const [outer, n, inner] = [sizeOf(shape.slice(0, axis)), shape[axis], sizeOf(shape.slice(axis + 1))];
  const operands = [...given, to].map((x) => ({ ...x, shape, strides: broadcastStrides(x.shape, x.strides, shape) }));
  const passes = (f: Func): Pass[] => (kind.endsWith('Gradient') ? gradientPasses(f, kind, masked, engine.relaxed) : forwardPasses(f, kind, masked, engine.relaxed));
  if (axis === shape.length - 1) return addRows(engine, recipe, `rows:${kind}`, passes, operands, costs[kind]);
  const blocks = operands.map((x) => ({ ...(isContiguous(shape, x.strides) ? x : copyDense(engine, recipe, x)), shape: [outer, n, inner], strides: [n * inner, inner, 1] }));
  if (inner === 1) addRows(engine, recipe, `rows:${kind}`, passes, blocks.map((x) => ({ ...x, shape: [outer, n], strides: [n, 1] })), costs[kind]);
  else addColumns(engine, recipe, `columns:${kind}:${masked}`, passes, blocks);
}

/** Whether rows along the last axis can be computed of a map's result without storing that: its operands stand still or lie densely along them. */
export const mapsRows = (roots: readonly Expr[], kind: RowKind, axis: number, inputs: readonly Layout[]): boolean =>
  !kind.endsWith('Gradient') && axis === inputs[0].shape.length - 1 && typed(bodyOf(roots), inputs, [{ dtype: 'float32' }]) && inputs.every(({ strides }) => strides[axis] === 0 || strides[axis] === 1);

/** Adds the step that computes `to` from a map of the inputs: each row of its result is left in the output, and done there. */
export function planMappedRows(engine: Engine, recipe: Recipe, kind: RowKind, roots: readonly Expr[], inputs: readonly Located[], to: Located): void {
  if (sizeOf(to.shape) === 0) return;
  const body = bodyOf(roots);
  addRows(engine, recipe, `rows:${kind}:${body.key}`, (f) => forwardPasses(f, kind, false, engine.relaxed), [...body.slots.map((slot) => inputs[slot]), to], costs[kind] + body.cost.wasm, body);
}

/** What a line's operand gives along it: one element, or one after the other; a dense copy where they lie apart. */
export function alongLast(engine: Engine, recipe: Recipe, x: Located): Located {
  const last = x.shape.length - 1;
  return x.shape[last] === 1 || x.strides[last] === 0 || x.strides[last] === 1 ? x : copyDense(engine, recipe, x);
}
/** Whether an operand gives one element for the whole line. */
export const isStill = ({ shape, strides }: Located): boolean => shape[shape.length - 1] > 1 && strides[shape.length - 1] === 0;

/** Passes over the rows of operands of one shape, the last of which is written: a step whose units are rows. `perElement`: nanoseconds, about. With a body, what it makes of the other operands is what the passes read. */
function addRows(engine: Engine, recipe: Recipe, key: string, passes: (f: Func) => Pass[], given: readonly Located[], perElement: number, body: Body | null = null): void {
  const operands = given.map((x) => alongLast(engine, recipe, x));
  const { shape } = operands[0];
  const n = shape[shape.length - 1];
  const loops = nest(shape.slice(0, -1), operands.map((v) => ({ shape: v.shape.slice(0, -1), strides: v.strides.slice(0, -1) })));
  const still = operands.map(isStill);
  const depth = loops.sizes.length;
  const kernel = engine.kernel(`${key}:${still.map(Number).join('')}:${operands.map((v) => v.dtype[0]).join('')}:${depth}`, () => compileBody(engine, body, (module, host) => {
    module.run((f, block, from, end) => {
      const [size] = readParams(f, block, 1);
      const list = passes(f);
      emitRows(f, block, from, end, 1, operands.length, depth, (at) => {
        const line = operands.map((v, k): Operand => ({ at: at[k], dtype: v.dtype, still: still[k] }));
        const y = line[line.length - 1];
        if (body) mapRow(f, body, still.map((s) => (s ? 0 : 1)), at.map((p) => f.local('i32', p)), host).sweep(f.local('i32', size));
        emitRow(f, list, body ? [y, y] : line, size);
      });
    });
  }));
  const params: (number | Place)[] = [n, ...operands.map((v) => v.place)];
  loops.sizes.forEach((size, d) => params.push(size, ...operands.map((v, k) => loops.strides[k][d] * (v.dtype === 'bool' ? 1 : 4))));
  recipe.step(kernel, params, sizeOf(loops.sizes), { chunk: Math.max(1, Math.floor(65536 / n)), nanoseconds: perElement * n });
}

/** Passes over the columns of dense blocks [outer, n, inner], the last of which is written: a step whose units are strips of columns, each with its own room for notes. */
function addColumns(engine: Engine, recipe: Recipe, key: string, passes: (f: Func) => Pass[], operands: readonly Located[]): void {
  const [outer, n, inner] = operands[0].shape;
  const strips = Math.ceil(inner / strip);
  const notes = 2 * 4 * Math.min(strip, Math.ceil(inner / 4) * 4);
  const kernel = engine.kernelOf(key, (f, block, from, end) => {
    const [size, width, perBlock, room, roomSize, ...starts] = readParams(f, block, 5 + operands.length);
    const list = passes(f);
    const [i, first, m, skip, own] = Array.from({ length: 5 }, () => f.local('i32'));
    const at = operands.map(() => f.local('i32'));
    f.each(i, from, end, 1, () => {
      f.set(first, f.op('i32.mul', f.op('i32.rem_u', i, perBlock), strip));
      f.set(m, f.op('i32.sub', width, first));
      f.if(f.op('i32.gt_u', m, strip), () => f.set(m, strip));
      f.set(skip, f.op('i32.add', f.op('i32.mul', f.op('i32.div_u', i, perBlock), f.op('i32.mul', size, width)), first));
      f.set(own, f.op('i32.add', room, f.op('i32.mul', i, roomSize)));
      operands.forEach((v, k) => f.set(at[k], f.op('i32.add', starts[k], f.op('i32.mul', skip, v.dtype === 'bool' ? 1 : 4))));
      emitColumns(f, list, operands.map((v, k): Operand => ({ at: at[k], dtype: v.dtype, still: false })), size, width, m, own);
    });
  });
  recipe.step(kernel, [n, inner, strips, recipe.room(outer * strips * notes), notes, ...operands.map((v) => v.place)], outer * strips, { chunk: Math.max(1, Math.floor(65536 / (n * Math.min(inner, strip)))), nanoseconds: 2 * n * Math.min(inner, strip) });
}

/** Operands: x, the mask, y. The maximum, the sum of e^(x - m), and the result. */
function forwardPasses(f: Func, kind: RowKind, masked: boolean, relaxed: boolean): Pass[] {
  const { sub, mul, div } = lanes(f);
  const [reads, writes] = masked ? [[0, 1], 2] : [[0], 1];
  const low = f.f32x4(-Infinity);
  const shown = (x: Local, part: Local | undefined): Value => (part ? f.op('v128.bitselect', x, low, part) : x);
  const keep = (v: Value) => f.local('v128', v);
  const top: Pass = {
    reads, width: 4, folds: ['max'],
    *value([x, part]) { return shown(x, part); },
    // A row of nothing: subtract 0 instead of -Infinity, so that every e^x is 0. (Without a mask, such a row is NaN, as its formula says.)
    found: ([m]) => [masked ? keep(f.op('v128.bitselect', f.f32x4(0), m, f.op('f32x4.eq', m, low))) : m],
  };
  const shares = { reads, width: 4, folds: ['sum'] as const, *value([x, part]: readonly Local[], found: (i: number) => Local) { return yield* shareExp(f, yield sub(shown(x, part), found(0)), relaxed); } };
  if (kind === 'logSoftmax') {
    return [top, { ...shares, found: ([sum], found) => [keep(f.op('f32x4.add', found(0), follow(f, log(f, sum))))] }, {
      reads, width: 4, writes,
      *value([x, part], found) { const y = sub(x, found(1)); return part ? f.op('v128.and', y, part) : y; },
    }];
  }
  const scale = (sum: Local): Value => {
    const one = div(f.f32x4(1), sum);
    return masked ? f.op('v128.and', one, f.op('f32x4.ne', sum, f.f32x4(0))) : one;
  };
  // The second pass leaves e^(x - m) in the output.
  return [top, { ...shares, writes, found: ([sum]) => [keep(scale(sum))] }, { reads: [writes], width: 4, writes, *value([e], found) { return mul(e, found(1)); } }];
}

/** Operands: y, g, the mask of a logarithm, gx. The sum over the row, and gx = y (g - sum g y), or g - e^y sum g. */
function gradientPasses(f: Func, kind: RowKind, masked: boolean, relaxed: boolean): Pass[] {
  const { sub, mul } = lanes(f);
  const writes = masked ? 3 : 2;
  if (kind === 'softmaxGradient') {
    return [
      { reads: [0, 1], width: 4, folds: ['sum'], *value([y, g]) { return mul(y, g); } },
      { reads: [0, 1], width: 4, writes, *value([y, g], found) { return mul(y, sub(g, found(0))); } },
    ];
  }
  const part = masked ? [2] : [];
  const shown = (v: Value, mask: Local | undefined): Value => (mask ? f.op('v128.and', v, mask) : v);
  return [
    { reads: [1, ...part], width: 4, folds: ['sum'], *value([g, mask]) { return shown(g, mask); } },
    { reads: [0, 1, ...part], width: 2, writes, *value([y, g, mask], found) { return shown(sub(g, mul(yield* shareExp(f, y, relaxed), found(0))), mask); } },
  ];
}
