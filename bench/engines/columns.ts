/** The columns of the engines that were asked for. */
import { absent, type Column } from '../engine.js';
import type { EngineName, OwnContext } from '../row.js';
import { gpujsColumns } from './gpujs.js';
import { heedColumns, heedGpuColumns } from './heed.js';
import { jaxColumns, jaxGpuColumns } from './jax.js';
import { ortColumns } from './ort.js';
import { tfjsColumns, tfjsGpuColumns } from './tfjs.js';
import { torchColumns } from './torch.js';

/** Engines on the GPU, in one process: each opens a device of its own on the same adapter. A rival that cannot start is an empty column. */
async function gpuColumnsOf(engines: readonly EngineName[]): Promise<Column[]> {
  const makers: Partial<Record<EngineName, readonly [string, () => Promise<Column[]>]>> = { heed: ['heed jit', heedGpuColumns], tfjs: ['tfjs webgpu', tfjsGpuColumns], jax: ['jax-js', jaxGpuColumns], gpujs: ['gpu.js', gpujsColumns] };
  const lists: Column[][] = [];
  for (const engine of engines) {
    const [name, make] = makers[engine]!;
    lists.push(await make().catch((error: Error) => {
      if (engine === 'heed') throw error;
      return [absent(name, engine, error.message.split('\n')[0]!)];
    }));
  }
  return lists.flat();
}

export async function columnsOf({ engines, threads, python, gpu }: Omit<OwnContext, 'rounds'>): Promise<Column[]> {
  if (gpu) return gpuColumnsOf(engines);
  const makers = { heed: () => heedColumns(threads), tfjs: tfjsColumns, jax: jaxColumns, ort: () => ortColumns(threads), torch: () => torchColumns(threads, python), gpujs: async () => [] };
  const lists: Column[][] = [];
  for (const engine of engines) lists.push(await makers[engine]());
  return lists.flat();
}
