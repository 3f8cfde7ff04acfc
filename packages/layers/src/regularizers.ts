/** Penalties on weights and outputs, which training adds to the loss. Names, defaults and formulas are Keras's. */
import { abs, add, mul, square, sum, type Tensor } from '@heed/tensor';
import { described, lookUp, type Defaults, type Written } from './config.js';

/** A number that grows with x. */
export type Regularizer = (x: Tensor) => Tensor;
export type RegularizerLike = Regularizer | string | Written | null;

const regularizer = <O extends object>(className: string, defaults: Defaults<O>, make: (o: Required<O>) => Regularizer) => described('keras.regularizers', className, defaults, make);

const absolute = (factor: number): Regularizer => (x) => mul(sum(abs(x)), factor);
const squared = (factor: number): Regularizer => (x) => mul(sum(square(x)), factor);

/** l1 sum |x|. */
export const l1 = /* @__PURE__ */ regularizer<{ readonly l1?: number }>('L1', { l1: 0.01 }, (o) => absolute(o.l1));
/** l2 sum x^2 (without the half that some write). */
export const l2 = /* @__PURE__ */ regularizer<{ readonly l2?: number }>('L2', { l2: 0.01 }, (o) => squared(o.l2));
/** l1 sum |x| + l2 sum x^2. */
export const l1l2 = /* @__PURE__ */ regularizer<{ readonly l1?: number; readonly l2?: number }>('L1L2', { l1: 0, l2: 0 }, (o) => (x) => add(absolute(o.l1)(x), squared(o.l2)(x)));

export const regularizers: Record<string, (o?: never) => Regularizer> = { l1, l2, l1_l2: l1l2, l1l2 };

/** A regularizer by Keras's name or configuration, or as it is; null is none. */
export const getRegularizer = (which: RegularizerLike | undefined): Regularizer | null => (which ? lookUp('Regularizer', which, regularizers) : null);
