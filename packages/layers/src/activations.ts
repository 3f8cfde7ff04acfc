/** Activations by Keras's names. */
import { exp, gelu, logSoftmax, relu, sigmoid, silu, softmax, softplus, tanh, ValueError, type Tensor } from '@heed/tensor';

export type Activation = (x: Tensor) => Tensor;
export type ActivationLike = Activation | string | null;

/** Keras's names. A function that stands here is written by its name. */
export const activations: Record<string, Activation> = {
  linear: (x) => x, relu, sigmoid, tanh, softmax, log_softmax: logSoftmax, softplus, silu, swish: silu, gelu, exponential: exp,
};

/** An activation by name, or as it is; null is the identity. */
export function getActivation(which: ActivationLike | undefined): Activation {
  if (which === null || which === undefined) return activations.linear!;
  if (typeof which === 'function') return which;
  const f = activations[which];
  if (!f) throw new ValueError(`getActivation: there is no activation '${which}'; use ${Object.keys(activations).join(', ')}.`);
  return f;
}
