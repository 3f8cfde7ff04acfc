/** What every kernel here is made with. */
import type { Expr } from '../../scalar/expression.js';
import type { Spec } from '../../tensor.js';
import type { Dispatch, Gpu } from './device.js';
import type { Scratch } from './queue.js';
import { Shader, type GpuView } from './shader.js';

export interface Context {
  readonly gpu: Gpu;
  /** Memory for what lies between two dispatches of a call. */
  readonly scratch: Scratch;
}
/** The dispatches of a call, in order; `around` are the expressions of its prologue or epilogue. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Plan = (context: Context, params: any, inputs: readonly GpuView[], outputs: readonly GpuView[], around?: readonly Expr[]) => Dispatch[];

/** Whether a family has a kernel for such operands; `float64` never has. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Fits = (params: any, inputs: readonly Spec[], outputs: readonly Spec[], around?: readonly Expr[]) => boolean;

export const shaderOf = ({ gpu }: Context): Shader => new Shader(gpu);

/** What most kernels take. */
export const allFloat = (xs: readonly Spec[]): boolean => xs.every((x) => x.dtype === 'float32');
