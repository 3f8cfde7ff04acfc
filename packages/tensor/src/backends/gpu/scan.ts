/** Running sums: of parts of each row, and of the parts' totals, which are added to what comes after. */
import { sizeOf } from '../../shape.js';
import { nest } from '../nest.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import type { GpuView } from './shader.js';

/** Elements that each thread of a group takes of a tile. */
const each = 8;

export interface ScanParams { readonly axis: number; readonly reverse: boolean }

export function planScan(context: Context, { axis, reverse }: ScanParams, given: GpuView, result: GpuView): Dispatch[] {
  const n = given.shape[axis]!;
  const rows = sizeOf(given.shape) / n;
  if (!sizeOf(given.shape)) return [];
  const turned = (v: GpuView): GpuView => (reverse ? { ...v, offset: v.offset + (n - 1) * v.strides[axis]!, strides: v.strides.map((t, i) => (i === axis ? -t : t)) } : v);
  const s = shaderOf(context);
  const [x, y] = [s.input(turned(given)), s.output(turned(result))];
  const zero = `${y.type}(0)`;
  const across = sizeOf(given.shape.slice(axis + 1));
  const down = across >= 8 || n <= 16; // a thread for each part: its neighbours are other rows
  const threads = n > 512 ? 256 : 64;
  const tile = threads * each;
  const wanted = down ? Math.max(n / 512, Math.min(2 ** 16 / rows, n / 32)) : Math.min(Math.ceil(n / tile), 512 / rows);
  const step = Math.ceil(n / Math.max(1, Math.floor(wanted)));
  const length = down ? step : Math.ceil(step / tile) * tile;
  const parts = Math.ceil(n / length);
  const totals = parts > 1 ? context.scratch({ shape: down ? [parts, rows] : [rows, parts], dtype: result.dtype }) : null;
  const total = totals && s.output(totals);

  const rest = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== axis);
  const shape = rest(given.shape);
  const walk = s.walk(nest(shape, [{ shape, strides: rest(x.strides) }, { shape, strides: rest(y.strides) }]), 'r', ['x0', 'y0']);
  const at = (first: string, strides: readonly number[], j: string): string => `${first} + ${s.times(j, strides[axis]!)}`;
  const [N, L] = [s.int(n), s.int(length)];
  if (down) {
    const count = s.int(rows);
    s.line(rows * parts, `  let r = i % ${count};
  let first = (i / ${count}) * ${L};
${walk}  var a = ${zero};
  for (var j = first; j < min(first + ${L}, ${N}); j++) {
    a += ${x.load(at('x0', x.strides, 'j'))};
    ${y.store(at('y0', y.strides, 'j'), 'a')}
  }
  ${total ? total.store('i', 'a') : ''}`);
  } else {
    const P = s.int(parts);
    s.declare(`var<workgroup> cells: array<${y.type}, ${threads * (each + 1)}>;\nvar<workgroup> sums: array<${y.type}, ${threads}>;\nfn seat(e: i32) -> i32 { return e + e / ${each}; }`);
    s.rows(rows * parts, threads, `  let r = row / ${P};
  let first = (row % ${P}) * ${L};
  let last = min(first + ${L}, ${N});
${walk}  var carry = ${zero};
  for (var begin = first; begin < last; begin += ${tile}) {
    for (var k = 0; k < ${each}; k++) {
      let e = lid + k * ${threads};
      let j = begin + e;
      var v = ${zero};
      if (j < last) { v = ${x.load(at('x0', x.strides, 'j'))}; }
      cells[seat(e)] = v;
    }
    workgroupBarrier();
    var a = ${zero};
    for (var k = 0; k < ${each}; k++) {
      let e = seat(lid * ${each} + k);
      a += cells[e];
      cells[e] = a;
    }
    sums[lid] = a;
    workgroupBarrier();
    for (var d = 1; d < ${threads}; d = d << 1) {
      var v = ${zero};
      if (lid >= d) { v = sums[lid - d]; }
      workgroupBarrier();
      sums[lid] += v;
      workgroupBarrier();
    }
    var before = carry;
    if (lid > 0) { before += sums[lid - 1]; }
    for (var k = 0; k < ${each}; k++) { cells[seat(lid * ${each} + k)] += before; }
    carry += sums[${threads - 1}];
    workgroupBarrier();
    for (var k = 0; k < ${each}; k++) {
      let e = lid + k * ${threads};
      let j = begin + e;
      if (j < last) { ${y.store(at('y0', y.strides, 'j'), 'cells[seat(e)]')} }
    }
    workgroupBarrier();
  }
  ${total ? `if (lid == 0) { ${total.store('row', 'carry')} }` : ''}`);
  }
  const first = s.dispatch();
  if (!totals) return [first];
  const sums = context.scratch(totals);
  return [first, ...planScan(context, { axis: down ? 0 : 1, reverse: false }, totals, sums), addTotals(context, sums, result, { axis, reverse, length, down })];
}

/** Adds to each part of a row of y what the parts before it sum up to. */
function addTotals(context: Context, sums: GpuView, result: GpuView, { axis, reverse, length, down }: ScanParams & { readonly length: number; readonly down: boolean }): Dispatch {
  const s = shaderOf(context);
  const [from, y] = [s.input(sums), s.output(result)];
  const n = result.shape[axis]!;
  const [N, inner] = [s.int(n), s.int(sizeOf(result.shape.slice(axis + 1)))];
  const [perRow, perPart] = (down ? [1, 0] : [0, 1]).map((k) => sums.strides[k]!) as [number, number];
  return s.line(sizeOf(result.shape), `  let j = i / ${inner} % ${N};
  let part = ${reverse ? `(${N} - 1 - j)` : 'j'} / ${s.int(length)};
  if (part == 0) { return; }
  let r = i / (${inner} * ${N}) * ${inner} + i % ${inner};
  ${y.store('i', `${y.load('i')} + ${from.load(`${s.times('r', perRow)} + ${s.times('(part - 1)', perPart)}`)}`)}`).dispatch();
}
