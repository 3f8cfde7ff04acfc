import { tensor, type Like } from '../create.js';
import { ShapeError } from '../errors.js';
import { broadcastShapes, formatShape, normalizeAxes, sameShape, type Axis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { add, mul, sub } from './binary.js';
import { mean } from './reduce.js';
import { rsqrt, square } from './unary.js';

export interface LayerNormOptions {
  readonly axis?: Axis;
  readonly gamma?: Like;
  readonly beta?: Like;
  readonly epsilon?: number;
}

/**
 * Each sample brought to mean 0 and variance 1 along some axes, then scaled and shifted:
 * y = gamma (x - mean) / sqrt(variance + epsilon) + beta.
 *
 * Shape:  x -> y, the same; gamma and beta broadcast to x.
 * Source: Ba et al. 2016, "Layer Normalization".
 */
export function layerNorm(x: Like, { axis = -1, gamma, beta, epsilon = 1e-3 }: LayerNormOptions = {}): Tensor {
  const t = tensor(x);
  const axes = normalizeAxes('layerNorm', axis, t.shape);
  for (const [name, value] of [['gamma', gamma], ['beta', beta]] as const) {
    if (value === undefined) continue;
    const { shape } = tensor(value);
    if (!sameShape(broadcastShapes('layerNorm', [t.shape, shape], ['x', name]), t.shape)) throw new ShapeError(`layerNorm: ${name} ${formatShape(shape)} is larger than x ${formatShape(t.shape)}; it must broadcast to x.`);
  }
  const centred = sub(t, mean(t, { axis: axes, keepDims: true }));
  const scale = rsqrt(add(mean(square(centred), { axis: axes, keepDims: true }), epsilon));
  const y = mul(centred, gamma === undefined ? scale : mul(scale, gamma));
  return beta === undefined ? y : add(y, beta);
}
