/** What the kernel families of the wasm backend share: the heap, the compiler, the cache of kernels and the counts. */
import { Module } from './assembler.js';
import { WasmHeap, type HeapOptions } from './heap.js';
import { Pool } from './pool.js';
import type { Kernel } from './recipe.js';

export interface EngineOptions extends HeapOptions {
  /** Fused multiply-add where the engine has it; its results may differ between machines. Default: where it is there. */
  relaxed?: boolean;
  /** Threads that heavy work is spread over, the calling one among them. Default: as many as the machine has cores; 1 where memory can't be shared. */
  threads?: number;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Host = (...args: any[]) => number;

let relaxedThere: boolean | undefined;

/** Whether the platform compiles relaxed SIMD. */
export function hasRelaxed(): boolean {
  if (relaxedThere === undefined) {
    const module = new Module(false);
    module.func(['v128'], ['v128'], (f, x) => f.run(f.op('f32x4.relaxed_madd', x, x, x)));
    relaxedThere = WebAssembly.validate(module.bytes());
  }
  return relaxedThere;
}

let supportedHere: boolean | undefined;

/** Whether there is WebAssembly with SIMD here, and a page's policy lets it compile. */
export function isSupported(): boolean {
  if (supportedHere === undefined) {
    try {
      const module = new Module(false);
      module.func([], ['v128'], (f) => f.run(f.f32x4(0)));
      supportedHere = new WebAssembly.Module(module.bytes()) instanceof WebAssembly.Module;
    } catch {
      supportedHere = false;
    }
  }
  return supportedHere;
}

export class Engine {
  readonly heap: WasmHeap;
  readonly relaxed: boolean;
  /** The threads; null where memory can't be shared. */
  readonly pool: Pool | null;
  /** Calls prepared, and calls left to js, by family. */
  readonly calls: Record<string, number> = {};
  readonly fallbacks: Record<string, number> = {};
  private readonly kernels = new Map<string, Kernel>();

  /** `beside`: another engine, whose heap and threads this one shares. */
  constructor(options: EngineOptions = {}, beside?: Engine) {
    this.heap = beside?.heap ?? new WasmHeap(options);
    this.pool = beside ? beside.pool : this.heap.shared ? new Pool(this.heap, options.threads) : null;
    this.relaxed = (options.relaxed ?? true) && hasRelaxed();
  }

  get kernelCount(): number { return this.kernels.size; }

  /** Compiles a module that exports `run`. */
  compile(write: (module: Module) => void, host: Record<string, Host> = {}): Kernel {
    const module = new Module(this.heap.shared);
    write(module);
    const bytes = module.bytes();
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: this.heap.memory, ...host } });
    const kernel = exports.run as unknown as Kernel;
    if (Object.keys(host).length === 0) this.pool?.tell(kernel, bytes);
    return kernel;
  }

  /** The kernel of this name, compiled at its first use. */
  kernel(key: string, make: () => Kernel): Kernel {
    let kernel = this.kernels.get(key);
    if (!kernel) this.kernels.set(key, (kernel = make()));
    return kernel;
  }

  /** The same where the kernel is a single function. */
  kernelOf(key: string, write: Parameters<Module['run']>[0]): Kernel {
    return this.kernel(key, () => this.compile((module) => module.run(write)));
  }
}
