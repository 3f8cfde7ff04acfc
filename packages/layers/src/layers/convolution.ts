/** Convolution and pooling of images [B, H, W, C]. */
import { add, avgPool2d, conv2d, maxPool2d, mean, ShapeError, type Padding, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { activationName, getActivation, type ActivationLike } from '../activations.js';
import type { InitializerLike } from '../initializers.js';
import { Layer, type Config, type LayerOptions } from '../layer.js';

type Pair = number | readonly [number, number];
const pair = (v: Pair): [number, number] => (typeof v === 'number' ? [v, v] : [v[0], v[1]]);

export interface Conv2DOptions extends LayerOptions {
  readonly strides?: Pair;
  readonly padding?: Padding;
  readonly dilationRate?: Pair;
  readonly groups?: number;
  readonly activation?: ActivationLike;
  readonly useBias?: boolean;
  readonly kernelInitializer?: InitializerLike;
  readonly biasInitializer?: InitializerLike;
}

/**
 * y = activation(x * kernel + bias), * the cross-correlation.
 *
 * Shape:   x [B, H, W, C] -> y [B, H', W', filters].
 * Weights: kernel [kh, kw, C / groups, filters], bias [filters].
 */
export class Conv2D extends Layer {
  kernel!: Variable;
  bias: Variable | null = null;
  constructor(readonly filters: number, readonly kernelSize: Pair, private readonly o: Conv2DOptions = {}) { super(o); }
  override build(shape: Shape): void {
    const { groups = 1, useBias = true, kernelInitializer = 'glorot_uniform', biasInitializer = 'zeros' } = this.o;
    if (shape.length !== 4) throw new ShapeError(`Conv2D: expected x [B, H, W, C], got [${shape.join(', ')}].`);
    this.kernel = this.addWeight('kernel', [...pair(this.kernelSize), shape[3]! / groups, this.filters], { initializer: kernelInitializer });
    if (useBias) this.bias = this.addWeight('bias', [this.filters], { initializer: biasInitializer });
  }
  override call(x: Tensor): Tensor {
    const { strides = 1, padding = 'valid', dilationRate = 1, groups = 1, activation } = this.o;
    const y = conv2d(x, this.kernel.value, { strides, padding, dilation: dilationRate, groups });
    return getActivation(activation)(this.bias ? add(y, this.bias.value) : y);
  }
  override computeMask(): null { return null; }
  override getConfig(): Config {
    const { strides = 1, padding = 'valid', dilationRate = 1, groups = 1, activation, useBias = true } = this.o;
    return { ...super.getConfig(), filters: this.filters, kernel_size: pair(this.kernelSize), strides: pair(strides), padding, dilation_rate: pair(dilationRate), groups, activation: activationName(activation), use_bias: useBias };
  }
}

export interface Pooling2DOptions extends LayerOptions {
  readonly poolSize?: Pair;
  readonly strides?: Pair;
  readonly padding?: Padding;
}

abstract class Pooling2D extends Layer {
  constructor(protected readonly o: Pooling2DOptions = {}) { super(o); }
  override computeMask(): null { return null; }
  override getConfig(): Config {
    const { poolSize = 2, strides = poolSize, padding = 'valid' } = this.o;
    return { ...super.getConfig(), pool_size: pair(poolSize), strides: pair(strides), padding };
  }
}
/** The largest cell of each window. */
export class MaxPooling2D extends Pooling2D {
  override call(x: Tensor): Tensor { return maxPool2d(x, this.o.poolSize ?? 2, this.o); }
}
/** The mean of the real cells of each window. */
export class AveragePooling2D extends Pooling2D {
  override call(x: Tensor): Tensor { return avgPool2d(x, this.o.poolSize ?? 2, this.o); }
}
/** The mean of each channel: [B, H, W, C] -> [B, C]. */
export class GlobalAveragePooling2D extends Layer {
  override call(x: Tensor): Tensor { return mean(x, { axis: [1, 2] }); }
  override computeMask(): null { return null; }
}
