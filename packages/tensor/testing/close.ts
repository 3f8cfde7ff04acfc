/** Comparing numbers, with the tolerance of their dtype. */
import { isTensor, isVariable, tensor, type Like, type Tensor } from '@heed/tensor';
import { fromData } from '@heed/tensor/tensor';

export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
}

/** A tensor whose elements can be looked at at once, wherever they are now. */
export const atHome = async (x: Tensor): Promise<Tensor> => (x.storage.kind === 'device' ? fromData(await x.read(), x.shape, x.dtype) : x);

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

/** Throws unless a and b have the same shape, as tensors the same dtype, and |a - b| <= atol + rtol |b| everywhere; NaN equals NaN, infinities themselves. The message names the worst place. */
export function close(a: Like, b: Like, o: Tolerance = {}): void {
  const typed = (x: Like): x is Tensor => isTensor(x) || isVariable(x);
  const p = tensor(a, typed(b) && !typed(a) ? { dtype: b.dtype } : {});
  const q = tensor(b, typed(b) ? {} : { dtype: p.dtype });
  if (p.shape.join() !== q.shape.join()) throw new Error(`close: a has shape [${p.shape.join(', ')}], b [${q.shape.join(', ')}].`);
  if (p.dtype !== q.dtype) throw new Error(`close: a is ${p.dtype}, b is ${q.dtype}.`);
  const { rtol, atol } = { ...toleranceOf(p, q), ...o };
  const [x, y] = [p.data(), q.data()];
  let [worst, excess] = [-1, 1];
  for (let i = 0; i < x.length; i++) {
    const [u, v] = [x[i]!, y[i]!];
    if (u === v || (u !== u && v !== v)) continue;
    const allowed = atol + rtol * Math.abs(v);
    const over = Number.isFinite(u) && Number.isFinite(v) ? Math.abs(u - v) / allowed : Infinity;
    if (over > excess) [worst, excess] = [i, over];
  }
  if (worst >= 0) throw new Error(`close: a is ${x[worst]} and b ${y[worst]} at ${at(worst, p.shape)}; they may differ by ${atol + rtol * Math.abs(y[worst]!)}.`);
}
