/** What a weight is brought to after each step of the optimizer. Names, defaults and formulas are Keras's. */
import { add, clip, div, maximum, mul, sqrt, square, sum, type Tensor, type Variable } from '@heed/tensor';
import { described, lookUp, type Defaults, type Written } from './config.js';

/** The nearest allowed value, or a step towards it. */
export type Constraint = (w: Tensor) => Tensor;
export type ConstraintLike = Constraint | string | Written | null;

const constraint = <O extends object>(className: string, defaults: Defaults<O>, make: (o: Required<O>) => Constraint) => described('keras.constraints', className, defaults, make);

export interface AxisOption {
  /** The axes that a norm is taken over: 0 for a kernel [in, units], so that it is a unit's; [0, 1, 2] for a convolution's. */
  readonly axis?: number | readonly number[];
}
/** w with its norms along an axis changed. */
const normed = (axis: number | readonly number[], wanted: (norm: Tensor) => Tensor | number): Constraint => (w) => {
  const norm = sqrt(sum(square(w), { axis, keepDims: true }));
  return mul(w, div(wanted(norm), add(norm, 1e-7)));
};

/** max(w, 0). */
export const nonNeg = /* @__PURE__ */ constraint('NonNeg', {}, () => (w) => maximum(w, 0));
/** w with norms of at most maxValue. */
export const maxNorm = /* @__PURE__ */ constraint<{ readonly maxValue?: number } & AxisOption>('MaxNorm', { maxValue: 2, axis: 0 }, ({ maxValue, axis }) => normed(axis, (norm) => clip(norm, 0, maxValue)));
/** w with norms of 1. */
export const unitNorm = /* @__PURE__ */ constraint<AxisOption>('UnitNorm', { axis: 0 }, ({ axis }) => normed(axis, () => 1));
/** w with norms in [minValue, maxValue], or moved towards it by `rate`. */
export const minMaxNorm = /* @__PURE__ */ constraint<{ readonly minValue?: number; readonly maxValue?: number; readonly rate?: number } & AxisOption>(
  'MinMaxNorm', { minValue: 0, maxValue: 1, rate: 1, axis: 0 },
  ({ minValue, maxValue, rate, axis }) => normed(axis, (norm) => add(mul(clip(norm, minValue, maxValue), rate), mul(norm, 1 - rate))),
);

export const constraints: Record<string, (o?: never) => Constraint> = { non_neg: nonNeg, max_norm: maxNorm, unit_norm: unitNorm, min_max_norm: minMaxNorm };

/** A constraint by Keras's name or configuration, or as it is; null is none. */
export const getConstraint = (which: ConstraintLike | undefined): Constraint | null => (which ? lookUp('Constraint', which, constraints) : null);

/** The constraints of weights that have one. Optimizers obey them. */
const bound = new WeakMap<Variable, Constraint>();
export function constrain(v: Variable, by: Constraint | null): void {
  if (by) bound.set(v, by);
}
/** A value for a variable, brought to what its constraint allows. */
export const allowed = (v: Variable, next: Tensor): Tensor => bound.get(v)?.(next) ?? next;
