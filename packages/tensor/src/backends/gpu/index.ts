/** The GPU through WebGPU: kernels written in WGSL from the scalar language and by hand, over memory that stays on the device. */
import type { Backend, BackendOptions, Call, Heap, Layout, Run } from '../../backend.js';
import type { DType } from '../../dtype.js';
import { BackendError } from '../../errors.js';
import { door } from '../../op.js';
import { sizeOf } from '../../shape.js';
import type { Spec, Tensor } from '../../tensor.js';
import { acquire, isSoftware } from './acquire.js';
import { Block, GpuArray } from './array.js';
import { planAttentionBackward } from './attention-backward.js';
import { planAttentionForward } from './attention-forward.js';
import { fitsAttention } from './attention.js';
import type { Copies } from './copies.js';
import type { Gpu } from './device.js';
import { planGather, planScatterAdd } from './gather.js';
import { checkHalf } from './half.js';
import { planLayerNorm, planLayerNormGradient } from './layer-norm.js';
import { planConcat, planCopy, planMap, planMove, planPlace } from './map.js';
import { fitsMatmul, planMatmul } from './matmul.js';
import { allFloat, type Fits, type Plan } from './plan.js';
import { Queue, type Planner } from './queue.js';
import { planRandom } from './random.js';
import { planReduce, reducesMapped } from './reduce.js';
import { fitsRows, planRows, planRowsGradient } from './rows.js';
import { planScan } from './scan.js';
import type { GpuView } from './shader.js';
import { planSort } from './sort.js';
import { tuneMatmul } from './tune.js';
import { planFold, planMaxPoolGradient } from './windows.js';

interface Kernel {
  readonly plan: Plan;
  readonly fits?: Fits;
  /** What it computes besides, if a call wants that. */
  readonly around?: 'prologue' | 'epilogue';
}

/** By family; no kernel has float64. */
const kernels: Record<string, Kernel> = {
  map: { plan: (c, { roots }, x, y) => planMap(c, roots, x, y) },
  cast: { plan: (c, _, [x], [y]) => planMove(c, x!, y!) },
  copy: { plan: (c, _, [x], [y]) => planCopy(c, x!, y!) },
  concat: { plan: (c, { axis }, x, [y]) => planConcat(c, axis, x, y!) },
  place: { plan: (c, params, [x], [y]) => planPlace(c, params, x!, y!) },
  matmul: { plan: (c, params, x, [y], epilogue) => planMatmul(c, params, x, y!, epilogue), fits: fitsMatmul, around: 'epilogue' },
  reduce: { plan: (c, params, x, [y], prologue) => planReduce(c, params, x, y!, prologue), around: 'prologue', fits: (_, _x, _y, prologue) => !prologue || reducesMapped(prologue) },
  gather: { plan: (c, params, [x, indices], [y]) => planGather(c, params, x!, indices!, y!) },
  scatterAdd: { plan: (c, params, [x, indices, updates], [y]) => planScatterAdd(c, params, x!, indices!, updates!, y!), fits: (_, _x, y) => isNumeric(y) },
  scan: { plan: (c, params, [x], [y]) => planScan(c, params, x!, y!), fits: (_, x) => isNumeric(x) },
  sort: { plan: (c, params, [x], [y]) => planSort(c, params, x!, y!) },
  random: { plan: (c, params, [state], [y]) => planRandom(c, params, state!, y!) },
  fold: { plan: (c, params, [x], [y]) => planFold(c, params, x!, y!), fits: (_, x) => isNumeric(x) },
  maxPoolGradient: { plan: (c, params, [x, g], [y]) => planMaxPoolGradient(c, params, x!, g!, y!), fits: (_, x) => allFloat(x) },
  attention: { plan: (c, params, x, y) => (params.direction === 'forward' ? planAttentionForward : planAttentionBackward)(c, params, x, y), fits: fitsAttention },
  rows: { plan: (c, params, x, [y]) => planRows(c, params, x, y!), fits: fitsRows },
  rowsGradient: { plan: (c, params, x, [y]) => planRowsGradient(c, params, x, y!), fits: fitsRows },
  layerNorm: { plan: planLayerNorm, fits: (_, x, y) => allFloat([...x, ...y]) },
  layerNormGradient: { plan: planLayerNormGradient, fits: (_, x, y) => allFloat([...x, ...y]) },
};

const isNumeric = (xs: readonly Spec[]): boolean => xs.every((x) => x.dtype !== 'bool');
const isSingle = (xs: readonly Spec[]): boolean => xs.every((x) => x.dtype !== 'float64');
const supports = ({ teams, mostOperands }: Gpu, { family: { name }, params, prologue, epilogue }: Call, inputs: readonly Spec[], outputs: readonly Spec[]): boolean => {
  const kernel = kernels[name];
  if (!kernel || (name === 'attention' && (!teams || inputs.length >= mostOperands)) || (prologue && kernel.around !== 'prologue') || (epilogue && kernel.around !== 'epilogue')) return false;
  return isSingle(inputs) && isSingle(outputs) && (kernel.fits?.(params, inputs, outputs, prologue ?? epilogue) ?? true);
};

export interface GpuBackend extends Backend {
  readonly name: 'gpu';
  readonly gpu: Gpu;
  /** What variables go on from after a loss. */
  readonly copies: Copies;
}

