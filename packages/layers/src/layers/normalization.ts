/** Normalization, with Keras's epsilon of 0.001. */
import { add, broadcastTo, cast, div, expandDims, layerNorm, mean, mul, reshape, rsqrt, ShapeError, square, sub, sum, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { normalizeAxes, normalizeAxis } from '@heed/tensor/shape';
import { stopGradient } from '@heed/autograd';
import type { InitializerLike } from '../initializers.js';
import { Layer, type CallOptions, type LayerDefaults, type LayerOptions, type WeightChoices } from '../layer.js';

export interface NormalizationOptions extends LayerOptions, WeightChoices<'gamma' | 'beta'> {
  readonly axis?: number;
  readonly epsilon?: number;
  readonly center?: boolean;
  readonly scale?: boolean;
}
export interface LayerNormalizationOptions extends Omit<NormalizationOptions, 'axis'> {
  readonly axis?: number | readonly number[];
}
const defaults: LayerDefaults<NormalizationOptions> = {
  axis: -1, epsilon: 1e-3, center: true, scale: true, betaInitializer: 'zeros', gammaInitializer: 'ones',
  betaRegularizer: null, gammaRegularizer: null, betaConstraint: null, gammaConstraint: null,
};

/**
 * Each sample brought to mean 0 and variance 1 along the last axis, or several, then scaled and shifted.
 *
 * Weights: gamma, beta [C], with an axis for each that is normalized. Source: Ba et al. 2016.
 */
export class LayerNormalization extends Layer<LayerNormalizationOptions> {
  static override readonly defaults: LayerDefaults<LayerNormalizationOptions> = defaults;
  gamma: Variable | null = null;
  beta: Variable | null = null;
  /** The axes as numbers from 0, in order. */
  private axesOf(shape: Shape): number[] {
    const { axis } = this.o;
    return normalizeAxes('LayerNormalization', axis, shape);
  }
  override build(shape: Shape): void {
    const { center, scale } = this.o;
    const size = this.axesOf(shape).map((i) => shape[i]!);
    if (scale) this.gamma = this.addWeight('gamma', size, this.choices('gamma'));
    if (center) this.beta = this.addWeight('beta', size, this.choices('beta'));
  }
  override call(x: Tensor): Tensor {
    const { epsilon } = this.o;
    const axes = this.axesOf(x.shape);
    const along = (v: Variable | null) => v && reshape(v.value, x.shape.map((n, i) => (axes.includes(i) ? n : 1)));
    return layerNorm(x, { axis: axes, epsilon, gamma: along(this.gamma) ?? undefined, beta: along(this.beta) ?? undefined });
  }
}

export interface BatchNormalizationOptions extends NormalizationOptions {
  readonly momentum?: number;
  readonly movingMeanInitializer?: InitializerLike;
  readonly movingVarianceInitializer?: InitializerLike;
}
/**
 * Each channel brought to mean 0 and variance 1 over the batch while training, by its moving statistics otherwise; then scaled
 * and shifted. moving = momentum moving + (1 - momentum) batch, with the biased variance. Masked cells do not count.
 *
 * Weights: gamma, beta, moving_mean, moving_variance [C]. Source: Ioffe and Szegedy 2015.
 */
export class BatchNormalization extends Layer<BatchNormalizationOptions> {
  static override readonly defaults: LayerDefaults<BatchNormalizationOptions> = { ...defaults, momentum: 0.99, movingMeanInitializer: 'zeros', movingVarianceInitializer: 'ones' };
  gamma: Variable | null = null;
  beta: Variable | null = null;
  movingMean!: Variable;
  movingVariance!: Variable;
  override build(shape: Shape): void {
    const { axis, center, scale } = this.o;
    const size = [shape[normalizeAxis('BatchNormalization', axis, shape)]!];
    if (scale) this.gamma = this.addWeight('gamma', size, this.choices('gamma'));
    if (center) this.beta = this.addWeight('beta', size, this.choices('beta'));
    this.movingMean = this.addWeight('moving_mean', size, { ...this.choices('movingMean'), trainable: false });
    this.movingVariance = this.addWeight('moving_variance', size, { ...this.choices('movingVariance'), trainable: false });
  }
  override call(x: Tensor, { training = false, mask }: CallOptions): Tensor {
    const { axis, epsilon, momentum } = this.o;
    const at = normalizeAxis('BatchNormalization', axis, x.shape);
    const shape = x.shape.map((n, i) => (i === at ? n : 1));
    const along = (v: Tensor) => reshape(v, shape);
    let [m, v] = [this.movingMean.value, this.movingVariance.value];
    if (training && this.trainable) {
      const axes = [...x.shape.keys()].filter((i) => i !== at);
      const average = mask ? keptMean(x, mask as Tensor, axes) : (t: Tensor) => mean(t, { axis: axes });
      m = average(x);
      v = average(square(sub(x, along(m))));
      const move = (w: Variable, now: Tensor) => w.assign(add(mul(w.value, momentum), mul(stopGradient(now), 1 - momentum)));
      move(this.movingMean, m);
      move(this.movingVariance, v);
    }
    const factor = rsqrt(add(along(v), epsilon));
    const y = mul(sub(x, along(m)), this.gamma ? mul(factor, along(this.gamma.value)) : factor);
    return this.beta ? add(y, along(this.beta.value)) : y;
  }
}

/** The mean over some axes of the cells that a mask [B, T, ...] keeps of x [B, T, ..., C]; 0 where it keeps none. */
function keptMean(x: Tensor, mask: Tensor, axes: readonly number[]): (t: Tensor) => Tensor {
  if (mask.shape.join() !== x.shape.slice(0, -1).join()) throw new ShapeError(`BatchNormalization: mask [${mask.shape.join(', ')}] does not fit x [${x.shape.join(', ')}]; it must be [${x.shape.slice(0, -1).join(', ')}].`);
  const kept = broadcastTo(cast(expandDims(mask, -1), x.dtype), x.shape);
  const count = add(sum(kept, { axis: axes }), 1e-7);
  return (t) => div(sum(mul(t, kept), { axis: axes }), count);
}
