/** Convolution of images [B, H, W, C]. */
import { wholePair } from '../checks.js';
import { tensor, type Like } from '../create.js';
import { ShapeError, ValueError } from '../errors.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { concat, split } from './concat.js';
import { matmul } from './matmul.js';
import { reshape } from './reshape.js';
import { paddedImage, windows, type Padding, type Pair, type WindowAttributes } from './windows.js';

export interface ConvOptions {
  readonly strides?: Pair;
  readonly padding?: Padding;
  readonly dilation?: Pair;
  readonly groups?: number;
}

/**
 * Cross-correlation of images with a bank of kernels: y_bijo = sum_pqc x_b(i s + p d)(j s + q d)c k_pqco, as one matrix
 * product over the windows of x.
 *
 * Shape: x [B, H, W, C], kernel [kh, kw, C / groups, O] -> y [B, H', W', O].
 */
export function conv2d(x: Like, kernel: Like, { strides = 1, padding = 'valid', dilation = 1, groups = 1 }: ConvOptions = {}): Tensor {
  const [t, k] = [tensor(x), tensor(kernel)];
  if (k.rank !== 4) throw new ShapeError(`conv2d: expected kernel [kh, kw, C, O], got ${formatShape(k.shape)}.`);
  const [kh, kw, c, o] = k.shape as [number, number, number, number];
  if (!Number.isInteger(groups) || groups < 1 || o % groups) throw new ValueError(`conv2d: groups is ${groups}; it must divide the ${o} output channels.`);
  if (t.rank === 4 && t.shape[3] !== c * groups) throw new ShapeError(`conv2d: channels differ: x ${formatShape(t.shape)} has ${t.shape[3]}, kernel ${formatShape(k.shape)} takes ${c * groups} (${c} x ${groups} groups).`);
  const a: WindowAttributes = { kernel: [kh, kw], strides: wholePair('conv2d', 'strides', strides), dilation: wholePair('conv2d', 'dilation', dilation) };
  if (groups > 1) {
    const [xs, ks] = [split(t, groups, { axis: 3 }), split(k, groups, { axis: 3 })];
    return concat(xs.map((part, i) => conv2d(part, ks[i]!, { strides, padding, dilation })), { axis: 3 });
  }
  const w = windows(paddedImage('conv2d', t, padding, a), a); // [B, H', W', kh, kw, C]
  const [b, h, wide] = w.shape as [number, number, number];
  return reshape(matmul(reshape(w, [b * h * wide, kh * kw * c]), reshape(k, [kh * kw * c, o])), [b, h, wide, o]);
}
