/** What a page does on a backend, for page.long.test.ts: the op suite, training, generation; alone, or in a worker beside the page. */
import { backendInfo, useBackend } from '@heed/tensor';
import { checkOp, opSamples } from '@heed/tensor/testing';
import { openGpuJs } from '@heed/tensor/backends/gpu-js';
import { loaded, type BackendName } from '@heed/tensor/use-backend';
import { generated, losses } from './exercises.js';

/** Milliseconds of the page's tasks that took longer than 50, as the browser tells of them, and between frames; the longest first. */
interface Waits { readonly tasks: number[]; readonly frames: number[] }

async function watching(f: () => Promise<unknown>): Promise<Waits> {
  const [tasks, frames]: [number[], number[]] = [[], []];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration)));
  observer.observe({ type: 'longtask' });
  let [over, before] = [false, performance.now()];
  const frame = (): void => {
    frames.push(performance.now() - before);
    before = performance.now();
    if (!over) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  await f();
  over = true;
  await new Promise((resolve) => setTimeout(resolve, 100)); // for what the observer has not told yet
  observer.disconnect();
  const longest = (list: number[]) => list.sort((p, q) => q - p).slice(0, 5);
  return { tasks: longest(tasks), frames: longest(frames) };
}

export const heed = {
  /** Chooses a backend, and says what really runs. */
  async use(name: BackendName, device?: 'webgpu' | 'webgl2'): Promise<Record<string, unknown>> {
    await useBackend(name, { device });
    return { ...backendInfo(), isolated: crossOriginIsolated };
  },
  /** The op suite on this backend alone; for WebGL 2 with everything it can compute, however small. */
  async ops(): Promise<string[]> {
    const name = backendInfo().name as BackendName;
    for (const other of [...loaded.keys()]) if (other !== 'js' && other !== name) loaded.delete(other);
    const usual = loaded.get(name)!;
    if (name === 'gpu' && !usual.execute) loaded.set('gpu', await openGpuJs({ mode: 'webgl2', least: 1 }));
    const failed: string[] = [];
    for (const { name: op, op: what, samples, options } of opSamples) {
      try {
        await checkOp(what, samples, options);
      } catch (error) {
        failed.push(`${op}: ${(error as Error).message}`);
      }
    }
    loaded.set(name, usual);
    return failed;
  },
  losses: (name: string, steps: number, sliceMs?: number) => losses(name, steps, { sliceMs }),
  generated,
  /** The same training, in slices, and how long the page had to wait meanwhile. */
  sliced: (name: string, steps: number) => watching(() => losses(name, steps, { sliceMs: 8 })),
  /** Trains until it is refused, and says how. */
  async untilRefused(name: string): Promise<string> {
    for (let i = 0; i < 1000; i++) {
      try {
        await losses(name);
      } catch (error) {
        return String(error);
      }
    }
    return 'it never was';
  },
  /** A training in a worker, and how long the page had to wait meanwhile. */
  async beside(name: string, steps: number, backend: BackendName): Promise<Waits & { losses: number[] }> {
    const worker = new Worker('/worker.js', { type: 'module' });
    let found: number[] = [];
    const waits = await watching(() => new Promise<void>((resolve, reject) => {
      worker.onmessage = ({ data }) => {
        found = data;
        resolve();
      };
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage({ name, steps, backend });
    }));
    worker.terminate();
    return { ...waits, losses: found };
  },
};
export type Page = typeof heed;
