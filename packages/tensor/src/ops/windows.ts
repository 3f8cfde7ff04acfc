/** Sliding windows over images, and adding them back: each is the other's transpose. Convolution and pooling are made of them. */
import { foldFamily } from '../backends/js/copy.js';
import { ShapeError } from '../errors.js';
import { defineOp, run1, type Op } from '../op.js';
import { contiguousStrides, formatShape, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';

export interface WindowAttributes {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilation: readonly [number, number];
}

/** Cells that a kernel axis covers. */
export const reach = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

const windowShape = ([b, h, w, c]: Shape, { kernel, strides, dilation }: WindowAttributes): number[] => [
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
