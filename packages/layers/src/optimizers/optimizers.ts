/** Optimizers, with Keras's rules and defaults. */
import { add, div, elementwiseOp, mul, run, sqrt, square, sub, tensor, type Tensor, type Variable } from '@heed/tensor';
import { share } from '@heed/tensor/checks';
import * as e from '@heed/tensor/scalar';
import { commonDefaults, Optimizer, type OptimizerDefaults, type OptimizerOptions } from './optimizer.js';

export interface SGDOptions extends OptimizerOptions {
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

/** Gradient descent: w -= rate g; with momentum m, v = m v - rate g and w += v (Nesterov: w += m v - rate g). */
export class SGD extends Optimizer<SGDOptions> {
  static override readonly defaults: OptimizerDefaults<SGDOptions> = { learningRate: 0.01, ...commonDefaults, momentum: 0, nesterov: false };
  protected readonly slotNames: readonly string[];
  constructor(o: SGDOptions = {}) {
    super(o);
    const { momentum } = this.o;
    share('SGD', 'momentum', momentum, true);
    this.slotNames = momentum ? ['momentum'] : [];
  }
  protected update(w: Tensor, g: Tensor, [velocity]: readonly Variable[], rate: Tensor): Tensor {
    const { momentum, nesterov } = this.o;
    const step = mul(rate, g);
    if (!velocity) return sub(w, step);
    const v = sub(mul(velocity.value, momentum), step);
    velocity.assign(v);
    return add(w, nesterov ? sub(mul(v, momentum), step) : v);
  }
}

export interface RMSpropOptions extends OptimizerOptions {
  readonly rho?: number;
  readonly momentum?: number;
  readonly epsilon?: number;
  readonly centered?: boolean;
}

/** v = rho v + (1 - rho) g^2; w -= rate g / sqrt(v + epsilon). Centered: the squared mean is taken off v. Source: Hinton 2012. */
export class RMSprop extends Optimizer<RMSpropOptions> {
  static override readonly defaults: OptimizerDefaults<RMSpropOptions> = { learningRate: 0.001, ...commonDefaults, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false };
  protected readonly slotNames: readonly string[];
  constructor(o: RMSpropOptions = {}) {
    super(o);
    share('RMSprop', 'rho', this.o.rho, true);
    share('RMSprop', 'momentum', this.o.momentum, true);
    this.slotNames = ['velocity', ...(o.momentum ? ['momentum'] : []), ...(o.centered ? ['average_gradient'] : [])];
  }
  protected update(w: Tensor, g: Tensor, slots: readonly Variable[], rate: Tensor): Tensor {
    const { rho, momentum, epsilon, centered } = this.o;
    const average = (slot: Variable, x: Tensor) => {
      const next = add(mul(slot.value, rho), mul(x, 1 - rho));
      slot.assign(next);
      return next;
    };
    const v = average(slots[0]!, square(g));
    const denominator = centered ? sub(v, square(average(slots[slots.length - 1]!, g))) : v;
    const step = div(mul(rate, g), sqrt(add(denominator, epsilon)));
    if (!momentum) return sub(w, step);
    const next = add(mul(slots[1]!.value, momentum), step);
    slots[1]!.assign(next);
    return sub(w, next);
  }
}

export interface AdamOptions extends OptimizerOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly amsgrad?: boolean;
}

/** w, g, m, v, alpha -> w, m, v: the whole update in one kernel. */
export const adamOp = /* @__PURE__ */ elementwiseOp<{ beta1: number; beta2: number; epsilon: number }>('adam', ([w, g, m, v, alpha], { beta1, beta2, epsilon }) => {
  const momentum = e.add(m!, e.mul(e.sub(g!, m!), 1 - beta1));
  const velocity = e.add(v!, e.mul(e.sub(e.mul(g!, g!), v!), 1 - beta2));
  return [e.sub(w!, e.div(e.mul(momentum, alpha!), e.add(e.sqrt(velocity), epsilon))), momentum, velocity];
});

/**
 * m += (g - m)(1 - b1); v += (g^2 - v)(1 - b2); w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon).
 *
 * Source: Kingma and Ba 2015, "Adam"; amsgrad: Reddi et al. 2018.
 */
export class Adam extends Optimizer<AdamOptions> {
  static override readonly defaults: OptimizerDefaults<AdamOptions> = { learningRate: 0.001, ...commonDefaults, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, amsgrad: false };
  protected readonly slotNames: readonly string[];
  constructor(o: AdamOptions = {}) {
    super(o);
    share('Adam', 'beta1', this.o.beta1);
    share('Adam', 'beta2', this.o.beta2);
    this.slotNames = ['momentum', 'velocity', ...(o.amsgrad ? ['velocity_hat'] : [])];
  }
  protected update(w: Tensor, g: Tensor, [m, v, vHat]: readonly Variable[], rate: Tensor, t: Tensor): Tensor {
    const { beta1, beta2, epsilon } = this.o;
    const power = (base: number) => sub(1, tensor(base).pow(t));
    const alpha = div(mul(rate, sqrt(power(beta2))), power(beta1));
    const [next, momentum, velocity] = run(adamOp, [w, g, m!.value, v!.value, alpha], { beta1, beta2, epsilon }) as [Tensor, Tensor, Tensor];
    m!.assign(momentum);
    v!.assign(velocity);
    if (!vHat) return next;
    const largest = vHat.value.maximum(velocity);
    vHat.assign(largest);
    return sub(w, div(mul(momentum, alpha), add(sqrt(largest), epsilon)));
  }
}
