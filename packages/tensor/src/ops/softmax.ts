/**
 * Softmax and its logarithm. The gradient rules speak in methods, which the index installs: whoever differentiates has loaded
 * it, and whoever imports only softmax does not pay for the other ops.
 */
import { rowsFamily, rowsGradientFamily, type RowParams } from '../backends/js/rows.js';
import { tensor, type Like } from '../create.js';
import { toFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { defineOp, run1, type Op } from '../op.js';
import { broadcastShapes, formatShape, normalizeAxis, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { withOp } from './with-op.js';

interface RowAttributes {
  readonly axis: number;
}
export interface SoftmaxOptions {
  readonly axis?: number;
  /** Bool, broadcasts to x: true = takes part. A row in which nothing takes part gives 0 and has gradient 0. */
  readonly mask?: Like;
}

const rowOp = (kind: RowParams['kind'], gradient: Op<RowAttributes>): Op<RowAttributes> => defineOp<RowAttributes>({
  name: kind,
  infer([x, mask]) {
    if (mask && mask.dtype !== 'bool') throw new DTypeError(`${kind}: mask ${formatShape(mask.shape)} is ${mask.dtype}; it must be bool, true = takes part.`);
    if (mask && !sameShape(broadcastShapes(kind, [x!.shape, mask.shape], ['x', 'mask']), x!.shape)) {
      throw new ShapeError(`${kind}: mask ${formatShape(mask.shape)} does not broadcast to x ${formatShape(x!.shape)}; it may not be larger.`);
    }
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  lower: (inputs, { axis }) => ({ family: rowsFamily, params: { kind, axis, masked: inputs.length > 1 } }),
  vjp: [([g], { x: [, mask], y: [y], a }) => run1(gradient, [y!, g!, ...(mask && kind === 'logSoftmax' ? [mask] : [])], a), null],
  reads: kind === 'softmax' ? { inputs: [], outputs: [0] } : { inputs: [1], outputs: [0] },
});

/** The gradient of x from y, that of y and, for a masked logarithm, the mask. */
const rowGradientOp = (kind: RowParams['kind'], compose: (x: readonly Tensor[], a: RowAttributes) => Tensor): Op<RowAttributes> => defineOp<RowAttributes>({
  name: `${kind}Gradient`,
  infer: ([y]) => [{ shape: y!.shape, dtype: y!.dtype }],
  compose: (x, a) => [compose(x, a)],
  fused: (inputs, { axis }) => ({ family: rowsGradientFamily, params: { kind, axis, masked: inputs.length > 2 } }),
  vjp: 'compose',
});

const rowFunction = (op: Op<RowAttributes>) => (x: Like, { axis = -1, mask }: SoftmaxOptions = {}): Tensor => {
  const t = tensor(x);
  return run1(op, [cast(t, toFloat(t.dtype)), ...(mask === undefined ? [] : [tensor(mask)])], { axis: normalizeAxis(op.name, axis, t.shape) });
};

export const softmaxGradientOp = /* @__PURE__ */ rowGradientOp('softmax', ([y, g], { axis }) =>
  y!.mul(g!.sub(g!.mul(y!).sum({ axis, keepDims: true }))));
export const softmaxOp = /* @__PURE__ */ rowOp('softmax', softmaxGradientOp);

/**
 * Turns scores into probabilities along one axis: y_i = e^(x_i - m) / sum_j e^(x_j - m), with m = max_j x_j.
 *
 * Shape:    x [..., n, ...] -> y, the same.
 * Gradient: gx = y * (g - sum_j g_j y_j).
 * Numerics: unchanged when m is subtracted, and e^(x - m) <= 1 cannot overflow.
 * Source:   Bridle 1990, "Probabilistic Interpretation of Feedforward Classification Network Outputs".
 */
export const softmax = /* @__PURE__ */ withOp(softmaxOp, rowFunction(softmaxOp));

export const logSoftmaxGradientOp = /* @__PURE__ */ rowGradientOp('logSoftmax', ([y, g, mask], { axis }) => {
  const p = mask ? y!.exp().mul(cast(mask, y!.dtype)) : y!.exp();
  const masked = mask ? g!.mul(cast(mask, g!.dtype)) : g!;
  return masked.sub(p.mul(masked.sum({ axis, keepDims: true })));
});
export const logSoftmaxOp = /* @__PURE__ */ rowOp('logSoftmax', logSoftmaxGradientOp);

/**
 * Logarithm of softmax along one axis: y_i = x_i - m - log sum_j e^(x_j - m), with m = max_j x_j. Masked places give 0.
 *
 * Shape:    x [..., n, ...] -> y, the same.
 * Gradient: gx = g - e^y * sum_j g_j.
 */
export const logSoftmax = /* @__PURE__ */ withOp(logSoftmaxOp, rowFunction(logSoftmaxOp));
