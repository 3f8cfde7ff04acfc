/** Reductions: threads for each result, or for parts of each where results are few; the results of parts are reduced in turn. */
import { kindOf } from '../../dtype.js';
import { input, slots, type Expr } from '../../scalar/expression.js';
import { wgsl } from '../../scalar/to-wgsl.js';
import { BackendError } from '../../errors.js';
import { contiguousStrides, formatShape, sizeOf } from '../../shape.js';
import type { ReduceKind, ReduceParams } from '../js/reduce.js';
import { nest } from '../nest.js';
import type { Dispatch } from './device.js';
import { orderOf } from './order.js';
import { shaderOf, type Context } from './plan.js';
import { cut, halves, spanOf, type GpuView, type Shader, type ShaderType } from './shader.js';

const threads = 256;
/** Elements that one thread takes at most: float32 sums stay accurate. */
const mostEach = 512;
/** Threads that keep a device busy: side by side along what is kept, or in groups along what is reduced. */
const enough = { down: 2 ** 16, across: 2 ** 17 };

/** How elements join: `v` (of place `w`, for arguments) joins `a` (of place `at`). */
interface Joining { readonly type: ShaderType; readonly start: string; readonly join: string }

function joining(kind: ReduceKind, type: ShaderType): Joining {
  const isBool = type === 'bool';
  switch (kind) {
    case 'sum': return { type, start: `${type}(0)`, join: 'a += v;' };
    case 'prod': return { type, start: `${type}(1)`, join: 'a *= v;' };
    case 'any': return { type: 'bool', start: 'false', join: 'a = a || v;' };
    case 'all': return { type: 'bool', start: 'true', join: 'a = a && v;' };
    case 'argmax': case 'argmin': return { type: 'i32', start: '-2147483647 - 1', join: 'if (v > a || (v == a && w < at)) { a = v; at = w; }' };
    case 'max':
      if (isBool) return joining('any', type);
      return { type, start: type === 'f32' ? 'minus_infinity()' : '-2147483647 - 1', join: type === 'f32' ? 'if (v > a || is_nan(v)) { a = v; }' : 'a = max(a, v);' };
    case 'min':
      if (isBool) return joining('all', type);
      return { type, start: type === 'f32' ? 'infinity()' : '2147483647', join: type === 'f32' ? 'if (v < a || is_nan(v)) { a = v; }' : 'a = min(a, v);' };
  }
}

const isArg = (kind: ReduceKind): boolean => kind === 'argmax' || kind === 'argmin';
const asType = (value: string, from: ShaderType, to: ShaderType): string => (from === to ? value : to === 'bool' ? `(${value} != ${from}(0))` : `${to}(${value})`);
const typeOf = { f: 'f32', i: 'i32', b: 'bool' } as const;
const dtypeOf = { f32: 'float32', i32: 'int32', bool: 'bool', u32: 'int32' } as const;

/** What the roots compute of the inputs, which have one shape; for arguments, `found`: the second input says where they were found before. */
interface Task extends ReduceParams { readonly root: Expr; readonly inputs: readonly GpuView[]; readonly found?: boolean }

/** In halves where an operand is more than a kernel reaches: along what is kept, or, joining their results, along what is reduced. */
export function planReduce(context: Context, params: ReduceParams, inputs: readonly GpuView[], y: GpuView, prologue?: readonly Expr[]): Dispatch[] {
  const { kind, axes } = params;
  if (inputs.every((v) => spanOf(v) <= context.gpu.mostBound)) return planTask(context, { ...params, inputs, root: prologue?.[0] ?? input(0, kindOf(inputs[0]!.dtype)) }, y);
  const { shape } = inputs[0]!;
  const kept = shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const along = (axis: number, of: (k: number, from: number, to: number) => GpuView): Dispatch[] =>
    halves(shape[axis]!).flatMap(([from, to], k) => planReduce(context, params, inputs.map((v) => cut(v, axis, from, to)), of(k, from, to), prologue));
  const outer = kept.findIndex((i) => shape[i]! > 1);
  if (outer >= 0) {
    const dense = { ...y, shape: kept.map((i) => shape[i]!), strides: contiguousStrides(kept.map((i) => shape[i]!)) };
    return along(kept[outer]!, (_, from, to) => cut(dense, outer, from, to));
  }
  const inner = axes.find((i) => shape[i]! > 1);
  if (inner === undefined || isArg(kind)) throw new BackendError(`gpu: ${kind} of x ${formatShape(shape)} reaches further than a kernel here can; take it of parts.`);
  const parts = context.scratch({ shape: [2, ...y.shape], dtype: y.dtype });
  const size = sizeOf(y.shape);
  return [...along(inner, (k) => ({ ...y, data: parts.data, offset: parts.offset + k * size })), ...planTask(context, { kind, axes: [0], inputs: [parts], root: input(0, kindOf(y.dtype)) }, y)];
}

/** Whether the operands of a prologue can be bound beside the results. */
export const reducesMapped = (prologue: readonly Expr[]): boolean => {
  const { size } = slots(prologue);
  return size > 0 && size < 7;
};

