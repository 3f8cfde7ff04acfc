/** Pooling of images [B, H, W, C]. */
import { fusedFamily } from '../backend.js';
import { wholePair } from '../checks.js';
import { arange, ones, tensor, type Like } from '../create.js';
import { isFloat } from '../dtype.js';
import { defineOp, run1, type Op } from '../op.js';
import type { Tensor } from '../tensor.js';
import { div, equal, where } from './binary.js';
import { argmax, max } from './reduce.js';
import { expandDims, reshape } from './reshape.js';
import { sum } from './sum.js';
import { foldOp, paddedImage, windows, windowShape, type Padding, type Pair, type WindowAttributes } from './windows.js';

export interface PoolOptions {
  readonly strides?: Pair;
  readonly padding?: Padding;
}

/** The windows of a pooling, and the image with its padding. */
function prepare(who: string, x: Tensor, size: Pair, { strides = size, padding = 'valid' }: PoolOptions, value: number): { image: Tensor; a: WindowAttributes } {
  const a: WindowAttributes = { kernel: wholePair(who, 'poolSize', size), strides: wholePair(who, 'strides', strides), dilation: [1, 1] };
  return { image: paddedImage(who, x, padding, a, value), a };
}
/** The axes of a window's cells. */
const cells = { axis: [3, 4] };

export const maxPoolGradientFamily = /* @__PURE__ */ fusedFamily<WindowAttributes>('maxPoolGradient');

/** The image, and a gradient for each window: given to its first largest cell. */
export const maxPoolGradientOp: Op<WindowAttributes> = /* @__PURE__ */ defineOp<WindowAttributes>({
  name: 'maxPoolGradient',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  compose([x, g], a) {
    const w = windows(x!, a);
    const [b, h, wide, kh, kw, c] = w.shape as number[];
    const first = expandDims(argmax(reshape(w, [b!, h!, wide!, kh! * kw!, c!]), { axis: 3 }), 3);
    const given = where(equal(reshape(arange(kh! * kw!), [kh! * kw!, 1]), first), expandDims(g!, 3), 0);
    return [run1(foldOp, [reshape(given, w.shape)], { ...a, shape: x!.shape })];
  },
  fused: (_, a) => ({ family: maxPoolGradientFamily, params: a }),
  vjp: 'compose',
});

export const maxPoolOp: Op<WindowAttributes> = /* @__PURE__ */ defineOp<WindowAttributes>({
  name: 'maxPool',
  infer([x], a) {
    const [b, h, w, , , c] = windowShape(x!.shape, a) as number[];
    return [{ shape: [b!, h!, w!, c!], dtype: x!.dtype }];
  },
  compose: ([x], a) => [max(windows(x!, a), cells)],
  vjp: [([g], { x, a }) => run1(maxPoolGradientOp, [x[0]!, g!], a)],
  reads: { inputs: [0], outputs: [] },
});

/**
 * The largest cell of each window. At a tie the first takes the whole gradient.
 *
 * Shape: x [B, H, W, C] -> y [B, H', W', C].
 */
export function maxPool2d(x: Like, poolSize: Pair = 2, o: PoolOptions = {}): Tensor {
  const t = tensor(x);
  const { image, a } = prepare('maxPool2d', t, poolSize, o, isFloat(t.dtype) ? -Infinity : t.dtype === 'int32' ? -(2 ** 31) : 0);
  return run1(maxPoolOp, [image], a);
}

/** The mean of the real cells of each window; padding doesn't count. Shape: x [B, H, W, C] -> y [B, H', W', C]. */
export function avgPool2d(x: Like, poolSize: Pair = 2, o: PoolOptions = {}): Tensor {
  const t = tensor(x);
  const total = (image: Tensor) => {
    const { image: padded, a } = prepare('avgPool2d', image, poolSize, o, 0);
    return sum(windows(padded, a), cells);
  };
  return div(total(t), total(ones([1, ...t.shape.slice(1, 3), 1], { dtype: t.dtype })));
}
