/** gpu.js as its readers use it: a kernel in JavaScript, one thread a number of the result, numbers left on the device between calls. */
import { Unable, timeUntil, type Column } from '../engine.js';
import { operandsOf } from '../operands.js';
import type { Rival } from '../row.js';
import { waiting } from './device.js';
import { load, versionOf } from './load.js';

/** A list of rows in one array. */
function flat(x: Float32Array | readonly Float32Array[]): Float32Array {
  if (ArrayBuffer.isView(x)) return x;
  const all = new Float32Array(x.length * x[0]!.length);
  x.forEach((row, i) => all.set(row, i * row.length));
  return all;
}

export async function gpujsColumns(): Promise<Column[]> {
  const { GPU, input } = load('gpu.js');
  const gpu = new GPU({ mode: 'webgpu' });
  if (gpu.mode !== 'webgpu') throw new Error(`gpu.js chose ${gpu.mode}`);
  const options = { pipeline: true, immutable: true, loopMaxIterations: 2 ** 20 };
  const turned = (shape: readonly number[]): number[] => [...shape].reverse();
  const indices = (rank: number): string => ['z', 'y', 'x'].slice(-rank).map((axis) => `[this.thread.${axis}]`).join('');
  /** Where its arrays and its kernels are: the device of the first result. */
  let wait: (() => Promise<void>) | null = null;
  return [{
    name: 'gpu.js',
    engine: 'gpujs',
    version: versionOf('gpu.js'),
    how: 'kernels written in JavaScript, pipeline and immutable, WebGPU, a device of its own',
    async prepare(row) {
      if (row.kind === 'training' || row.gradients) throw new Unable('it has no gradients');
      if (!row.gpujs) throw new Unable('it brings no such op, and nobody would write this one as a kernel for it');
      const kernel = gpu.createKernel(row.gpujs.kernel, { output: turned(row.gpujs.output), ...options });
      const held = operandsOf(row, 'gpujs').map(({ data, shape }) => input(data, turned(shape)));
      const there: Rival[] = [];
      if (row.transfer !== 'upload') for (const [i, x] of held.entries()) there.push(await gpu.createKernel(`function (x) { return x${indices(row.operands[i]!.shape.length)}; }`, { output: turned(row.operands[i]!.shape), ...options })(x));
      const call = async (): Promise<Rival> => kernel(...(row.transfer === 'upload' ? held : there));
      const first = await call();
      if (first.type !== 'WebGPUBuffer') throw new Error(`gpu.js gave a ${first.type}: it did not compute with WebGPU`);
      wait ??= waiting(first.context.device);
      first.delete();
      const results = async (): Promise<ArrayLike<number>[]> => {
        const y = await call();
        const found = flat(await y.toArray());
        y.delete();
        await wait!();
        return [found];
      };
      return {
        results,
        time: (calls) => timeUntil(wait!)(row.transfer === 'readback' ? results : async () => (await call()).delete(), calls),
        close() {
          for (const x of there) x.delete();
          kernel.destroy();
        },
      };
    },
  }];
}
