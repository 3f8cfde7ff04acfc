/** Whole matrices of derivatives. */
import { reshape, stack, tensor, ValueError, type Like, type Tensor } from '@heed/tensor';
import { grad, levels } from './grad.js';
import { orZeros, recorded, Tape } from './tape.js';

/** A tensor of zeros with a one at place `i`, like y. */
function unit(y: Tensor, i: number): Tensor {
  const data = y.dtype === 'float64' ? new Float64Array(y.size) : new Float32Array(y.size);
  data[i] = 1;
  return tensor(data, { shape: y.shape });
}

/**
 * The Jacobian of a function with respect to its first argument: J_ij = d y_i / d x_j. The function runs once; its tape is read
 * backwards once for each element of y, so this is for functions with few outputs.
 *
 * Shape: x [...], y [...] -> [...y, ...x].
 */
export function jacobian(f: (...x: Tensor[]) => Tensor): (...x: Like[]) => Tensor {
  return (...x) => {
    if (!x.length) throw new ValueError('jacobian: the function was called without arguments; it is differentiated with respect to the first.');
    const [source, ...rest] = [...levels([x[0]!]), ...x.slice(1).map((v) => tensor(v))] as [Tensor, ...Tensor[]];
    const tape = new Tape();
    tape.watch(source);
    const y = recorded(tape, () => f(source, ...rest));
    const rows = Array.from({ length: y.size }, (_, i) => orZeros(tape.backward([y], [unit(y, i)], [source], { keep: true })[0]!, source));
    return rows.length ? reshape(stack(rows), [...y.shape, ...source.shape]) : tensor(new Float32Array(0), { shape: [...y.shape, ...source.shape] });
  };
}

/** The Hessian of a function that returns one number, with respect to its first argument: H_ij = d^2 y / dx_i dx_j. Shape: x [...] -> [...x, ...x]. */
export const hessian = (f: (...x: Tensor[]) => Tensor): ((...x: Like[]) => Tensor) => jacobian((...x) => grad(f)(...x));
