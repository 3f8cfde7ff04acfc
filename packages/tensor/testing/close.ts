/** Comparing numbers, with the tolerance of their dtype. */
import { isTensor, tensor, type Like, type Tensor } from '@heed/tensor';

export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
}

/** float32: relative 1.3e-6 and absolute 1e-5; float64: 1e-7 both; integers and booleans exactly. */
function toleranceOf(a: Tensor, b: Tensor): Required<Tolerance> {
  const dtypes = [a.dtype, b.dtype];
  if (dtypes.includes('float32')) return { rtol: 1.3e-6, atol: 1e-5 };
  return dtypes.includes('float64') ? { rtol: 1e-7, atol: 1e-7 } : { rtol: 0, atol: 0 };
}

const at = (i: number, shape: readonly number[]): string => {
  const index: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(i % shape[axis]!);
    i = Math.floor(i / shape[axis]!);
  }
  return `[${index.join(', ')}]`;
};

/** Throws unless a and b have the same shape and |a - b| <= atol + rtol |b| everywhere; NaN equals NaN, infinities themselves. */
export function close(a: Like, b: Like, o: Tolerance = {}): void {
  const p = tensor(a);
  const q = isTensor(b) || typeof b === 'number' ? tensor(b) : tensor(b, { dtype: p.dtype });
  if (p.shape.join() !== q.shape.join()) throw new Error(`close: a has shape [${p.shape.join(', ')}], b [${q.shape.join(', ')}].`);
  const { rtol, atol } = { ...toleranceOf(p, q), ...o };
  const [x, y] = [p.data(), q.data()];
  for (let i = 0; i < x.length; i++) {
    const same = Object.is(x[i], y[i]) || x[i] === y[i] || Math.abs(x[i]! - y[i]!) <= atol + rtol * Math.abs(y[i]!);
    if (!same) throw new Error(`close: a is ${x[i]} and b ${y[i]} at ${at(i, p.shape)}; they may differ by ${atol + rtol * Math.abs(y[i]!)}.`);
  }
}
