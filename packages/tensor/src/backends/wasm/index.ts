/** The default backend: SIMD kernels emitted at run time over one WebAssembly memory. */
import type { Backend, BackendOptions, Call, Layout, Run, View } from '../../backend.js';
import type { AttentionParams } from '../js/attention.js';
import { checkRange } from '../js/gather.js';
import type { RowParams } from '../js/rows.js';
import { BackendError } from '../../errors.js';
import { isArg, planArg } from './arg.js';
import { planAttention } from './attention.js';
import { planConcat, planCopy, planFill } from './copy.js';
import { kindOf } from '../../dtype.js';
import { cast, input, type Expr, type Kind } from '../../scalar/expression.js';
import { Engine, isSupported, type EngineOptions } from './engine.js';
import type { WasmHeap } from './heap.js';
import { planFold } from './fold.js';
import { planGather, planScatterAdd } from './gather.js';
import { planLayerNorm, planLayerNormGradient } from './layer-norm.js';
import { bitsOf } from './loops.js';
import { planMap } from './map.js';
import { planMaxPoolGradient } from './max-pool.js';
import { finishesMatmul, planFinishedMatmul, planMatmul } from './matmul.js';
import type { Pool } from './pool.js';
import { planRandom } from './random.js';
import { Recipe, type Located } from './recipe.js';
import { planMappedReduce, planReduce, reduces, reducesMapped } from './reduce.js';
import { mapsRows, planMappedRows, planRows } from './rows.js';
import { planSort } from './sort.js';
import { contiguousStrides, sizeOf } from '../../shape.js';
import type { Spec } from '../../tensor.js';
import { worthStaging } from './staging.js';

export { isSupported } from './engine.js';
export { worthStaging } from './staging.js';
export type { EngineOptions as WasmOptions } from './engine.js';

/** Adds a call's steps to the recipe; false where there is no kernel for it, a function where its operands must be checked before each run. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Plan = (engine: Engine, recipe: Recipe, params: any, inputs: readonly View[], outputs: readonly View[]) => boolean | (() => void);

const allFloat = (views: readonly View[]): boolean => views.every((v) => v.dtype === 'float32');

const castRoots = new Map<string, readonly Expr[]>();
/** A conversion as an expression, so that it is one more map. */
function casts(from: Kind, to: Kind): readonly Expr[] {
  const key = from + to;
  let roots = castRoots.get(key);
  if (!roots) castRoots.set(key, (roots = [cast(input(0, from), to)]));
  return roots;
}

