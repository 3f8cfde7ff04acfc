/**
 * The GPU through gpu.js: WebGL 2 where a page has no WebGPU, and gpu.js's own WebAssembly and CPU modes to compare with. Kernels are the
 * texts of scalar/to-gpu.ts; what they compute comes back into ordinary arrays at once. What gpu.js cannot say exactly (integers, other
 * dtypes, sorting ...) js does, and it is counted.
 */
import type { GPU, GPUInternalMode, IKernelRunShortcut, Input } from 'gpu.js';
import type { Backend, Call, Run, View } from '../../backend.js';
import { BackendError } from '../../errors.js';
import { slots, type Expr } from '../../scalar/expression.js';
import { gpuLayout, kernelSource } from '../../scalar/to-gpu.js';
import { broadcastStrides, isContiguous, sizeOf, type Shape } from '../../shape.js';
import { dense } from '../../tensor.js';
import { nest, walkOuter } from '../nest.js';

export interface GpuJsOptions {
  readonly mode: 'webgl2' | 'webasm' | 'cpu';
  /** Elements of a result from which on it is worth the way to the GPU and back. Default: 4096. */
  readonly least?: number;
}

/** Compiled kernels that are kept. */
const mostKernels = 256;
/** Numbers that one thread adds up at most: sums in float32 lose digits beyond. */
const longestSum = 4096;
const mostInputs = 8;

/** The elements of a view in order, as gpu.js wants them. */
const flat = (x: View): Float32Array => {
  const data = isContiguous(x.shape, x.strides) ? x.data.subarray(x.offset, x.offset + sizeOf(x.shape)) : dense(x);
  return data instanceof Float32Array ? data : Float32Array.from(data);
};

class Kernels {
  private readonly made = new Map<string, IKernelRunShortcut>();
  constructor(private readonly gpu: GPU, private readonly input: typeof Input) {}
  get size(): number { return this.made.size; }

  /** Runs a kernel on arrays of these sizes (innermost first), and writes its cells in order. */
  run(source: string, output: readonly number[], inputs: readonly { data: Float32Array; size: readonly number[] }[], into: View['data'], at = 0, loops = 1000): void {
    const key = `${output}|${inputs.map((x) => x.size).join('|')}|${source}`;
    let kernel = this.made.get(key);
    if (kernel) this.made.delete(key);
    else {
      if (this.made.size === mostKernels) {
        const [oldest, old] = this.made.entries().next().value!;
        old.destroy();
        this.made.delete(oldest);
      }
      kernel = this.gpu.createKernel(source as never, { output: [...output], loopMaxIterations: loops } as never) as IKernelRunShortcut;
    }
    this.made.set(key, kernel);
    const cells = kernel(...inputs.map(({ data, size }) => new this.input(data as never, [...size] as [number]) as never));
    const parts = [cells].flat(2) as unknown as ArrayLike<number>[];
    if (output.length === 1) return void into.set(cells as unknown as ArrayLike<number>, at);
    for (const part of parts) {
      into.set(part, at);
      at += part.length;
    }
  }
}

const isWhole = (y: View): boolean => y.offset === 0 && y.data.length === sizeOf(y.shape);

/** Each output of a map: one kernel. */
function planMap(kernels: Kernels, roots: readonly Expr[], inputs: readonly View[], outputs: readonly View[]): Run | null {
  if ([...inputs, ...outputs].some((x) => x.dtype !== 'float32' && x.dtype !== 'bool') || !outputs.every(isWhole)) return null;
  const { shape } = outputs[0]!;
  const layout = gpuLayout(shape, inputs.map((x) => x.shape));
  const used = roots.map((root) => [...slots([root])].sort((p, q) => p - q));
  if (!layout || used.some((s) => s.length > mostInputs)) return null;
  const axes = layout.operands.map((o) => o.axes);
  return () => {
    const operands = inputs.map((x, k) => ({ data: flat(x), size: layout.operands[k]!.size }));
    roots.forEach((root, k) => kernels.run(kernelSource(root, axes), layout.output, used[k]!.map((slot) => operands[slot]!), outputs[k]!.data));
  };
}