function planTask(context: Context, task: Task, y: GpuView): Dispatch[] {
  const { kind, axes, root, inputs, found } = task;
  const { shape } = inputs[0]!;
  const s = shaderOf(context);
  const used = [...slots([root]), ...(found ? [1] : [])];
  const x = used.map((slot) => s.input(inputs[slot]!));
  const along = (order: readonly number[]) => nest(order.map((i) => shape[i]!), x.map((o) => ({ shape: order.map((i) => shape[i]!), strides: order.map((i) => o.strides[i]!) })));
  const kept = shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const [outer, inner] = [along(kept), along(axes)];
  const [rows, n] = [sizeOf(outer.sizes), sizeOf(inner.sizes)];
  const neighbours = x.reduce((sum, _, k) => sum + Number(outer.strides[k]!.at(-1) === 1) - Number(inner.strides[k]!.at(-1) === 1), 0);
  const down = neighbours > 0 || (neighbours === 0 && !axes.includes(shape.length - 1) && rows > 1);
  const width = down || !context.gpu.teams ? 1 : Math.min(threads, 2 ** Math.max(0, Math.ceil(Math.log2(n / 8))));
  const each = n / width;
  const parts = each <= 128 ? 1 : Math.max(Math.ceil(each / mostEach), Math.min(Math.ceil(enough[down ? 'down' : 'across'] / (rows * width)), Math.floor(each / 16)));

  const to = joining(kind, typeOf[kindOf(y.dtype)]);
  const middle = down ? [parts, rows] : [rows, parts];
  const partial = parts > 1 ? context.scratch({ shape: middle, dtype: dtypeOf[to.type] }) : null;
  const places = partial && isArg(kind) ? context.scratch({ shape: middle, dtype: 'int32' }) : null;
  const [values, found2] = [s.output(partial ?? y), places && s.output(places)];
  const keep = (at: string, a: string, place: string): string => (!isArg(kind) ? values.store(at, a) : found2 ? `${values.store(at, a)} ${found2.store(at, place)}` : values.store(at, place));

  const wide = width > 1 && !found && n % 4 === 0 && x.every((o, k) => o.type === 'f32' && inner.strides[k]!.join() === '1' && (rows === 1 || outer.strides[k]!.join() === String(n)));
  const loop = `${s.walk(outer, 'r', used.map((slot) => `x${slot}`))}  for (var j = t; j < ${s.int(wide ? n / 4 : n)}; j += ${s.int(parts * width)}) {
${wide ? wideElement(s, task, used, x.map((o) => o.load4(`r * ${s.int(n / 4)} + j`)), to) : `${s.walk(inner, 'j', used.map((slot) => `d${slot}`))}${element(s, task, (slot) => x[used.indexOf(slot)]!.load(`x${slot} + d${slot}`), 'j', to)}`}
  }`;
  const begin = `  var a = ${to.start};\n${isArg(kind) ? '  var at = 2147483647;\n' : ''}`;
  const count = s.int(rows);
  if (width === 1) s.line(rows * parts, `  let t = ${parts > 1 ? `i / ${count}` : '0'};\n  let r = ${parts > 1 ? `i % ${count}` : 'i'};\n${begin}${loop}\n  ${keep('i', 'a', 'at')}`);
  else {
    const side = threads / width;
    s.declare(`var<workgroup> sums: array<${to.type}, ${threads}>;${isArg(kind) ? `\nvar<workgroup> seats: array<i32, ${threads}>;` : ''}`);
    const where = parts > 1 ? `  let r = row / ${s.int(parts)};\n  let t = (row % ${s.int(parts)}) * ${threads} + lid;` : `  let r = row * ${side} + lid / ${width};\n  let t = lid % ${width};`;
    s.rows(parts > 1 ? rows * parts : Math.ceil(rows / side), threads, `${where}
${begin}  if (r < ${count}) {
${loop}
  }
  sums[lid] = a;${isArg(kind) ? ' seats[lid] = at;' : ''}
  workgroupBarrier();
  for (var half = ${width / 2}; half > 0; half = half >> 1) {
    if (lid % ${width} < half) {
      let v = sums[lid + half];${isArg(kind) ? ' let w = seats[lid + half];' : ''}
      ${to.join}
      sums[lid] = a;${isArg(kind) ? ' seats[lid] = at;' : ''}
    }
    workgroupBarrier();
  }
  if (lid % ${width} == 0 && r < ${count}) { ${keep(parts > 1 ? 'row' : 'r', 'a', 'at')} }`);
  }
  const first = s.dispatch();
  if (!partial) return [first];
  const rest: Task = { kind: isArg(kind) ? 'argmax' : kind, axes: [down ? 0 : 1], root: input(0, kindOf(partial.dtype)), inputs: places ? [partial, places] : [partial], found: places !== null };
  return [first, ...planTask(context, rest, y)];
}

/** One element, read by slot, joins; `place` is its place. */
function element(s: Shader, { kind, root, found }: Task, read: (slot: number) => string, place: string, to: Joining): string {
  const { lines, values } = wgsl([root], read);
  const [value, type] = [values[0]!, typeOf[root.type]];
  const v = isArg(kind) ? (found ? value : orderOf(s, type, kind === 'argmin')(value)) : asType(value, type, to.type);
  return [...lines, `let v = ${v};`, ...(isArg(kind) ? [`let w = ${found ? read(1) : place};`] : []), to.join].map((line) => `    ${line}`).join('\n');
}

/** Four neighbours join, one after the other. */
function wideElement(s: Shader, task: Task, used: readonly number[], loads: readonly string[], to: Joining): string {
  const four = loads.map((load, k) => `    let q${used[k]} = ${load};`);
  return [...four, ...[0, 1, 2, 3].map((c) => `    {\n${element(s, task, (slot) => `q${slot}[${c}]`, `4 * j + ${c}`, to)}\n    }`)].join('\n');
}
