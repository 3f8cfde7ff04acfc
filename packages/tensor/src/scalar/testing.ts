/** For the tests of this folder: the interpreter's answer, and gpu.js's. */
import { Input, type GPU } from 'gpu.js';
import { interpretedLoop } from '../backends/js/map.js';
import { nest } from '../backends/nest.js';
import { allocate, type TypedArray } from '../dtype.js';
import { broadcastShapes } from '../shape.js';
import { viewOf, type Tensor } from '../tensor.js';
import * as s from './index.js';
import { helpers } from './to-js.js';

export const same = (what: string, root: s.Expr, got: ArrayLike<number>, wanted: ArrayLike<number>) => {
  for (let i = 0; i < wanted.length; i++) {
    if (got[i] !== wanted[i] && !(Number.isNaN(got[i]!) && Number.isNaN(wanted[i]!))) throw new Error(`${what} gives ${got[i]} at ${i}, the interpreter ${wanted[i]}: ${root}`);
  }
};

/** The interpreter's answer for the inputs, broadcast. */
export function interpreted(root: s.Expr, x: readonly Tensor[], y: Tensor): TypedArray {
  const views = x.map(viewOf);
  const out = allocate(y.dtype, y.size);
  const { sizes, strides } = nest(y.shape, views);
  const single = !x.some((t) => t.dtype === 'float64');
  interpretedLoop([root], single)(sizes, strides, views.map((v) => v.offset), views.map((v) => v.data), [out], helpers);
  return out;
}

/** A generated kernel, compiled and run by gpu.js on the slots that the root reads, each as it lies densely. */
export function ran(gpu: GPU, root: s.Expr, x: readonly Tensor[]): number[] {
  const used = [...s.slots([root])].sort((p, q) => p - q);
  const shape = broadcastShapes('ran', x.map((t) => t.shape));
  const layout = s.gpuLayout(shape, x.map((t) => t.shape))!;
  const source = s.kernelSource(root, layout.operands.map((o) => o.axes));
  const kernel = gpu.createKernel(source as never, { output: [...layout.output] });
  try {
    const result = kernel(...used.map((k) => new Input(Float32Array.from(x[k]!.data()) as never, [...layout.operands[k]!.size] as [number])));
    return [result].flat(3).flatMap((row) => [...(row as unknown as Float32Array)]);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${source}`, { cause: error });
  } finally {
    kernel.destroy();
  }
}