/** A plan that has a kernel for all that comes. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const always = (plan: (engine: Engine, recipe: Recipe, params: any, inputs: readonly Located[], outputs: readonly Located[]) => void): Plan => (engine, recipe, params, inputs, outputs) => {
  plan(engine, recipe, params, inputs.map((x) => recipe.input(x)), outputs.map((y) => recipe.output(y)));
  return true;
};

const plans: Record<string, Plan> = {
  map: (engine, recipe, { roots }, inputs, outputs) => planMap(engine, recipe, roots, inputs, outputs),
  cast: (engine, recipe, _, [x], [y]) => planMap(engine, recipe, casts(kindOf(x.dtype), kindOf(y.dtype)), [x], [y]),
  matmul: (engine, recipe, _, [a, b], [y]) => {
    if (!allFloat([a, b, y])) return false;
    planMatmul(engine, recipe, recipe.input(a), recipe.input(b), recipe.output(y));
    return true;
  },
  copy: (engine, recipe, _, [x], [y]) => {
    if (x.dtype === 'float64' || x.dtype !== y.dtype) return false;
    // The output may have another shape with as many elements: a reshape that needs a copy.
    planCopy(engine, recipe, recipe.input(x), { ...recipe.output(y), shape: x.shape, strides: contiguousStrides(x.shape) });
    return true;
  },
  concat: (engine, recipe, { axis }, inputs, [y]) => {
    if (y.dtype === 'float64') return false;
    planConcat(engine, recipe, inputs.map((x) => recipe.input(x)), axis, recipe.output(y));
    return true;
  },
  place: (engine, recipe, { start, step, value }, [x], [y]) => {
    if (y.dtype !== 'float32' && y.dtype !== 'int32') return false;
    const to = recipe.output(y);
    planFill(engine, recipe, to, bitsOf(value, y.dtype));
    const at = to.strides.reduce((sum, s, i) => sum + s * start[i], 0);
    planCopy(engine, recipe, recipe.input(x), { ...to, shape: x.shape, strides: to.strides.map((s, i) => s * step[i]), place: to.place.plus(4 * at) });
    return true;
  },
  reduce: (engine, recipe, { kind, axes }, [x], [y]) => {
    if (x.dtype !== 'float32' || sizeOf(x.shape) === 0) return false;
    if (isArg(kind)) return planArg(engine, recipe, kind, recipe.input(x), axes, recipe.output(y));
    if (!reduces(kind) || y.dtype !== 'float32') return false;
    planReduce(engine, recipe, kind, recipe.input(x), axes, recipe.output(y));
    return true;
  },
  attention: always(planAttention),
  maxPoolGradient: always(planMaxPoolGradient),
  layerNorm: always(planLayerNorm),
  layerNormGradient: always(planLayerNormGradient),
  fold: (engine, recipe, { strides }, [x], [y]) => allFloat([x, y]) && sizeOf(x.shape) > 0 && planFold(engine, recipe, strides, recipe.input(x), recipe.output(y)),
  gather: (engine, recipe, { axis }, [x, indices], [y]) => {
    if (x.dtype !== 'float32' && x.dtype !== 'int32') return false;
    planGather(engine, recipe, axis, recipe.input(x), recipe.input(indices), recipe.output(y));
    return () => checkRange('gather', indices, axis, x.shape[axis]);
  },
  scatterAdd: (engine, recipe, { axis }, [x, indices, updates], [y]) => {
    if ((y.dtype !== 'float32' && y.dtype !== 'int32') || x.dtype !== y.dtype || updates.dtype !== y.dtype) return false;
    planScatterAdd(engine, recipe, axis, recipe.input(x), recipe.input(indices), recipe.input(updates), recipe.output(y));
    return () => checkRange('scatterAdd', indices, axis, x.shape[axis]);
  },
  sort: (engine, recipe, params, [x], [y]) => (x.dtype === 'float32' || x.dtype === 'int32') && planSort(engine, recipe, params, recipe.input(x), recipe.output(y)),
  random: always((engine, recipe, { kind }, [state], [y]) => planRandom(engine, recipe, kind, state, y)),
  rows: (engine, recipe, { kind, axis, masked }, inputs, [y]) => {
    if (!allFloat([inputs[0], y])) return false;
    planRows(engine, recipe, kind, axis, inputs.map((x) => recipe.input(x)), Boolean(masked), recipe.output(y));
    return true;
  },
  rowsGradient: always((engine, recipe, { kind, axis, masked }: RowParams, inputs, [gx]) => planRows(engine, recipe, `${kind}Gradient`, axis, inputs, masked, gx)),
};

/** A family that computes its input as it goes, or goes on to compute of its output. */
interface Around {
  fits(call: Call, inputs: readonly Layout[], outputs: readonly Spec[]): boolean;
  plan(engine: Engine, recipe: Recipe, call: Call, inputs: readonly Located[], outputs: readonly Located[]): void;
}

const around: Record<string, Around> = {
  reduce: {
    fits: ({ params: { kind, axes }, prologue, epilogue }, inputs) => !epilogue && reducesMapped(kind, prologue!, axes, inputs),
    plan: (engine, recipe, { params: { kind, axes }, prologue }, inputs, [y]) => planMappedReduce(engine, recipe, kind, prologue!, inputs, axes, y),
  },
  rows: {
    fits: ({ params: { kind, axis }, prologue, epilogue }, inputs) => !epilogue && mapsRows(prologue!, kind, axis, inputs),
    plan: (engine, recipe, { params: { kind }, prologue }, inputs, [y]) => planMappedRows(engine, recipe, kind, prologue!, inputs, y),
  },
  matmul: {
    fits: ({ prologue, epilogue }, inputs, outputs) => !prologue && finishesMatmul(epilogue!, inputs, outputs),
    plan: (engine, recipe, { epilogue }, inputs, [y]) => planFinishedMatmul(engine, recipe, epilogue!, inputs, y),
  },
};
const isAround = ({ prologue, epilogue }: Call): boolean => Boolean(prologue ?? epilogue);
const planAround = (call: Call): Plan => (engine, recipe, _, inputs, outputs) => {
  around[call.family.name].plan(engine, recipe, call, inputs.map((x) => recipe.input(x)), outputs.map((y) => recipe.output(y)));
  return true;
};

