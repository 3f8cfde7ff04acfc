/** Losses, with Keras's names and numbers: functions give one value per sample (and step), classes and strings the mean. */
import { add, cast, clip, div, log, logSoftmax, mean, mul, neg, oneHot, reshape, ShapeError, softplus, square, sub, sum, tensor, ValueError, type Like, type Tensor } from '@heed/tensor';

const formatShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

const epsilon = 1e-7;

export interface CrossentropyOptions {
  /** Whether yPred are scores instead of probabilities. */
  readonly fromLogits?: boolean;
  readonly labelSmoothing?: number;
}
export type LossFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

function same(who: string, yTrue: Like, yPred: Like): [Tensor, Tensor] {
  const p = tensor(yPred);
  const t = cast(tensor(yTrue), p.dtype);
  // Keras squeezes or expands a last axis of size 1.
  const y = t.rank === p.rank - 1 && p.shape[p.rank - 1] === 1 ? reshape(t, [...t.shape, 1]) : t;
  if (formatShape(y.shape) !== formatShape(p.shape)) throw new ShapeError(`${who}: yTrue ${formatShape(t.shape)} does not fit yPred ${formatShape(p.shape)}; the shapes must be equal.`);
  return [y, p];
}

/** Mean over the last axis of (yTrue - yPred)^2. */
export function meanSquaredError(yTrue: Like, yPred: Like): Tensor {
  const [t, p] = same('meanSquaredError', yTrue, yPred);
  return mean(square(sub(t, p)), { axis: -1 });
}

/** -(y log p + (1 - y) log(1 - p)), averaged over the last axis; from scores x it is max(x, 0) - x y + log(1 + e^-|x|). */
export function binaryCrossentropy(yTrue: Like, yPred: Like, { fromLogits = false, labelSmoothing = 0 }: CrossentropyOptions = {}): Tensor {
  const [y, p] = same('binaryCrossentropy', yTrue, yPred);
  const t = labelSmoothing ? add(mul(y, 1 - labelSmoothing), 0.5 * labelSmoothing) : y;
  if (fromLogits) return mean(sub(softplus(p), mul(p, t)), { axis: -1 });
  const q = clip(p, epsilon, 1 - epsilon);
  return mean(neg(add(mul(t, log(q)), mul(sub(1, t), log(sub(1, q))))), { axis: -1 });
}

/** log p of probabilities (made to sum to 1, kept off 0 and 1), or of scores. */
const logOf = (p: Tensor, fromLogits: boolean): Tensor =>
  fromLogits ? logSoftmax(p) : log(clip(div(p, sum(p, { axis: -1, keepDims: true })), epsilon, 1 - epsilon));

/** -sum_c y_c log p_c over the last axis; with smoothing s, y becomes y (1 - s) + s / C. */
export function categoricalCrossentropy(yTrue: Like, yPred: Like, { fromLogits = false, labelSmoothing = 0 }: CrossentropyOptions = {}): Tensor {
  const [y, p] = same('categoricalCrossentropy', yTrue, yPred);
  const t = labelSmoothing ? add(mul(y, 1 - labelSmoothing), labelSmoothing / p.shape[p.rank - 1]!) : y;
  return neg(sum(mul(t, logOf(p, fromLogits)), { axis: -1 }));
}

/** -log p_y, y the index of the class. */
export function sparseCategoricalCrossentropy(yTrue: Like, yPred: Like, { fromLogits = false }: CrossentropyOptions = {}): Tensor {
  const p = tensor(yPred);
  let t = cast(tensor(yTrue), 'int32');
  if (t.rank === p.rank && t.shape[t.rank - 1] === 1) t = reshape(t, t.shape.slice(0, -1));
  if (formatShape(t.shape) !== formatShape(p.shape.slice(0, -1))) throw new ShapeError(`sparseCategoricalCrossentropy: yTrue ${formatShape(t.shape)} does not fit yPred ${formatShape(p.shape)}; it must be ${formatShape(p.shape.slice(0, -1))}.`);
  return neg(sum(mul(logOf(p, fromLogits), cast(oneHot(t, p.shape[p.rank - 1]!), p.dtype)), { axis: -1 }));
}

/** A loss that gives one number: the mean over all samples. */
export abstract class Loss {
  abstract readonly name: string;
  abstract perSample(yTrue: Tensor, yPred: Tensor): Tensor;
  call(yTrue: Like, yPred: Like): Tensor { return mean(this.perSample(tensor(yTrue), tensor(yPred))); }
}
export class MeanSquaredError extends Loss {
  readonly name = 'mean_squared_error';
  perSample(t: Tensor, p: Tensor): Tensor { return meanSquaredError(t, p); }
}
export class BinaryCrossentropy extends Loss {
  readonly name = 'binary_crossentropy';
  constructor(private readonly o: CrossentropyOptions = {}) { super(); }
  perSample(t: Tensor, p: Tensor): Tensor { return binaryCrossentropy(t, p, this.o); }
}
export class CategoricalCrossentropy extends Loss {
  readonly name = 'categorical_crossentropy';
  constructor(private readonly o: CrossentropyOptions = {}) { super(); }
  perSample(t: Tensor, p: Tensor): Tensor { return categoricalCrossentropy(t, p, this.o); }
}
export class SparseCategoricalCrossentropy extends Loss {
  readonly name = 'sparse_categorical_crossentropy';
  constructor(private readonly o: CrossentropyOptions = {}) { super(); }
  perSample(t: Tensor, p: Tensor): Tensor { return sparseCategoricalCrossentropy(t, p, this.o); }
}

export type LossLike = Loss | LossFunction | string;
const named: Record<string, LossFunction> = {
  mean_squared_error: meanSquaredError, mse: meanSquaredError, MSE: meanSquaredError,
  binary_crossentropy: binaryCrossentropy, bce: binaryCrossentropy,
  categorical_crossentropy: categoricalCrossentropy, sparse_categorical_crossentropy: sparseCategoricalCrossentropy,
};

/** A loss by Keras's name, a Loss, or a function, as a function that gives one value per sample. */
export function getLoss(which: LossLike): LossFunction {
  if (typeof which === 'function') return which;
  if (which instanceof Loss) return (t, p) => which.perSample(t, p);
  const f = named[which];
  if (!f) throw new ValueError(`getLoss: there is no loss '${which}'; use ${Object.keys(named).join(', ')}.`);
  return f;
}

