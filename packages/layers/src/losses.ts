/** Losses, with Keras's names and numbers: functions give one value per sample (and step), classes and strings the mean. */
import { add, cast, clip, div, equal, log, logSoftmax, mean, mul, neg, oneHot, reshape, ShapeError, softplus, square, sub, sum, tensor, ValueError, where, type Like, type Tensor } from '@heed/tensor';
import { complete, configOf, construct, customObject, deserialize, isWritten, type Config } from './config.js';
import { maskOf } from './layer.js';

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

/** What becomes of the losses of samples: their mean (two names for it), their sum, their sum over that of the weights, or nothing. */
export type Reduction = 'sum_over_batch_size' | 'mean' | 'mean_with_sample_weight' | 'sum' | 'none';
const reductions: readonly Reduction[] = ['sum_over_batch_size', 'mean', 'mean_with_sample_weight', 'sum', 'none'];
export interface LossOptions {
  readonly reduction?: Reduction;
}

/** Weights [B, ...] with the rank of the losses that they belong to. */
const aligned = (w: Tensor, losses: Tensor): Tensor =>
  reshape(w, w.rank > losses.rank && w.shape[w.rank - 1] === 1 ? w.shape.slice(0, -1) : [...w.shape, ...Array<number>(Math.max(0, losses.rank - w.rank)).fill(1)]);

/** Losses [B] or [B, T], each times its weight [B] or [B, T], reduced. A mean does not count what the mask leaves out, but counts what weighs 0. */
export function reduceLoss(losses: Tensor, { weight, mask, reduction = 'sum_over_batch_size' }: LossOptions & { readonly weight?: Tensor | null; readonly mask?: Tensor | null } = {}): Tensor {
  const [w, kept] = [weight, mask].map((v) => v && aligned(cast(v, losses.dtype), losses));
  const each = w && kept ? mul(w, kept) : w ?? kept;
  const weighted = each ? mul(losses, each) : losses;
  const over = (divisor: Tensor) => div(sum(weighted), where(equal(divisor, 0), 1, divisor)); // nothing over nothing is 0
  switch (reduction) {
    case 'none': return weighted;
    case 'sum': return sum(weighted);
    case 'mean_with_sample_weight': return each ? over(sum(each)) : mean(weighted);
    default: return kept ? over(mul(sum(kept), weighted.size / kept.size)) : mean(weighted);
  }
}

/** A loss that gives one number: by default the mean over all samples. */
export abstract class Loss {
  static readonly positional: readonly string[] = [];
  static readonly defaults: Readonly<Record<string, unknown>> = { reduction: 'sum_over_batch_size' };
  readonly module = 'keras.losses';
  abstract readonly name: string;
  readonly reduction: Reduction;
  constructor({ reduction = 'sum_over_batch_size' }: LossOptions = {}) {
    if (!reductions.includes(reduction)) throw new ValueError(`${this.constructor.name}: there is no reduction '${String(reduction)}'; use ${reductions.join(', ')}.`);
    this.reduction = reduction;
  }
  abstract perSample(yTrue: Tensor, yPred: Tensor): Tensor;
  /** The loss of yPred [B, ...], with a weight for each sample, or step; the mask that yPred carries says what counts. */
  call(yTrue: Like, yPred: Like, sampleWeight?: Like): Tensor {
    const p = tensor(yPred);
    return reduceLoss(this.perSample(tensor(yTrue), p), { weight: sampleWeight === undefined ? null : tensor(sampleWeight), mask: maskOf(p), reduction: this.reduction });
  }
  getConfig(): Config {
    const { o = {}, reduction } = this as { o?: object; reduction: Reduction };
    return { name: this.name, ...configOf(this, this.constructor as typeof Loss, complete((this.constructor as typeof Loss).defaults, { ...o, reduction })) };
  }
  static fromConfig({ name: _name, ...config }: Config): Loss { return construct(this as typeof Loss, config) as Loss; }
}
export class MeanSquaredError extends Loss {
  readonly name = 'mean_squared_error';
  perSample(t: Tensor, p: Tensor): Tensor { return meanSquaredError(t, p); }
}
export class BinaryCrossentropy extends Loss {
  static override readonly defaults = { ...Loss.defaults, fromLogits: false, labelSmoothing: 0 };
  readonly name = 'binary_crossentropy';
  constructor(private readonly o: CrossentropyOptions & LossOptions = {}) { super(o); }
  perSample(t: Tensor, p: Tensor): Tensor { return binaryCrossentropy(t, p, this.o); }
}
export class CategoricalCrossentropy extends Loss {
  static override readonly defaults = { ...Loss.defaults, fromLogits: false, labelSmoothing: 0 };
  readonly name = 'categorical_crossentropy';
  constructor(private readonly o: CrossentropyOptions & LossOptions = {}) { super(o); }
  perSample(t: Tensor, p: Tensor): Tensor { return categoricalCrossentropy(t, p, this.o); }
}
export class SparseCategoricalCrossentropy extends Loss {
  static override readonly defaults = { ...Loss.defaults, fromLogits: false };
  readonly name = 'sparse_categorical_crossentropy';
  constructor(private readonly o: CrossentropyOptions & LossOptions = {}) { super(o); }
  perSample(t: Tensor, p: Tensor): Tensor { return sparseCategoricalCrossentropy(t, p, this.o); }
}

export type LossLike = Loss | LossFunction | string;
const classes: Record<string, typeof Loss> = { MeanSquaredError, BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy };
/** Keras's names. */
export const losses: Record<string, LossFunction> = {
  mean_squared_error: meanSquaredError, mse: meanSquaredError, MSE: meanSquaredError,
  binary_crossentropy: binaryCrossentropy, bce: binaryCrossentropy,
  categorical_crossentropy: categoricalCrossentropy, sparse_categorical_crossentropy: sparseCategoricalCrossentropy,
};

/** What `compile` was given for a loss, from what was written of it. */
export const reviveLoss = (written: unknown): unknown =>
  (Array.isArray(written) ? written.map(reviveLoss) : isWritten(written) ? classes[written.class_name]?.fromConfig(written.config) ?? deserialize(written, 'compile: loss') : written);

/** A loss by Keras's name, a Loss, or a function, as a function that gives one value per sample. */
export function getLoss(which: LossLike): LossFunction {
  if (typeof which === 'function') return which;
  if (which instanceof Loss) return (t, p) => which.perSample(t, p);
  const f = losses[which] ?? (customObject(which) as LossFunction | undefined);
  if (!f) throw new ValueError(`getLoss: there is no loss '${which}'; use ${Object.keys(losses).join(', ')}.`);
  return f;
}

