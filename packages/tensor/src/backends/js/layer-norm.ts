/** Layer normalization over the last axis as one kernel, forwards and backwards; in js it is composed of smaller ops (ops/layer-norm.ts). */
import { fusedFamily } from '../../backend.js';

export interface LayerNormParams {
  readonly epsilon: number;
  /** Whether gamma [n], and beta [n], follow x. */
  readonly scaled: boolean;
  readonly shifted: boolean;
}
/** x -> y, the mean of each row, and 1 / sqrt(its variance + epsilon). */
export const layerNormFamily = /* @__PURE__ */ fusedFamily<LayerNormParams>('layerNorm');

export interface LayerNormGradientParams {
  /** Whether gamma [n] follows the other inputs. */
  readonly scaled: boolean;
  /** Whether the gradients of gamma and beta are wanted besides that of x. */
  readonly parameters: boolean;
}
/** x, mean, reciprocal deviation, the gradient of y -> gx, ggamma, gbeta. */
export const layerNormGradientFamily = /* @__PURE__ */ fusedFamily<LayerNormGradientParams>('layerNormGradient');
