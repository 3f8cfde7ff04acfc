/** What several rows need of engines that have no such op, made of those they have. */
import type { Rival } from '../row.js';

/** Layer norm of the last axis in tfjs. */
export function tfjsLayerNorm(tf: Rival, x: Rival, gamma: Rival, beta: Rival, epsilon: number): Rival {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon))), gamma), beta);
}

/** x sigmoid(2 u), which is GELU's tanh form in fewer operations. */
export const tfjsGelu = (tf: Rival, x: Rival): Rival => tf.mul(x, tf.sigmoid(tf.mul(tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715), 1)), 1.5957691216057308)));

/** softmax(q k^T / sqrt(D) + bias) v in tfjs, heads before lengths. */
export function tfjsAttention(tf: Rival, q: Rival, k: Rival, v: Rival, bias: Rival | null = null): Rival {
  const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(q.shape[3]));
  return tf.matMul(tf.softmax(bias ? tf.add(scores, bias) : scores), v);
}

/** Layer norm of the last axis in jax-js. */
export const jaxLayerNorm = ({ nn }: Rival, x: Rival, gamma: Rival, beta: Rival, epsilon: number): Rival => nn.standardize(x, -1, { epsilon }).mul(gamma).add(beta);

/** The mean over samples of -sum y log softmax(z) in jax-js. */
export const jaxCrossentropy = ({ numpy: np, nn }: Rival, z: Rival, y: Rival): Rival => np.mean(np.sum(np.multiply(nn.logSoftmax(z, -1), y), -1)).mul(-1);

/** The mean of (z - y)^2 in jax-js. */
export const jaxSquaredError = ({ numpy: np }: Rival, z: Rival, y: Rival): Rival => np.mean(np.square(np.subtract(z, y)));
