/** Convolution and pooling of images [B, H, W, C]. */
import { add, avgPool2d, conv2d, maxPool2d, mean, ShapeError, ValueError, type Padding, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { wholeNumber, wholePair } from '@heed/tensor/checks';
import { getActivation, type ActivationLike } from '../activations.js';
import { Layer, type ActivityOption, type LayerDefaults, type LayerOptions, type WeightChoices } from '../layer.js';

type Pair = number | readonly [number, number];
function checkPadding(who: string, padding: Padding | undefined): void {
  if (typeof padding === 'string' && !['valid', 'same'].includes(padding)) throw new ValueError(`${who}: there is no padding '${String(padding)}'; use 'valid', 'same' or pairs [[before, after], [before, after]].`);
}

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
    super({ ...o, strides: wholePair('Conv2D', 'strides', o.strides ?? 1), dilationRate: wholePair('Conv2D', 'dilationRate', o.dilationRate ?? 1) });
    wholeNumber('Conv2D', 'filters', filters);
    wholeNumber('Conv2D', 'groups', this.o.groups);
    checkPadding('Conv2D', o.padding);
    this.kernelSize = wholePair('Conv2D', 'kernelSize', kernelSize);
  }
  override build(shape: Shape): void {
    const { groups, useBias } = this.o;
    if (shape.length !== 4) throw new ShapeError(`Conv2D: expected x [B, H, W, C], got [${shape.join(', ')}].`);
    if (shape[3]! % groups || this.filters % groups) throw new ValueError(`Conv2D: groups is ${groups}; it must divide the ${shape[3]} channels of x and the ${this.filters} filters.`);
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
    const who = new.target.name;
    super({ ...o, poolSize: wholePair(who, 'poolSize', poolSize), strides: wholePair(who, 'strides', strides ?? poolSize) });
    checkPadding(who, o.padding);
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
