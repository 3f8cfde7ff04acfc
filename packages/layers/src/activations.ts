/** Activations by Keras's names. */
import { exp, gelu, logSoftmax, relu, sigmoid, silu, softmax, softplus, tanh, ValueError, type Tensor } from '@heed/tensor';

export type Activation = (x: Tensor) => Tensor;
export type ActivationLike = Activation | string | null;

const named: Record<string, Activation> = {
  linear: (x) => x, relu: (x) => relu(x), sigmoid: (x) => sigmoid(x), tanh: (x) => tanh(x), softmax: (x) => softmax(x),
  log_softmax: (x) => logSoftmax(x), softplus: (x) => softplus(x), silu: (x) => silu(x), swish: (x) => silu(x), gelu: (x) => gelu(x), exponential: (x) => exp(x),
};

/** An activation by name, or as it is; null is the identity. */
export function getActivation(which: ActivationLike | undefined): Activation {
  if (which === null || which === undefined) return named.linear!;
  if (typeof which === 'function') return which;
  const f = named[which];
  if (!f) throw new ValueError(`getActivation: there is no activation '${which}'; use ${Object.keys(named).join(', ')}.`);
  return f;
}

/** What stands in a configuration: the name. */
export const activationName = (which: ActivationLike | undefined): string => (which === null || which === undefined ? 'linear' : typeof which === 'string' ? which : which.name || 'custom');
