/** The GPU through WebGPU: kernels written in WGSL from the scalar language and by hand, over memory that stays on the device. */
import type { Backend, Call, Heap, Layout, Run } from '../../backend.js';
import type { DType } from '../../dtype.js';
import { sizeOf } from '../../shape.js';
import type { Spec, Tensor } from '../../tensor.js';
import { acquire, isSoftware } from './acquire.js';
import { Block, GpuArray } from './array.js';
import type { Gpu } from './device.js';
import { planConcat, planCopy, planMap, planMove, planPlace } from './map.js';
import { planMatmul } from './matmul.js';
import { fitsAttention } from './attention.js';
import { planAttentionBackward } from './attention-backward.js';
import { planAttentionForward } from './attention-forward.js';
import { allFloat, type Fits, type Plan } from './plan.js';
import { Queue, type Planner } from './queue.js';
import { planLayerNorm, planLayerNormGradient } from './layer-norm.js';
import { planReduce } from './reduce.js';
import { fitsRows, planRows, planRowsGradient } from './rows.js';
import type { GpuView } from './shader.js';

interface Kernel { readonly plan: Plan; readonly fits?: Fits }

/** By family; no kernel has float64. */
const kernels: Record<string, Kernel> = {
  map: { plan: (c, { roots }, x, y) => planMap(c, roots, x, y) },
  cast: { plan: (c, _, [x], [y]) => planMove(c, x!, y!) },
  copy: { plan: (c, _, [x], [y]) => planCopy(c, x!, y!) },
  concat: { plan: (c, { axis }, x, [y]) => planConcat(c, axis, x, y!) },
  place: { plan: (c, params, [x], [y]) => planPlace(c, params, x!, y!) },
  matmul: { plan: (c, _, [a, b], [y]) => planMatmul(c, a!, b!, y!), fits: (_, x, y) => allFloat([...x, ...y]) },
  attention: { plan: (c, params, x, y) => (params.direction === 'forward' ? planAttentionForward : planAttentionBackward)(c, params, x, y), fits: fitsAttention },
  rows: { plan: (c, params, x, [y]) => planRows(c, params, x, y!), fits: fitsRows },
  rowsGradient: { plan: (c, params, x, [y]) => planRowsGradient(c, params, x, y!), fits: fitsRows },
  layerNorm: { plan: planLayerNorm, fits: (_, x, y) => allFloat([...x, ...y]) },
  layerNormGradient: { plan: planLayerNormGradient, fits: (_, x, y) => allFloat([...x, ...y]) },
  reduce: { plan: (c, { kind, axes }, [x], [y]) => planReduce(c, kind, axes, x!, y!) },
};

const isSingle = (xs: readonly Spec[]): boolean => xs.every((x) => x.dtype !== 'float64');
const supports = ({ family: { name }, params, prologue, epilogue }: Call, inputs: readonly Spec[], outputs: readonly Spec[]): boolean => {
  const kernel = kernels[name];
  return Boolean(kernel) && !prologue && !epilogue && isSingle(inputs) && isSingle(outputs) && (kernel!.fits?.(params, inputs, outputs) ?? true);
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
  const plan: Planner = (call, inputs, outputs, scratch) => kernels[call.family.name]!.plan({ gpu, scratch }, call.params, inputs, outputs);
  const queue = new Queue(gpu, plan, supports, budget, count);
  return {
    name: 'gpu',
    gpu,
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
