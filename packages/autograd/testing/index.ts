/** @heed/autograd/testing: gradients of functions against central differences, to any order. */
import { add, isTensor, mul, random, tensor, ValueError, type Like, type Tensor } from '@heed/tensor';
import { cast } from '@heed/tensor/cast';
import { isFloat } from '@heed/tensor/dtype';
import { withBackend } from '@heed/tensor/use-backend';
import { vjp } from '../src/grad.js';

export interface CheckGradientOptions {
  /** 1: gradients; 2: gradients of gradients too; and so on. */
  readonly order?: number;
  /** Of the random directions and cotangents. */
  readonly seed?: number;
  /** Step of the central differences. */
  readonly epsilon?: number;
  readonly rtol?: number;
  readonly atol?: number;
}
type Many = (...x: Tensor[]) => Tensor[];

/**
 * Throws unless the derivatives of f at x agree with central differences in float64: for each float argument i,
 * <vjp(g)_i, v> = (<g, f(x + e v_i)> - <g, f(x - e v_i)>) / 2e, with a random cotangent g and a random direction v; then
 * the same of the function that gives these gradients, up to `order`. Arguments of int32 and bool are constants.
 *
 * Source: JAX's check_grads.
 */
export async function checkGradient(f: (...x: Tensor[]) => Tensor | readonly Tensor[], x: readonly Like[], { order = 2, seed = 1, epsilon = 1e-5, rtol = 1e-5, atol = 1e-6 }: CheckGradientOptions = {}): Promise<void> {
  if (!Number.isInteger(order) || order < 1) throw new ValueError(`checkGradient: order ${order}; it must be a whole number >= 1.`);
  const many: Many = (...v) => {
    const y = f(...v);
    return isTensor(y) ? [y] : [...y];
  };
  withBackend('js', () => {
    let draws = seed * 1000;
    const like = (t: Tensor): Tensor => cast(random.normal(t.shape, { seed: draws++ }), 'float64');
    const at = x.map((v) => tensor(v)).map((t) => (isFloat(t.dtype) ? cast(t, 'float64') : t));
    check(many, at, 1);

    function check(g: Many, v: readonly Tensor[], level: number): void {
      const y = g(...v);
      const live = y.flatMap((t, k) => (isFloat(t.dtype) ? [k] : []));
      const float = v.flatMap((t, k) => (isFloat(t.dtype) ? [k] : []));
      if (!live.length || !float.length) return;
      const outputs: Many = (...u) => {
        const all = g(...u);
        return live.map((k) => all[k]!);
      };
      const cotangents = live.map((k) => like(y[k]!));
      const slopes: Many = (...u) => {
        const gradients = vjp(outputs, ...u)[1](cotangents);
        return float.map((k) => gradients[k]!);
      };
      const found = slopes(...v);
      float.forEach((k, j) => {
        const direction = like(v[k]!);
        const value = (e: number) => outputs(...v.map((t, i) => (i === k ? add(t, mul(direction, e)) : t))).reduce((sum, t, i) => sum + dot(cotangents[i]!, t), 0);
        const [claimed, wanted] = [dot(found[j]!, direction), (value(epsilon) - value(-epsilon)) / (2 * epsilon)];
        if (!(Math.abs(claimed - wanted) <= atol + rtol * Math.abs(wanted))) {
          throw new Error(`checkGradient: argument ${k}, order ${level}: the gradient gives ${claimed} along a random direction, central differences give ${wanted}; they may differ by ${atol + rtol * Math.abs(wanted)}.`);
        }
      });
      if (level < order) check(slopes, v, level + 1);
    }
  });
}

function dot(a: Tensor, b: Tensor): number {
  const [p, q] = [a.data(), b.data()];
  let total = 0;
  for (let i = 0; i < p.length; i++) total += p[i]! * q[i]!;
  return total;
}