/** Memory for programs. An address is the number of a block times 2^32. */
function heapOf(queue: Queue): Heap {
  const span = 2 ** 32;
  const blocks = new Map<number, Block>();
  let next = 1;
  return {
    epoch: 0,
    get most() { return queue.gpu.mostHeld; },
    reserve(bytes) {
      blocks.set(next, queue.block(Math.max(16, bytes)));
      return span * next++;
    },
    release: (address) => void blocks.delete(address / span),
    view: (dtype: DType, address: number, size: number) => new GpuArray(queue, blocks.get(Math.floor(address / span))!, address % span, size, dtype),
    write: (to, x) => queue.write(to as GpuArray, x),
    keep: (x) => queue.keepTensor(x),
    holds: (v) => queue.copies.add(v),
  };
}

/** Devices that were opened: programs for one are not for another. */
let devices = 0;

export function createGpuBackend(gpu: Gpu): GpuBackend {
  const number = ++devices;
  const calls: Record<string, number> = {};
  const count = ({ family: { name } }: Call, fallback: boolean): void => {
    if (fallback) door.fallbacks.set(name, (door.fallbacks.get(name) ?? 0) + 1);
    else calls[name] = (calls[name] ?? 0) + 1;
  };
  const plan: Planner = (call, inputs, outputs, scratch) => kernels[call.family.name]!.plan({ gpu, scratch }, call.params, inputs, outputs, call.prologue ?? call.epilogue);
  const fits = (call: Call, inputs: readonly Spec[], outputs: readonly Spec[]): boolean => supports(gpu, call, inputs, outputs);
  const settings = { budget: 2 ** 31, copyEvery: 100 };
  const queue = new Queue(gpu, plan, fits, settings, count);
  const heap = heapOf(queue);
  const { copies } = queue;
  gpu.whenLost((error) => {
    copies.restore(heap);
    return `${error} Step ${copies.step} was done; variables go on as they were after step ${copies.copied}, on a new device after await useBackend('gpu').`;
  });
  return {
    name: 'gpu',
    gpu,
    copies,
    heap,
    operands: gpu.mostOperands - 1,
    get mode() { return `#${number}${gpu.half ? ' half' : ''}`; },
    configure({ budget, copyEvery, precision }) {
      if (precision === 'half' && !gpu.device.features.has('shader-f16')) throw new BackendError("useBackend: this GPU does not compute in 16 bits (it lacks 'shader-f16'); use precision 'single'.");
      queue.flush();
      if (precision) gpu.half = precision === 'half';
      settings.budget = budget ?? settings.budget;
      settings.copyEvery = copyEvery ?? settings.copyEvery;
      gpu.buffers.mostFree = settings.budget / 4;
      return this;
    },
    async ready({ precision: wanted, tune }) {
      if (wanted === 'half') await checkHalf(queue);
      if (tune) await tuneMatmul(queue);
    },
    execute: (call: Call, inputs: readonly Tensor[], specs: readonly Spec[]) => queue.execute(call, inputs, specs),
    prepare(call, inputs, outputs): Run | null {
      const [x, y] = [inputs, outputs] as unknown as [readonly GpuView[], readonly GpuView[]];
      const there = fits(call, x, y);
      count(call, !there);
      return there ? queue.bind(call, x, y) : null;
    },
    fuses(call: Call, inputs: readonly Layout[], outputs: readonly Spec[]): boolean {
      return ![...inputs, ...outputs].some((x) => sizeOf(x.shape) === 0) && fits(call, inputs, outputs);
    },
    submit: () => gpu.submit(),
    isLost: () => gpu.lost !== null,
    committed: () => copies.commit(settings.copyEvery),
    leave: async () => { if (!gpu.lost) await copies.fetch(); },
    describe() {
      const { info, device, buffers: { used, free }, submits, dispatches, pipelineCount } = gpu;
      const { vendor, architecture, device: chip, description } = info;
      return {
        backend: 'gpu', api: 'webgpu', software: isSoftware(info), teams: gpu.teams, adapter: { vendor, architecture, device: chip, description },
        features: [...device.features].sort(), limits: Object.fromEntries(['maxStorageBufferBindingSize', 'maxBufferSize', 'maxStorageBuffersPerShaderStage', 'maxComputeWorkgroupStorageSize'].map((k) => [k, device.limits[k as keyof GPUSupportedLimits]])),
        memory: { used, free }, ...settings, submits, dispatches, pipelines: pipelineCount, calls: { ...calls },
      };
    },
  };
}

/** Takes hold of a GPU: through WebGPU, else, or if `device` says so, through WebGL 2. Refuses with a list of what was tried. */
export async function openGpu(options: BackendOptions = {}): Promise<Backend> {
  const { device } = options;
  const tried: string[] = [];
  const gpu = device === 'webgl2' ? null : await acquire(tried);
  if (gpu) return createGpuBackend(gpu);
  if (device !== 'webgpu') {
    try {
      return await (await import('../gpu-js/index.js')).openGpuJs({ mode: 'webgl2' });
    } catch (error) {
      tried.push(`WebGL 2 through gpu.js: ${(error as Error).message}`);
    }
  }
  throw new BackendError(`useBackend: there is no GPU to compute on. Tried: ${tried.join('; ')}`);
}
