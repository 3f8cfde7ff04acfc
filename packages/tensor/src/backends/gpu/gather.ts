/** Rows by index: picking them out, and adding them back in, in order. What is out of range is told of, and left out. */
import { isContiguous, sizeOf } from '../../shape.js';
import type { GatherParams } from '../js/gather.js';
import { nest } from '../nest.js';
import type { Dispatch } from './device.js';
import { planMove } from './map.js';
import { shaderOf, type Context } from './plan.js';
import type { GpuView, Operand } from './shader.js';
import { planOrder } from './sort.js';

/** Declares `at`, where index `index` of an axis of size `n` points to, and `inside`, whether it is there; complains where it isn't. */
const resolve = (who: 1 | 2, index: string, axis: string, n: string): string => `let index = ${index};
  let at = select(index, index + ${n}, index < 0);
  let inside = at >= 0 && at < ${n};
  if (!inside) { complain(${who}u, index, ${axis}, ${n}); }`;

const zeros = (list: readonly unknown[]): number[] => list.map(() => 0);

export function planGather(context: Context, { axis }: GatherParams, given: GpuView, picked: GpuView, result: GpuView): Dispatch[] {
  const s = shaderOf(context);
  const [x, indices, y] = [s.input(given), s.input(picked), s.output(result)];
  const n = given.shape[axis]!;
  const [before, after] = [given.strides.slice(0, axis), given.strides.slice(axis + 1)];
  const inner = sizeOf(given.shape.slice(axis + 1));
  const isDense = y.type === 'f32' && isContiguous(given.shape, given.strides);
  const four = isDense && inner % 4 === 0 ? 4 : 1; // cells side by side that a thread moves
  const [wide, steps] = four === 4 ? [[inner / 4], [1]] : [given.shape.slice(axis + 1), after];
  const shape = [...given.shape.slice(0, axis), ...picked.shape, ...wide];
  const cells = { shape, strides: [...before.map((v) => v / four), ...zeros(picked.shape), ...steps] };
  const places = { shape, strides: [...zeros(before), ...picked.strides, ...zeros(wide)] };
  const [load, store] = four === 4 ? [(at: string) => x.load4(at), (v: string) => y.store4('i', v)] : [(at: string) => x.load(at), (v: string) => y.store('i', v)];
  const zero = four === 4 ? 'vec4<f32>()' : y.type === 'bool' ? 'false' : `${y.type}(0)`;
  return [s.line(sizeOf(shape), `${s.walk(nest(shape, [cells, places]), 'i', ['x0', 'place'])}  ${resolve(1, indices.load('place'), s.int(axis), s.int(n))}
  var v = ${zero};
  if (inside) { v = ${load(`x0 + ${s.times('at', given.strides[axis]! / four)}`)}; }
  ${store('v')}`).dispatch()];
}

/** The indices are sorted, so that equal ones lie together; who has the first of them adds them all. */
export function planScatterAdd(context: Context, { axis }: GatherParams, x: GpuView, picked: GpuView, given: GpuView, result: GpuView): Dispatch[] {
  const copy = planMove(context, x, result);
  const m = sizeOf(picked.shape);
  if (!sizeOf(given.shape)) return copy;
  const n = x.shape[axis]!;
  const sorted = context.scratch({ shape: picked.shape, dtype: 'int32' });
  const order = planOrder(context, picked.shape.map((_, i) => i), picked, sorted, (s) => (v) => `select(${v}, ${v} + ${s.int(n)}, ${v} < 0)`);
  const s = shaderOf(context);
  const [indices, places, updates, y] = [s.input(picked), s.input(sorted), s.input(given), s.output(result)];
  const rank = picked.shape.length;
  const around = <T>(list: readonly T[], width: number): T[] => [...list.slice(0, axis), ...list.slice(axis + width)];
  const shape = around(x.shape, 1);
  const width = sizeOf(shape);
  const rows = nest(picked.shape, [picked, { shape: picked.shape, strides: given.strides.slice(axis, axis + rank) }]);
  const columns = nest(shape, [{ shape, strides: around(given.strides, rank) }, { shape, strides: around(result.strides, 1) }]);
  const [M, N, W] = [s.int(m), s.int(n), s.int(width)];
  /** Which row the update at place `q` goes to. */
  const row = (name: string, q: string, at: string): string => `let ${name}q = ${places.load(q)};
${s.walk(rows, `${name}q`, [`${name}i`, at])}  let ${name}index = ${indices.load(`${name}i`)};
  let ${name} = select(${name}index, ${name}index + ${N}, ${name}index < 0);`;
  return [...copy, ...order, s.line(m * width, `  let k = i / ${W};
  let c = i % ${W};
  ${row('mine', 'k', 'u0')}
  if (mine < 0 || mine >= ${N}) { complain(2u, mineindex, ${s.int(axis)}, ${N}); return; }
  if (k > 0) {
    ${row('before', 'k - 1', 'b0')}
    if (before == mine) { return; }
  }
${s.walk(columns, 'c', ['uc', 'yc'])}  let to = yc + ${s.times('mine', result.strides[axis]!)};
  var a = ${y.load('to')};
  for (var q = k; q < ${M}; q++) {
    ${row('next', 'q', 'un')}
    if (next != mine) { break; }
    a += ${asType(updates, 'un + uc', y)};
  }
  ${y.store('to', 'a')}`).dispatch()];
}

const asType = (x: Operand, at: string, y: Operand): string => (x.type === y.type ? x.load(at) : `${y.type}(${x.load(at)})`);
