/** Convolution and pooling of images [B, H, W, C]. */
import { wholePair } from '../checks.js';
import { tensor, type Like } from '../create.js';
import { isFloat } from '../dtype.js';
import { ShapeError, ValueError } from '../errors.js';
import { formatShape } from '../shape.js';
import { ones, zeros, arange } from '../create.js';
import type { Tensor } from '../tensor.js';
import { div, equal, where } from './binary.js';
import { cast } from './cast.js';
import { concat, split } from './concat.js';
import { matmul } from './matmul.js';
import { argmax } from './reduce.js';
import { expandDims, reshape } from './reshape.js';
import { pad } from './pad.js';
import { sum } from './sum.js';
import { reach, windows, type WindowAttributes } from './windows.js';

type Pair = number | readonly [number, number];
export type Padding = 'valid' | 'same' | readonly [readonly [number, number], readonly [number, number]];

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

/** The windows of a padded image, refused where there are none. */
function padded(who: string, x: Tensor, padding: Padding, a: WindowAttributes, value = 0): Tensor {
  if (x.rank !== 4) throw new ShapeError(`${who}: expected x [B, H, W, C], got ${formatShape(x.shape)}.`);
  const [rows, columns] = paddingOf(who, padding, x.shape, a);
  const around = pad(x, [[0, 0], rows, columns, [0, 0]], { value });
  ([0, 1] as const).forEach((axis) => {
    const needed = reach(a.kernel[axis], a.dilation[axis]);
    if (around.shape[axis + 1]! < needed) throw new ShapeError(`${who}: x ${formatShape(x.shape)} has ${around.shape[axis + 1]} ${axis ? 'columns' : 'rows'} with padding, the kernel covers ${needed}; it must fit.`);
  });
  return windows(around, a);
}

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
  const w = padded('conv2d', t, padding, a); // [B, H', W', kh, kw, C]
  const [b, h, wide] = w.shape as [number, number, number];
  return reshape(matmul(reshape(w, [b * h * wide, kh * kw * c]), reshape(k, [kh * kw * c, o])), [b, h, wide, o]);
}

export interface PoolOptions {
  readonly strides?: Pair;
  readonly padding?: Padding;
}

function pool(who: string, x: Tensor, size: Pair, { strides = size, padding = 'valid' }: PoolOptions, value: number): Tensor {
  const kernel = wholePair(who, 'poolSize', size);
  const w = padded(who, x, padding, { kernel, strides: wholePair(who, 'strides', strides), dilation: [1, 1] }, value);
  const [b, h, wide, , , c] = w.shape as number[];
  return reshape(w, [b!, h!, wide!, kernel[0] * kernel[1], c!]); // [B, H', W', cells, C]
}

/**
 * The largest cell of each window. At a tie the first takes the whole gradient.
 *
 * Shape: x [B, H, W, C] -> y [B, H', W', C].
 */
export function maxPool2d(x: Like, poolSize: Pair = 2, o: PoolOptions = {}): Tensor {
  const t = tensor(x);
  const w = pool('maxPool2d', t, poolSize, o, isFloat(t.dtype) ? -Infinity : t.dtype === 'int32' ? -(2 ** 31) : 0);
  const first = expandDims(argmax(w, { axis: 3 }), 3);
  const winner = equal(reshape(arange(w.shape[3]!), [w.shape[3]!, 1]), first);
  return sum(where(winner, w, cast(zeros([]), w.dtype)), { axis: 3 });
}

/** The mean of the real cells of each window; padding doesn't count. Shape: x [B, H, W, C] -> y [B, H', W', C]. */
export function avgPool2d(x: Like, poolSize: Pair = 2, o: PoolOptions = {}): Tensor {
  const t = tensor(x);
  const total = sum(pool('avgPool2d', t, poolSize, o, 0), { axis: 3 });
  const real = pool('avgPool2d', ones([1, ...t.shape.slice(1, 3), 1], { dtype: t.dtype }), poolSize, o, 0);
  return div(total, sum(real, { axis: 3 }));
}