/** Families that a kernel here computes in place of smaller ops, all in float32, with the number of the input that is a mask (-1: none; undefined: there is no such kernel). */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const fused: Record<string, (params: any) => number | undefined> = {
  attention: ({ masked, direction, needBias }: AttentionParams) => (needBias ? undefined : masked ? (direction === 'forward' ? 3 : 6) : -1),
  layerNorm: () => -1,
  maxPoolGradient: () => -1,
  layerNormGradient: () => -1,
  rowsGradient: ({ masked }: RowParams) => (masked ? 2 : -1),
};

export interface WasmBackend extends Backend {
  readonly name: 'wasm';
  /** Its memory; taking it where nothing `isSupported` throws. */
  readonly heap: WasmHeap;
  /** Its threads; null where memory can't be shared. */
  readonly pool: Pool | null;
}

/** A backend with a heap of its own, made at its first use. Where WebAssembly may not run, it leaves everything to js. */
export function createWasmBackend(options: EngineOptions = {}): WasmBackend {
  // Two engines at most: the usual one, and one whose kernels are deterministic, over the heap and the threads of whichever came first.
  const made: Engine[] = [];
  let { threads } = options;
  const backends = [undefined, 'deterministic'].map((mode): WasmBackend => {
    let engine: Engine | undefined;
    return over(() => {
      if (!engine) made.push((engine = new Engine({ ...options, threads, relaxed: mode ? false : options.relaxed }, made[0])));
      return engine;
    }, () => engine, mode, configure);
  });
  function configure(this: Backend, wanted: BackendOptions): WasmBackend {
    threads = wanted.threads ?? threads;
    if (threads !== undefined && made[0]?.pool) made[0].pool.wanted = threads;
    return backends[Number(wanted.deterministic ?? this.mode === 'deterministic')];
  }
  return backends[0];
}

function over(engine: () => Engine, made: () => Engine | undefined, mode: string | undefined, configure: NonNullable<Backend['configure']>): WasmBackend {
  return {
    name: 'wasm',
    mode,
    configure,
    get heap() {
      if (!isSupported()) throw new BackendError('wasm: WebAssembly with SIMD cannot run here; use the js backend.');
      return engine().heap;
    },
    get pool() { return isSupported() ? engine().pool : null; },
    prepare(call, inputs, outputs) {
      if (!isSupported()) return null;
      const { name } = call.family;
      const plan = isAround(call) ? planAround(call) : plans[name];
      const e = engine();
      const run = plan ? bind(e, plan, call, inputs, outputs) : null;
      const counts = run ? e.calls : e.fallbacks;
      counts[name] = (counts[name] ?? 0) + 1;
      return run;
    },
    fuses(call, inputs, outputs) {
      const { family: { name }, params } = call;
      if (!isSupported() || [...inputs, ...outputs].some((x) => sizeOf(x.shape) === 0)) return false;
      if (isAround(call)) return around[name]?.fits(call, inputs, outputs) ?? false;
      const mask = fused[name]?.(params);
      return mask !== undefined && inputs.every((x, i) => x.dtype === (i === mask ? 'bool' : 'float32'));
    },
    describe() {
      const e = made();
      const base = { backend: 'wasm', simd: isSupported(), threads: 1 };
      if (!e) return { ...base, started: false };
      const { heap, relaxed, pool, kernelCount, calls, fallbacks } = e;
      const threads = pool?.describe();
      return { ...base, threads: 1 + (threads?.started ?? 0), pool: threads, relaxed, shared: heap.shared, heap: heap.usage, kernels: kernelCount, calls: { ...calls }, fallbacks: { ...fallbacks } };
    },
  };
}

function bind(engine: Engine, plan: Plan, call: Call, inputs: readonly View[], outputs: readonly View[]): Run | null {
  const { heap } = engine;
  let outside: View[] | undefined;
  for (const list of [inputs, outputs]) for (const view of list) if (!heap.owns(view.data.buffer)) (outside ??= []).push(view);
  if (outside && !worthStaging(call, inputs, outputs, outside)) return null;
  const recipe = new Recipe(heap, engine.pool);
  const planned = plan(engine, recipe, call.params, inputs, outputs);
  if (!planned) return null;
  const run = recipe.build();
  return planned === true ? run : () => { planned(); run(); };
}

export const wasmBackend: WasmBackend = createWasmBackend();
