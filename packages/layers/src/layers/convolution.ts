/** Convolution and pooling of images [B, H, W, C]. */
import { add, avgPool2d, conv2d, maxPool2d, mean, ShapeError, type Padding, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { getActivation, type ActivationLike } from '../activations.js';
import { Layer, type ActivityOption, type LayerDefaults, type LayerOptions, type WeightChoices } from '../layer.js';

type Pair = number | readonly [number, number];
const pair = (v: Pair): [number, number] => (typeof v === 'number' ? [v, v] : [v[0], v[1]]);

export interface Conv2DOptions extends LayerOptions, ActivityOption, WeightChoices<'kernel' | 'bias'> {
  readonly strides?: Pair;
  readonly padding?: Padding;
  readonly dilationRate?: Pair;
  readonly groups?: number;
  readonly activation?: ActivationLike;
  readonly useBias?: boolean;
}

/**
 * y = activation(x * kernel + bias), * the cross-correlation.
 *
 * Shape:   x [B, H, W, C] -> y [B, H', W', filters].
 * Weights: kernel [kh, kw, C / groups, filters], bias [filters].
 */
export class Conv2D extends Layer<Conv2DOptions> {
  static override readonly positional = ['filters', 'kernelSize'];
  static override readonly defaults: LayerDefaults<Conv2DOptions> = {
    strides: 1, padding: 'valid', dilationRate: 1, groups: 1, activation: 'linear', useBias: true, kernelInitializer: 'glorot_uniform', biasInitializer: 'zeros',
    kernelRegularizer: null, biasRegularizer: null, activityRegularizer: null, kernelConstraint: null, biasConstraint: null,
  };
  readonly kernelSize: readonly [number, number];
  kernel!: Variable;
  bias: Variable | null = null;
  constructor(readonly filters: number, kernelSize: Pair, o: Conv2DOptions = {}) {
    super({ ...o, strides: pair(o.strides ?? 1), dilationRate: pair(o.dilationRate ?? 1) });
    this.kernelSize = pair(kernelSize);
  }
  override build(shape: Shape): void {
    const { groups, useBias } = this.o;
    if (shape.length !== 4) throw new ShapeError(`Conv2D: expected x [B, H, W, C], got [${shape.join(', ')}].`);
    this.kernel = this.addWeight('kernel', [...this.kernelSize, shape[3]! / groups, this.filters], this.choices('kernel'));
    if (useBias) this.bias = this.addWeight('bias', [this.filters], this.choices('bias'));
  }
  override call(x: Tensor): Tensor {
    const { strides, padding, dilationRate, groups, activation } = this.o;
    const y = conv2d(x, this.kernel.value, { strides, padding, dilation: dilationRate, groups });
    return getActivation(activation)(this.bias ? add(y, this.bias.value) : y);
  }
  override computeMask(): null { return null; }
}

export interface Pooling2DOptions extends LayerOptions {
  readonly poolSize?: Pair;
  readonly strides?: Pair;
  readonly padding?: Padding;
}

abstract class Pooling2D extends Layer<Pooling2DOptions> {
  static override readonly defaults: LayerDefaults<Pooling2DOptions> = { poolSize: 2, strides: null, padding: 'valid' };
  constructor(o: Pooling2DOptions = {}) {
    const { poolSize = 2, strides } = o;
    super({ ...o, poolSize: pair(poolSize), strides: pair(strides ?? poolSize) });
  }
  override computeMask(): null { return null; }
}
/** The largest cell of each window. */
export class MaxPooling2D extends Pooling2D {
  override call(x: Tensor): Tensor { return maxPool2d(x, this.o.poolSize, this.o); }
}
/** The mean of the real cells of each window. */
export class AveragePooling2D extends Pooling2D {
  override call(x: Tensor): Tensor { return avgPool2d(x, this.o.poolSize, this.o); }
}
/** The mean of each channel: [B, H, W, C] -> [B, C]. */
export class GlobalAveragePooling2D extends Layer {
  override call(x: Tensor): Tensor { return mean(x, { axis: [1, 2] }); }
  override computeMask(): null { return null; }
}
