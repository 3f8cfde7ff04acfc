/** Accuracy in its three forms; a metric gives one value per sample, and the loop averages them. */
import { argmax, cast, equal, greater, mean, mul, reshape, sum, tensor, ValueError, type Tensor } from '@heed/tensor';
import { customObject } from './config.js';
import { getLoss, type LossFunction } from './losses.js';

export type MetricFunction = LossFunction;
export type MetricLike = MetricFunction | string;

/** Whether the likeliest class is the true one, for one-hot yTrue. */
export const categoricalAccuracy: MetricFunction = (t, p) => cast(equal(argmax(t, { axis: -1 }), argmax(p, { axis: -1 })), 'float32');
/** Whether the likeliest class is the true one, for yTrue as indices. */
export const sparseCategoricalAccuracy: MetricFunction = (t, p) => {
  const index = cast(t.rank === p.rank && t.shape[t.rank - 1] === 1 ? reshape(t, t.shape.slice(0, -1)) : t, 'int32');
  return cast(equal(index, argmax(p, { axis: -1 })), 'float32');
};
/** Whether p > 0.5 is what yTrue says, averaged over the last axis. */
export const binaryAccuracy: MetricFunction = (t, p) => {
  const y = t.rank === p.rank - 1 ? reshape(t, [...t.shape, 1]) : t;
  return mean(cast(equal(cast(y, 'float32'), cast(greater(p, 0.5), 'float32')), 'float32'), { axis: -1 });
};

/** 'accuracy' by the shapes, as Keras chooses: one output is binary, fewer axes or a last axis of 1 are indices. */
const accuracy: MetricFunction = (t, p) => {
  if (p.shape[p.rank - 1] === 1) return binaryAccuracy(t, p);
  return t.rank < p.rank || t.shape[t.rank - 1] === 1 ? sparseCategoricalAccuracy(t, p) : categoricalAccuracy(t, p);
};

/** Keras's names. */
export const metrics: Partial<Record<string, MetricFunction>> = {
  accuracy, acc: accuracy, binary_accuracy: binaryAccuracy, categorical_accuracy: categoricalAccuracy, sparse_categorical_accuracy: sparseCategoricalAccuracy,
};

/** A metric by Keras's name (losses count too), or a function; and the key it is logged under. */
export function getMetric(which: MetricLike): { name: string; f: MetricFunction } {
  if (typeof which === 'function') return { name: which.name || 'metric', f: which };
  const f = metrics[which] ?? (customObject(which) as MetricFunction | undefined);
  if (f) return { name: which, f };
  try {
    return { name: which, f: getLoss(which) };
  } catch {
    throw new ValueError(`getMetric: there is no metric '${which}'; use ${Object.keys(metrics).join(', ')}, or a loss.`);
  }
}

/** The sum of the values of samples and how many there are; with a mask [B, T], of their steps that it keeps, a T-th sample each. */
export function tally(values: Tensor, mask: Tensor | null): [sum: Tensor, count: Tensor] {
  const v = cast(values, 'float32');
  const n = v.shape[0]!;
  if (!mask || mask.rank > v.rank) return [mul(mean(v), n), tensor(n)];
  const kept = mul(cast(mask, 'float32'), n / mask.size);
  const each = v.rank > mask.rank ? mean(v, { axis: [...v.shape.keys()].slice(mask.rank) }) : v;
  return [sum(mul(each, kept)), sum(kept)];
}
