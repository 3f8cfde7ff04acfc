/** What this machine can do on one core: multiply and add in 128-bit registers, and stream from memory. */
import { Engine } from '../packages/tensor/src/backends/wasm/engine.js';

export interface Limits {
  /** GFLOP/s of multiplying and adding four lanes, fused where the engine has it. */
  readonly peak: number;
  /** GB/s of adding two arrays of 16 MiB into a third, as the row does. */
  readonly stream: number;
  readonly fused: boolean;
  /** Where these are limits of a GPU: what it is, and GB/s to it and from it. */
  readonly gpu?: { readonly name: string; readonly software: boolean; readonly upload: number; readonly readback: number };
}

function leastMs(run: () => void, tries: number): number {
  let least = Infinity;
  for (let i = 0; i < tries; i++) {
    const began = performance.now();
    run();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

/** Ten sums in registers, so that no addition waits for the one before. */
function peakOf(engine: Engine): number {
  const [sums, turns] = [10, 100_000];
  const kernel = engine.compile((module) => module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => {
    const acc = Array.from({ length: sums }, () => f.local('v128'));
    const [x, y] = [f.f32x4(1.0001), f.f32x4(0.999)];
    const i = f.local('i32', from);
    f.repeat(() => {
      for (const a of acc) f.set(a, engine.relaxed ? f.op('f32x4.relaxed_madd', x, y, a) : f.op('f32x4.add', a, f.op('f32x4.mul', x, y)));
      f.advance(i, 1);
    }, f.op('i32.lt_u', i, to));
    for (const a of acc) f.store('v128.store', block, a);
  }, 'run'));
  return (sums * 8 * turns) / leastMs(() => kernel(engine.heap.block, 0, turns), 60) / 1e6;
}

/** c = a + b, 64 bytes a turn. */
function streamOf(engine: Engine): number {
  const bytes = 4 * 2048 * 2048;
  const from = engine.heap.reserve(3 * bytes);
  engine.heap.view('float32', from, (3 * bytes) / 4).fill(1);
  const kernel = engine.compile((module) => module.func(['i32', 'i32', 'i32'], [], (f, start, end, size) => {
    const at = f.local('i32', start);
    const second = f.local('i32', f.op('i32.add', start, size));
    const third = f.local('i32', f.op('i32.add', second, size));
    f.repeat(() => {
      for (const offset of [0, 16, 32, 48]) f.store('v128.store', third, f.op('f32x4.add', f.load('v128.load', at, offset), f.load('v128.load', second, offset)), offset);
      for (const pointer of [at, second, third]) f.advance(pointer, 64);
    }, f.op('i32.lt_u', at, end));
  }, 'run'));
  const ms = leastMs(() => kernel(from, from + bytes, bytes), 40);
  engine.heap.release(from);
  return (3 * bytes) / ms / 1e6;
}

export function measureLimits(): Limits {
  const engine = new Engine();
  return { peak: peakOf(engine), stream: streamOf(engine), fused: engine.relaxed };
}
