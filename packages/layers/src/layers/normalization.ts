/** Normalization, with Keras's epsilon of 0.001. */
import { add, layerNorm, mean, mul, reshape, rsqrt, square, sub, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { stopGradient } from '@heed/autograd';
import { Layer, type CallOptions, type Config, type LayerOptions } from '../layer.js';

export interface NormalizationOptions extends LayerOptions {
  readonly axis?: number;
  readonly epsilon?: number;
  readonly center?: boolean;
  readonly scale?: boolean;
}

/**
 * Each sample brought to mean 0 and variance 1 along the last axis, then scaled and shifted.
 *
 * Weights: gamma, beta [C]. Source: Ba et al. 2016.
 */
export class LayerNormalization extends Layer {
  gamma: Variable | null = null;
  beta: Variable | null = null;
  constructor(private readonly o: NormalizationOptions = {}) { super(o); }
  override build(shape: Shape): void {
    const { axis = -1, center = true, scale = true } = this.o;
    const size = [shape[axis < 0 ? shape.length + axis : axis]!];
    if (scale) this.gamma = this.addWeight('gamma', size, { initializer: 'ones' });
    if (center) this.beta = this.addWeight('beta', size, { initializer: 'zeros' });
  }
  override call(x: Tensor): Tensor {
    const { axis = -1, epsilon = 1e-3 } = this.o;
    const at = axis < 0 ? x.rank + axis : axis;
    const along = (v: Variable | null) => v && reshape(v.value, x.shape.map((n, i) => (i === at ? n : 1)));
    return layerNorm(x, { axis: at, epsilon, gamma: along(this.gamma) ?? undefined, beta: along(this.beta) ?? undefined });
  }
  override getConfig(): Config { return { ...super.getConfig(), axis: this.o.axis ?? -1, epsilon: this.o.epsilon ?? 1e-3 }; }
}

/**
 * Each channel brought to mean 0 and variance 1 over the batch while training, by its moving statistics otherwise; then scaled
 * and shifted. moving = momentum moving + (1 - momentum) batch, with the biased variance.
 *
 * Weights: gamma, beta, moving_mean, moving_variance [C]. Source: Ioffe and Szegedy 2015.
 */
export class BatchNormalization extends Layer {
  gamma: Variable | null = null;
  beta: Variable | null = null;
  movingMean!: Variable;
  movingVariance!: Variable;
  constructor(private readonly o: NormalizationOptions & { readonly momentum?: number } = {}) { super(o); }
  override build(shape: Shape): void {
    const { axis = -1, center = true, scale = true } = this.o;
    const size = [shape[axis < 0 ? shape.length + axis : axis]!];
    if (scale) this.gamma = this.addWeight('gamma', size, { initializer: 'ones' });
    if (center) this.beta = this.addWeight('beta', size, { initializer: 'zeros' });
    this.movingMean = this.addWeight('moving_mean', size, { initializer: 'zeros', trainable: false });
    this.movingVariance = this.addWeight('moving_variance', size, { initializer: 'ones', trainable: false });
  }
  override call(x: Tensor, { training = false }: CallOptions): Tensor {
    const { axis = -1, epsilon = 1e-3, momentum = 0.99 } = this.o;
    const at = axis < 0 ? x.rank + axis : axis;
    const shape = x.shape.map((n, i) => (i === at ? n : 1));
    const along = (v: Tensor) => reshape(v, shape);
    let [m, v] = [this.movingMean.value, this.movingVariance.value];
    if (training && this.trainable) {
      const axes = [...x.shape.keys()].filter((i) => i !== at);
      m = mean(x, { axis: axes });
      v = mean(square(sub(x, along(m))), { axis: axes });
      const move = (w: Variable, now: Tensor) => w.assign(add(mul(w.value, momentum), mul(stopGradient(now), 1 - momentum)));
      move(this.movingMean, m);
      move(this.movingVariance, v);
    }
    const factor = rsqrt(add(along(v), epsilon));
    const y = mul(sub(x, along(m)), this.gamma ? mul(factor, along(this.gamma.value)) : factor);
    return this.beta ? add(y, along(this.beta.value)) : y;
  }
  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.o.axis ?? -1, momentum: this.o.momentum ?? 0.99, epsilon: this.o.epsilon ?? 1e-3 };
  }
}
