/** Elementwise work: one thread for each element, whatever the operands' strides. */
import { kindOf } from '../../dtype.js';
import { cast, constant, input, slots, type Expr } from '../../scalar/expression.js';
import { wgsl } from '../../scalar/to-wgsl.js';
import { broadcastStrides, contiguousStrides, sizeOf } from '../../shape.js';
import { nest } from '../nest.js';
import type { PlaceParams } from '../js/copy.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import { cut, halves, spanOf, type GpuView } from './shader.js';

/** Outputs of one shape and any strides; in halves where an operand is more than a kernel reaches. */
export function planMap(context: Context, roots: readonly Expr[], inputs: readonly GpuView[], outputs: readonly GpuView[]): Dispatch[] {
  const read = [...slots(roots)].sort((p, q) => p - q);
  const used = read.filter((slot) => inputs[slot]!.scalar === undefined);
  if (used.length + outputs.length > context.gpu.mostOperands && outputs.length > 1) {
    const half = outputs.length >> 1;
    return [...planMap(context, roots.slice(0, half), inputs, outputs.slice(0, half)), ...planMap(context, roots.slice(half), inputs, outputs.slice(half))];
  }
  const { shape } = outputs[0]!;
  const axis = shape.findIndex((n) => n > 1);
  if (axis >= 0 && [...used.map((slot) => inputs[slot]!), ...outputs].some((v) => spanOf(v) > context.gpu.mostBound)) {
    const whole = (v: GpuView): GpuView => (v.scalar === undefined ? { ...v, shape, strides: broadcastStrides(v.shape, v.strides, shape) } : v);
    const [x, y] = [inputs.map(whole), outputs.map(whole)];
    return halves(shape[axis]!).flatMap(([from, to]) => {
      const part = (v: GpuView): GpuView => (v.scalar === undefined ? cut(v, axis, from, to) : v);
      return planMap(context, roots, x.map(part), y.map(part));
    });
  }
  const s = shaderOf(context);
  const x = used.map((slot) => s.input(inputs[slot]!));
  const y = outputs.map((view) => s.output(view));
  const loops = nest(shape, [...x, ...y].map((o) => o.view));
  const at = [...used.map((slot) => `at${slot}`), ...outputs.map((_, k) => `to${k}`)];
  const numbers = new Map(read.filter((slot) => !used.includes(slot)).map((slot) => [slot, s.scalar(inputs[slot]!)]));
  const { lines, values } = wgsl(roots, (slot) => numbers.get(slot) ?? x[used.indexOf(slot)]!.load(`at${slot}`));
  return [s.line(sizeOf(shape), `${s.walk(loops, 'i', at)}${[...lines, ...y.map((o, k) => o.store(`to${k}`, values[k]!))].map((line) => `  ${line}`).join('\n')}`).dispatch()];
}

/** The elements of x, in the dtype of y, to where y says; y has the shape of x. */
export const planMove = (context: Context, x: GpuView, y: GpuView): Dispatch[] => planMap(context, [cast(input(0, kindOf(x.dtype)), kindOf(y.dtype))], [x], [y]);

/** A dense copy; y may have another shape of as many elements. */
export const planCopy = (context: Context, x: GpuView, y: GpuView): Dispatch[] => planMove(context, x, { ...y, shape: x.shape, strides: contiguousStrides(x.shape) });

export function planConcat(context: Context, axis: number, inputs: readonly GpuView[], y: GpuView): Dispatch[] {
  let at = 0;
  return inputs.flatMap((x) => {
    const part = { ...y, shape: x.shape, offset: y.offset + at * y.strides[axis]! };
    at += x.shape[axis]!;
    return sizeOf(x.shape) ? planMove(context, x, part) : [];
  });
}

export function planPlace(context: Context, { start, step, value }: PlaceParams, x: GpuView, y: GpuView): Dispatch[] {
  const offset = start.reduce((sum, s, i) => sum + s * y.strides[i]!, y.offset);
  const part = { ...y, shape: x.shape, strides: y.strides.map((s, i) => s * step[i]!), offset };
  return [...planMap(context, [constant(value, kindOf(y.dtype))], [], [y]), ...(sizeOf(x.shape) ? planMove(context, x, part) : [])];
}
