/** Sliding windows over images, and adding them back: each is the other's transpose. Convolution and pooling are made of them. */
import { foldFamily } from '../backends/js/copy.js';
import { ShapeError, ValueError } from '../errors.js';
import { defineOp, run1, type Op } from '../op.js';
import { contiguousStrides, formatShape, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { pad } from './pad.js';

export interface WindowAttributes {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilation: readonly [number, number];
}

export type Pair = number | readonly [number, number];
export type Padding = 'valid' | 'same' | readonly [readonly [number, number], readonly [number, number]];

/** Cells that a kernel axis covers. */
export const reach = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

export const windowShape = ([b, h, w, c]: Shape, { kernel, strides, dilation }: WindowAttributes): number[] => [
  b!, Math.floor((h! - reach(kernel[0], dilation[0])) / strides[0]) + 1, Math.floor((w! - reach(kernel[1], dilation[1])) / strides[1]) + 1, kernel[0], kernel[1], c!,
];
const windowStrides = ([sb, sh, sw, sc]: readonly number[], { strides, dilation }: WindowAttributes): number[] =>
  [sb!, sh! * strides[0], sw! * strides[1], sh! * dilation[0], sw! * dilation[1], sc!];

export const windowsOp: Op<WindowAttributes> = defineOp<WindowAttributes>({
  name: 'windows',
  infer: ([x], a) => [{ shape: windowShape(x!.shape, a), dtype: x!.dtype }],
  view: (x, a) => ({ shape: windowShape(x.shape, a), strides: windowStrides(x.strides, a), offset: x.offset }),
  vjp: [([g], { x, a }) => run1(foldOp, [g!], { ...a, shape: x[0]!.shape })],
  reads: { inputs: [], outputs: [] },
});

export const foldOp: Op<WindowAttributes & { readonly shape: Shape }> = defineOp<WindowAttributes & { readonly shape: Shape }>({
  name: 'fold',
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  lower: (_, a) => ({ family: foldFamily, params: { strides: windowStrides(contiguousStrides(a.shape), a) } }),
  vjp: [([g], { a: { kernel, strides, dilation } }) => run1(windowsOp, [g!], { kernel, strides, dilation })],
  reads: { inputs: [], outputs: [] },
});

/** The windows of x [B, H, W, C] -> [B, H', W', kh, kw, C]: a view, nothing is copied. Gradient: added back. */
export function windows(x: Tensor, a: WindowAttributes): Tensor {
  if (x.rank !== 4) throw new ShapeError(`windows: expected x [B, H, W, C], got ${formatShape(x.shape)}.`);
  return run1(windowsOp, [x], a);
}

/** Cells added around an image: [before, after] for rows and columns. 'same' keeps ceil(size / stride), the odd cell after. */
function paddingOf(who: string, padding: Padding, shape: readonly number[], a: WindowAttributes): [readonly [number, number], readonly [number, number]] {
  if (padding === 'valid') return [[0, 0], [0, 0]];
  if (typeof padding !== 'string') {
    const pairs = (Array.isArray(padding) ? padding : []) as readonly (readonly [number, number])[];
    if (pairs.length !== 2 || pairs.some((p) => !Array.isArray(p) || p.length !== 2 || p.some((w) => !Number.isInteger(w) || w < 0))) {
      throw new ValueError(`${who}: padding is ${JSON.stringify(padding)}; give 'valid', 'same' or pairs [[before, after], [before, after]] of whole numbers >= 0.`);
    }
    return [pairs[0]!, pairs[1]!];
  }
  if (padding !== 'same') throw new ValueError(`${who}: there is no padding '${String(padding)}'; use 'valid', 'same' or pairs [[before, after], [before, after]].`);
  const side = (axis: 0 | 1): readonly [number, number] => {
    const n = shape[axis + 1]!;
    const total = Math.max(0, (Math.ceil(n / a.strides[axis]) - 1) * a.strides[axis] + reach(a.kernel[axis], a.dilation[axis]) - n);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  return [side(0), side(1)];
}

/** An image with its padding, refused where no window fits. */
export function paddedImage(who: string, x: Tensor, padding: Padding, a: WindowAttributes, value = 0): Tensor {
  if (x.rank !== 4) throw new ShapeError(`${who}: expected x [B, H, W, C], got ${formatShape(x.shape)}.`);
  const [rows, columns] = paddingOf(who, padding, x.shape, a);
  const around = pad(x, [[0, 0], rows, columns, [0, 0]], { value });
  ([0, 1] as const).forEach((axis) => {
    const needed = reach(a.kernel[axis], a.dilation[axis]);
    if (around.shape[axis + 1]! < needed) throw new ShapeError(`${who}: x ${formatShape(x.shape)} has ${around.shape[axis + 1]} ${axis ? 'columns' : 'rows'} with padding, the kernel covers ${needed}; it must fit.`);
  });
  return around;
}
