import { add, matmul, ShapeError, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { activationName, getActivation, type ActivationLike } from '../activations.js';
import type { InitializerLike } from '../initializers.js';
import { Layer, type Config, type LayerOptions } from '../layer.js';

export interface DenseOptions extends LayerOptions {
  readonly activation?: ActivationLike;
  readonly useBias?: boolean;
  readonly kernelInitializer?: InitializerLike;
  readonly biasInitializer?: InitializerLike;
}

/**
 * A linear map of the last axis: y = activation(x kernel + bias).
 *
 * Shape:   x [..., in] -> y [..., units].
 * Weights: kernel [in, units], bias [units].
 */
export class Dense extends Layer {
  kernel!: Variable;
  bias: Variable | null = null;
  constructor(readonly units: number, private readonly o: DenseOptions = {}) {
    super(o);
    if (!Number.isInteger(units) || units < 1) throw new ShapeError(`Dense: units is ${units}; it must be a whole number >= 1.`);
  }
  override build(shape: Shape): void {
    const { useBias = true, kernelInitializer = 'glorot_uniform', biasInitializer = 'zeros' } = this.o;
    if (!shape.length) throw new ShapeError(`${this.name}: expected x [..., in], got a scalar.`);
    this.kernel = this.addWeight('kernel', [shape[shape.length - 1]!, this.units], { initializer: kernelInitializer });
    if (useBias) this.bias = this.addWeight('bias', [this.units], { initializer: biasInitializer });
  }
  override call(x: Tensor): Tensor {
    const inputs = this.kernel.shape[0]!;
    if (x.shape[x.rank - 1] !== inputs) throw new ShapeError(`Dense: expected x [..., ${inputs}], got [${x.shape.join(', ')}].`);
    const y = matmul(x, this.kernel.value);
    return getActivation(this.o.activation)(this.bias ? add(y, this.bias.value) : y);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), units: this.units, activation: activationName(this.o.activation), use_bias: this.o.useBias ?? true };
  }
}
