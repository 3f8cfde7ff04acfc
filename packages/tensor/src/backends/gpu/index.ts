/** The GPU through WebGPU: kernels written in WGSL from the scalar language and by hand, over memory that stays on the device. */
import type { Backend, BackendOptions, Call, Heap, Layout, Run } from '../../backend.js';
import type { DType } from '../../dtype.js';
import { BackendError } from '../../errors.js';
import { sizeOf } from '../../shape.js';
import type { Spec, Tensor } from '../../tensor.js';
import { acquire, isSoftware } from './acquire.js';
import { Block, GpuArray } from './array.js';
import type { Gpu } from './device.js';
import { planConcat, planCopy, planMap, planMove, planPlace } from './map.js';
import { fitsMatmul, planMatmul } from './matmul.js';
import type { Fits, Plan } from './plan.js';
import { Queue, type Planner } from './queue.js';
import { planReduce } from './reduce.js';
import type { GpuView } from './shader.js';
import { tuneMatmul } from './tune.js';

/** `around`: what it takes beside the family's own work. */
interface Kernel { readonly plan: Plan; readonly fits?: Fits; readonly around?: 'prologue' | 'epilogue' }

/** By family; no kernel has float64. */
const kernels: Record<string, Kernel> = {
  map: { plan: (c, { roots }, x, y) => planMap(c, roots, x, y) },
  cast: { plan: (c, _, [x], [y]) => planMove(c, x!, y!) },
  copy: { plan: (c, _, [x], [y]) => planCopy(c, x!, y!) },
  concat: { plan: (c, { axis }, x, [y]) => planConcat(c, axis, x, y!) },
  place: { plan: (c, params, [x], [y]) => planPlace(c, params, x!, y!) },
  matmul: { plan: (c, params, x, [y]) => planMatmul(c, params, x, y!), fits: fitsMatmul, around: 'epilogue' },
  reduce: { plan: (c, { kind, axes }, [x], [y]) => planReduce(c, kind, axes, x!, y!) },
};

const isSingle = (xs: readonly Spec[]): boolean => xs.every((x) => x.dtype !== 'float64');
const supports = ({ family: { name }, params, prologue, epilogue }: Call, inputs: readonly Spec[], outputs: readonly Spec[]): boolean => {
  const kernel = kernels[name];
  return Boolean(kernel) && (!prologue || kernel!.around === 'prologue') && (!epilogue || kernel!.around === 'epilogue') && isSingle(inputs) && isSingle(outputs) && (kernel!.fits?.(params, inputs, outputs) ?? true);
};

export interface GpuOptions {
  /** Bytes on the device from which on eager work is done only when it is asked for. Default: 2 GiB. */
  readonly budget?: number;
}

export interface GpuBackend extends Backend {
  readonly name: 'gpu';
  readonly gpu: Gpu;
}

/** Memory for programs. An address is the number of a block times 2^32. */
function heapOf(queue: Queue): Heap {
  const span = 2 ** 32;
  const blocks = new Map<number, Block>();
  let next = 1;
  return {
    epoch: 0,
    reserve(bytes) {
      blocks.set(next, queue.block(Math.max(16, bytes)));
      return span * next++;
    },
    release: (address) => void blocks.delete(address / span),
    view: (dtype: DType, address: number, size: number) => new GpuArray(queue, blocks.get(Math.floor(address / span))!, address % span, size, dtype),
    write: (to, x) => queue.write(to as GpuArray, x),
    keep: (x) => queue.keepTensor(x),
  };
}

export function createGpuBackend(gpu: Gpu, { budget = 2 ** 31 }: GpuOptions = {}): GpuBackend {
  const [calls, fallbacks]: Record<string, number>[] = [{}, {}];
  const count = ({ family: { name } }: Call, fallback: boolean): void => {
    const list = fallback ? fallbacks! : calls!;
    list[name] = (list[name] ?? 0) + 1;
  };
  const plan: Planner = (call, inputs, outputs, scratch) => kernels[call.family.name]!.plan({ gpu, scratch, call }, call.params, inputs, outputs);
  const queue = new Queue(gpu, plan, supports, budget, count);
  return {
    name: 'gpu',
    gpu,
    get mode() { return gpu.half ? 'half' : undefined; },
    configure({ precision }: BackendOptions) {
      if (precision === 'half' && !gpu.device.features.has('shader-f16')) throw new BackendError("useBackend: this GPU does not compute in 16 bits (it lacks 'shader-f16'); use precision 'single'.");
      queue.flush();
      if (precision) gpu.half = precision === 'half';
      return this;
    },
    tune: () => tuneMatmul(queue),
    heap: heapOf(queue),
    execute: (call: Call, inputs: readonly Tensor[], specs: readonly Spec[]) => queue.execute(call, inputs, specs),
    prepare(call, inputs, outputs): Run | null {
      const [x, y] = [inputs, outputs] as unknown as [readonly GpuView[], readonly GpuView[]];
      const fits = supports(call, x, y);
      count(call, !fits);
      return fits ? queue.bind(call, x, y) : null;
    },
    fuses(call: Call, inputs: readonly Layout[], outputs: readonly Spec[]): boolean {
      return ![...inputs, ...outputs].some((x) => sizeOf(x.shape) === 0) && supports(call, inputs, outputs);
    },
    submit: () => gpu.submit(),
    isLost: () => gpu.lost !== null,
    describe() {
      const { info, device, used, free, submits, dispatches, pipelineCount } = gpu;
      const { vendor, architecture, device: chip, description } = info;
      return {
        backend: 'gpu', api: 'webgpu', software: isSoftware(info), adapter: { vendor, architecture, device: chip, description },
        features: [...device.features].sort(), limits: Object.fromEntries(['maxStorageBufferBindingSize', 'maxBufferSize', 'maxStorageBuffersPerShaderStage', 'maxComputeWorkgroupStorageSize'].map((k) => [k, device.limits[k as keyof GPUSupportedLimits]])),
        memory: { used, free, budget }, submits, dispatches, pipelines: pipelineCount, calls: { ...calls }, fallbacks: { ...fallbacks },
      };
    },
  };
}

/** Takes hold of a GPU. */
export const openGpu = async (options: GpuOptions = {}, tried: string[] = []): Promise<GpuBackend> => createGpuBackend(await acquire(tried), options);
