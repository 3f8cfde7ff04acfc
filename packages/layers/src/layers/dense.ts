import { add, matmul, ShapeError, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { wholeNumber } from '@heed/tensor/checks';
import { getActivation, type ActivationLike } from '../activations.js';
import { Layer, type ActivityOption, type LayerDefaults, type LayerOptions, type WeightChoices } from '../layer.js';

export interface DenseOptions extends LayerOptions, ActivityOption, WeightChoices<'kernel' | 'bias'> {
  readonly activation?: ActivationLike;
  readonly useBias?: boolean;
}

/**
 * A linear map of the last axis: y = activation(x kernel + bias).
 *
 * Shape:   x [..., in] -> y [..., units].
 * Weights: kernel [in, units], bias [units].
 */
export class Dense extends Layer<DenseOptions> {
  static override readonly positional = ['units'];
  static override readonly defaults: LayerDefaults<DenseOptions> = {
    activation: 'linear', useBias: true, kernelInitializer: 'glorot_uniform', biasInitializer: 'zeros',
    kernelRegularizer: null, biasRegularizer: null, activityRegularizer: null, kernelConstraint: null, biasConstraint: null,
  };
  kernel!: Variable;
  bias: Variable | null = null;
  constructor(readonly units: number, o: DenseOptions = {}) {
    super(o);
    wholeNumber('Dense', 'units', units);
  }
  override build(shape: Shape): void {
    if (!shape.length) throw new ShapeError(`${this.name}: expected x [..., in], got a scalar.`);
    this.kernel = this.addWeight('kernel', [shape[shape.length - 1]!, this.units], this.choices('kernel'));
    if (this.o.useBias) this.bias = this.addWeight('bias', [this.units], this.choices('bias'));
  }
  override call(x: Tensor): Tensor {
    const inputs = this.kernel.shape[0]!;
    if (x.shape[x.rank - 1] !== inputs) throw new ShapeError(`Dense: expected x [..., ${inputs}], got [${x.shape.join(', ')}].`);
    const y = matmul(x, this.kernel.value);
    return getActivation(this.o.activation)(this.bias ? add(y, this.bias.value) : y);
  }
}
