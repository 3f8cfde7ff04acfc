/** Reductions: a thread for each result where there are many, a group of threads for each where there are few. */
import { sizeOf } from '../../shape.js';
import type { ReduceKind } from '../js/reduce.js';
import { nest } from '../nest.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import type { GpuView, ShaderType } from './shader.js';
import { wgslFunctions } from '../../scalar/to-wgsl.js';

const threads = 256;

/** What results begin with, and how another element joins them; `a` and `v` are WGSL. */
function joining(kind: ReduceKind, type: ShaderType): { type: ShaderType; start: string; join(a: string, v: string): string } {
  const float = type === 'f32';
  switch (kind) {
    case 'sum': return { type, start: `${type}(0)`, join: (a, v) => `${a} + ${v}` };
    case 'prod': return { type, start: `${type}(1)`, join: (a, v) => `${a} * ${v}` };
    case 'max': case 'min': return {
      type,
      start: float ? (kind === 'max' ? 'minus_infinity()' : 'infinity()') : kind === 'max' ? '-2147483647 - 1' : '2147483647',
      join: (a, v) => (float ? `select(${a}, ${v}, ${v} ${kind === 'max' ? '>' : '<'} ${a} || is_nan(${v}))` : `${kind}(${a}, ${v})`),
    };
    case 'any': return { type: 'bool', start: 'false', join: (a, v) => `${a} || ${v}` };
    case 'all': return { type: 'bool', start: 'true', join: (a, v) => `${a} && ${v}` };
    default: throw new Error(`reduce: ${kind}`);
  }
}

export function planReduce(context: Context, kind: ReduceKind, axes: readonly number[], x: GpuView, y: GpuView): Dispatch[] {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const part = (order: readonly number[]) => ({ shape: order.map((i) => x.shape[i]!), strides: order.map((i) => x.strides[i]!) });
  const [outer, inner] = [part(kept), part(axes)];
  const [rows, n] = [sizeOf(outer.shape), sizeOf(inner.shape)];
  const s = shaderOf(context);
  const [from, to] = [s.input(x), s.output(y)];
  s.declare(wgslFunctions);
  const start = s.walk(nest(outer.shape, [outer]), rows >= 1024 || n < 64 ? 'i' : 'row', ['x0']);
  const cell = s.walk(nest(inner.shape, [inner]), 'j', ['dx']).replace(/\n$/, '').replaceAll('\n', '\n  ');
  const count = s.int(n);
  if (kind === 'argmax' || kind === 'argmin') {
    const better = `(v ${kind === 'argmax' ? '>' : '<'} best || (is_nan(v) && !is_nan(best)))`;
    const body = (thread: string) => `${start}  var best = f32(${from.load('x0')});
  var at = 0;
  for (var j = 1; j < ${count}; j++) {
  ${cell}
    let v = f32(${from.load('x0 + dx')});
    if ${better} { best = v; at = j; }
  }
  ${to.store(thread, 'at')}`;
    return [rows >= 1024 || n < 64 ? s.line(rows, body('i')).dispatch() : s.rows(rows, 1, body('row')).dispatch()];
  }
  const { type, start: zero, join } = joining(kind, to.type === 'bool' ? 'bool' : to.type);
  const element = (e: string) => (type === 'bool' ? (from.type === 'bool' ? e : `(${e} != ${from.type}(0))`) : from.type === type ? e : `${type}(${e})`);
  const loop = (first: string, step: string) => `  var a = ${zero};
  for (var j = ${first}; j < ${count}; j += ${step}) {
  ${cell}
    let v = ${element(from.load('x0 + dx'))};
    a = ${join('a', 'v')};
  }`;
  if (rows >= 1024 || n < 64) return [s.line(rows, `${start}${loop('0', '1')}\n  ${to.store('i', 'a')}`).dispatch()];
  s.declare(`var<workgroup> parts: array<${type}, ${threads}>;`);
  return [s.rows(rows, threads, `${start}${loop('lid', String(threads))}
  parts[lid] = a;
  workgroupBarrier();
  for (var half = ${threads / 2}; half > 0; half = half >> 1) {
    if (lid < half) { let v = parts[lid + half]; let b = parts[lid]; parts[lid] = ${join('b', 'v')}; }
    workgroupBarrier();
  }
  if (lid == 0) { ${to.store('row', 'parts[0]')} }`).dispatch()];
}

