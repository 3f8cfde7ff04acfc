/** For the tests of this folder: operands of every layout, and the plain loops to compare with. */
import type { Backend, View } from '../../backend.js';
import { allocate, bytesPer, type DType, type TypedArray } from '../../dtype.js';
import { contiguousStrides, sizeOf, type Shape } from '../../shape.js';
import { Engine } from './engine.js';
import { createWasmBackend, type WasmBackend } from './index.js';
import { Recipe, type Kernel, type Place } from './recipe.js';

/** One thread: what these tests measure are kernels. */
export const backend: WasmBackend = createWasmBackend({ threads: 1 });

/** Numbers from 0 to 1, the same at every run. */
export function generator(seed: number): () => number {
  let s = seed >>> 0 || 1;
  return () => {
    s ^= s << 13; s >>>= 0;
    s ^= s >>> 17;
    s ^= s << 5; s >>>= 0;
    return s / 2 ** 32;
  };
}

/** A zeroed array in the backend's heap, or an ordinary one. */
export function array(dtype: DType, size: number, where: Backend | null = backend): TypedArray {
  return where?.heap ? (where.heap.view(dtype, where.heap.reserve(Math.max(1, size) * bytesPer[dtype]), size) as TypedArray) : allocate(dtype, size);
}

const special = [NaN, Infinity, -Infinity, 0, -0, 1e-42, 3.4e38];

export function fill(data: ReturnType<typeof array>, random: () => number, odd = 0): typeof data {
  for (let i = 0; i < data.length; i++) {
    data[i] = data instanceof Uint8Array ? Number(random() < 0.6) : data instanceof Int32Array ? Math.floor(random() * 41) - 20
      : random() < odd ? special[Math.floor(random() * special.length)] : random() * 8 - 4;
  }
  return data;
}

export const dense = (data: View['data'], shape: Shape, dtype: DType): View => ({ data, shape, strides: contiguousStrides(shape), offset: 0, dtype });

/** A view of `shape` with permuted axes, negative strides, gaps and broadcast axes, filled with numbers. */
export function anyView(random: () => number, shape: Shape, dtype: DType, options: { odd?: number; heap?: boolean; plain?: boolean } = {}): View {
  const { odd = 0, heap = true, plain = random() < 0.3 } = options;
  const order = shape.map((_, i) => i);
  if (!plain) for (let i = order.length - 1; i > 0; i--) { const j = Math.floor(random() * (i + 1)); [order[i], order[j]] = [order[j], order[i]]; }
  const strides = shape.map(() => 0);
  let step = plain || random() < 0.7 ? 1 : 2;
  let offset = 0;
  for (let i = order.length - 1; i >= 0; i--) {
    const axis = order[i];
    if (!plain && random() < 0.15) continue; // broadcast: stride 0
    const backwards = !plain && random() < 0.2;
    strides[axis] = backwards ? -step : step;
    if (backwards) offset += step * Math.max(0, shape[axis] - 1);
    step *= Math.max(1, shape[axis]);
  }
  const lead = plain ? 0 : Math.floor(random() * 3);
  const data = fill(array(dtype, step + lead + 1, heap ? backend : null), random, odd);
  return { data, shape, strides, offset: offset + lead, dtype };
}

/** Every index of a shape, row-major. */
export function indices(shape: Shape): number[][] {
  return Array.from({ length: sizeOf(shape) }, (_, at) => {
    const index = shape.map(() => 0);
    for (let i = shape.length - 1; i >= 0; i--) { index[i] = at % shape[i]; at = Math.floor(at / shape[i]); }
    return index;
  });
}

/** The element of a view at an index of a shape that it broadcasts to. */
export function at(view: View, index: readonly number[]): number {
  const lead = index.length - view.shape.length;
  return view.data[view.offset + view.shape.reduce((s, n, i) => s + (n === 1 ? 0 : index[i + lead] * view.strides[i]), 0)];
}

export const values = (view: View): number[] => indices(view.shape).map((i) => at(view, i));

/** Does every step unit by unit, the last one first: as a pool of threads might. */
class UnitByUnit extends Recipe {
  override step(kernel: Kernel, params: readonly (number | Place)[], count: number): void {
    for (let i = count - 1; i >= 0; i--) super.step((block) => kernel(block, i, i + 1), params, 1);
  }
}
const apart = new Engine();

/** Runs what `plan` adds for operands in ordinary arrays, unit by unit. */
export function runInUnits(plan: (engine: Engine, recipe: Recipe) => void): void {
  const recipe = new UnitByUnit(apart.heap);
  plan(apart, recipe);
  recipe.build()();
}

/** Runs a call; throws where the backend has no kernel for it. */
export function runCall(name: string, params: unknown, inputs: readonly View[], outputs: readonly View[], on: Backend = backend): void {
  const run = on.prepare({ family: { name, fusedOnly: true, js() { throw new Error('js'); } }, params }, inputs, outputs);
  if (!run) throw new Error(`no kernel for ${name}`);
  run();
}

/** Largest difference, relative to 1 + |expected|; Infinity where one is NaN or infinite and the other isn't that. */
export function difference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [got[i], expected[i]];
    if (Object.is(a, b) || a === b) continue;
    const d = Math.abs(a - b) / (1 + Math.abs(b));
    worst = Math.max(worst, Number.isNaN(d) ? Infinity : d);
  }
  return worst;
}

/** Waits until a backend's workers came up: their event loop is not needed for that, but ours is for others that run beside us. */
export async function crewOf(on: WasmBackend): Promise<void> {
  const pool = on.pool!;
  const workers = pool.enlist() - 1;
  while (pool.describe().started < workers) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Least milliseconds of many runs. */
export function fastest(run: () => void, tries = 20, repetitions = 1): number {
  let best = Infinity;
  for (let t = 0; t < tries; t++) {
    const start = performance.now();
    for (let r = 0; r < repetitions; r++) run();
    best = Math.min(best, (performance.now() - start) / repetitions);
  }
  return best;
}