function planMatmul(kernels: Kernels, a: View, b: View, y: View): Run | null {
  if ([a, b, y].some((x) => x.dtype !== 'float32') || !isWhole(y)) return null;
  const rank = y.shape.length;
  const [m, n, k] = [y.shape[rank - 2]!, y.shape[rank - 1]!, a.shape[a.shape.length - 1]!];
  if (!k) return null;
  const batch: Shape = [...y.shape.slice(0, -2), 1];
  const lead = (x: View) => ({ shape: batch, strides: [...broadcastStrides(x.shape.slice(0, -2), x.strides.slice(0, -2), batch.slice(0, -1)), 0] });
  const loops = nest(batch, [lead(a), lead(b)]);
  const inner = loops.sizes.length - 1;
  const matrix = (x: View, offset: number): Float32Array => flat({ ...x, shape: x.shape.slice(-2), strides: x.strides.slice(-2), offset });
  const source = `function (a, b) {
  let sum = 0.0;
  for (let k = 0; k < ${k}; k++) {
    sum += a[this.thread.y][k] * b[k][this.thread.x];
  }
  return sum;
}`;
  return () => {
    let at = 0;
    walkOuter(loops, [a.offset, b.offset], ([p, q]) => {
      for (let t = 0; t < loops.sizes[inner]!; t++, at += m * n) {
        const operands = [{ data: matrix(a, p! + t * loops.strides[0]![inner]!), size: [k, m] }, { data: matrix(b, q! + t * loops.strides[1]![inner]!), size: [n, k] }];
        kernels.run(source, [n, m], operands, y.data, at, k + 1);
      }
    });
  };
}

/** Sums over any axes: a thread for each. */
function planSum(kernels: Kernels, axes: readonly number[], x: View, y: View): Run | null {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const [rows, n] = [sizeOf(y.shape), sizeOf(axes.map((i) => x.shape[i]!))];
  if (x.dtype !== 'float32' || y.dtype !== 'float32' || !n || n > longestSum || !isWhole(y)) return null;
  const order = [...kept, ...axes];
  const source = `function (x) {
  let sum = 0.0;
  for (let k = 0; k < ${n}; k++) {
    sum += x[this.thread.x][k];
  }
  return sum;
}`;
  return () => {
    const data = flat({ ...x, shape: order.map((i) => x.shape[i]!), strides: order.map((i) => x.strides[i]!) });
    kernels.run(source, [rows], [{ data, size: [n, rows] }], y.data, 0, n + 1);
  };
}

/** The backend in one of gpu.js's modes; refuses where gpu.js would take another one instead. */
export async function openGpuJs({ mode, least = 4096 }: GpuJsOptions): Promise<Backend> {
  const library = await import('gpu.js').catch(() => { throw new BackendError('the npm package gpu.js is not there (npm install gpu.js)'); });
  const { GPU: Library, Input: Sized } = (('GPU' in library ? library : (library as { default: typeof library }).default));
  if (mode === 'webgl2' && !Library.isWebGL2Supported) throw new BackendError('there is no WebGL 2 here');
  const kernels = new Kernels(new Library({ mode: mode as GPUInternalMode }), Sized);
  const calls: Record<string, number> = {};
  const plan = ({ family: { name }, params, prologue, epilogue }: Call, inputs: readonly View[], outputs: readonly View[]): Run | null => {
    if (prologue || epilogue || sizeOf(outputs[0]!.shape) < Math.max(1, least)) return null;
    if (name === 'map') return planMap(kernels, params.roots, inputs, outputs);
    if (name === 'matmul') return planMatmul(kernels, inputs[0]!, inputs[1]!, outputs[0]!);
    if (name === 'reduce' && params.kind === 'sum') return planSum(kernels, params.axes, inputs[0]!, outputs[0]!);
    return null;
  };
  return {
    name: 'gpu',
    mode: `gpu.js ${mode}`,
    prepare(call, inputs, outputs) {
      const run = plan(call, inputs, outputs);
      if (run) calls[call.family.name] = (calls[call.family.name] ?? 0) + 1;
      return run;
    },
    describe: () => ({ backend: 'gpu', api: `gpu.js ${mode}`, least, kernels: kernels.size, calls: { ...calls } }),
  };
}
