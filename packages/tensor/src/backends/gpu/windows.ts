/** Windows added back to where they were cut from: each element looks for the windows that show it. */
import type { WindowAttributes } from '../../ops/windows.js';
import { contiguousStrides, sizeOf } from '../../shape.js';
import type { WindowParams } from '../js/copy.js';
import type { Dispatch } from './device.js';
import { orderOf } from './order.js';
import { shaderOf, type Context } from './plan.js';
import type { GpuView, Operand, Shader } from './shader.js';

/** Declares `b`, `h`, `w` and `c`: where in an image [B, H, W, C] cell `i` lies. */
const position = (s: Shader, [, H, W, C]: readonly number[]): string => `  let c = i % ${s.int(C!)};
  let w = i / ${s.int(C!)} % ${s.int(W!)};
  let h = i / ${s.int(C! * W!)} % ${s.int(H!)};
  let b = i / ${s.int(C! * W! * H!)};
`;

/** An index into an operand of four or six axes. */
const at = (s: Shader, x: Operand, ...index: readonly string[]): string => index.map((name, axis) => s.times(name, x.strides[axis]!)).join(' + ');

/** Adds to `sum`, in order, what `value` is in window (ti, tj) at its cell (ki, kj), for all that show (h, w). */
function eachWindow(s: Shader, { kernel, strides, dilation }: WindowAttributes, counts: readonly number[], body: string): string {
  const loop = (axis: 0 | 1, place: string, t: string, cell: string, inside: string): string => {
    const [step, apart] = [s.int(strides[axis]), s.int(dilation[axis])];
    const reach = s.int((kernel[axis] - 1) * dilation[axis]);
    return `for (var ${t} = (max(0, ${place} - ${reach}) + ${step} - 1) / ${step}; ${t} <= min(${place} / ${step}, ${s.int(counts[axis]! - 1)}); ${t}++) {
    let ${t}d = ${place} - ${t} * ${step};
    let ${cell} = ${t}d / ${apart};
    if (${cell} * ${apart} != ${t}d) { continue; }
    ${inside}
  }`;
  };
  return loop(0, 'h', 'ti', 'ki', loop(1, 'w', 'tj', 'kj', body));
}

export function planFold(context: Context, { strides: into }: WindowParams, given: GpuView, result: GpuView): Dispatch[] {
  if (!sizeOf(result.shape)) return [];
  const s = shaderOf(context);
  const [x, y] = [s.input(given), s.output(result)];
  const [, rows, columns] = contiguousStrides(result.shape) as [number, number, number];
  const [, H, W, kh, kw] = given.shape as [number, number, number, number, number];
  const [, sh, sw, dh, dw] = into as [number, number, number, number, number];
  const a: WindowAttributes = { kernel: [kh, kw], strides: [sh / rows, sw / columns], dilation: [dh / rows, dw / columns] };
  return [s.line(sizeOf(result.shape), `${position(s, result.shape)}  var sum = ${y.type}(0);
  ${eachWindow(s, a, [H, W], `sum += ${x.load(at(s, x, 'b', 'ti', 'tj', 'ki', 'kj', 'c'))};`)}
  ${y.store('i', 'sum')}`).dispatch()];
}

/** x [B, H, W, C] and g [B, H', W', C] -> y [B, H, W, C]: which cell of each window is its first largest, then what such cells are given. */
export function planMaxPoolGradient(context: Context, a: WindowAttributes, given: GpuView, gradient: GpuView, result: GpuView): Dispatch[] {
  const [kh, kw] = a.kernel;
  const largest = context.scratch({ shape: gradient.shape, dtype: 'int32' });
  const first = shaderOf(context);
  const [x, to] = [first.input(given), first.output(largest)];
  const order = orderOf(first, 'f32', false);
  const [KH, KW, sh, sw, dh, dw] = [kh, kw, ...a.strides, ...a.dilation].map((v) => first.int(v));
  first.line(sizeOf(gradient.shape), `${position(first, gradient.shape)}  var best = -2147483647 - 1;
  var cell = 0;
  for (var ki = 0; ki < ${KH}; ki++) {
    for (var kj = 0; kj < ${KW}; kj++) {
      let row = h * ${sh} + ki * ${dh};
      let column = w * ${sw} + kj * ${dw};
      let v = ${order(x.load(at(first, x, 'b', 'row', 'column', 'c')))};
      if (v > best) { best = v; cell = ki * ${KW} + kj; }
    }
  }
  ${to.store('i', 'cell')}`);
  const s = shaderOf(context);
  const [cells, g, y] = [s.input(largest), s.input(gradient), s.output(result)];
  const [, H, W] = gradient.shape as [number, number, number];
  s.line(sizeOf(result.shape), `${position(s, result.shape)}  var sum = 0f;
  ${eachWindow(s, a, [H, W], `if (${cells.load(at(s, cells, 'b', 'ti', 'tj', 'c'))} == ki * ${s.int(kw)} + kj) { sum += ${g.load(at(s, g, 'b', 'ti', 'tj', 'c'))}; }`)}
  ${y.store('i', 'sum')}`);
  return [first.dispatch(), s.dispatch()];
}
