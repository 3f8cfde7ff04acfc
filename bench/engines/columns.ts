/** The columns of the engines that were asked for. */
import type { Column } from '../engine.js';
import type { OwnContext } from '../row.js';
import { heedColumns } from './heed.js';
import { jaxColumns } from './jax.js';
import { ortColumns } from './ort.js';
import { tfjsColumns } from './tfjs.js';
import { torchColumns } from './torch.js';

export async function columnsOf({ engines, threads, python }: Omit<OwnContext, 'rounds'>): Promise<Column[]> {
  const makers = { heed: () => heedColumns(threads), tfjs: tfjsColumns, jax: jaxColumns, ort: () => ortColumns(threads), torch: () => torchColumns(threads, python) };
  const lists: Column[][] = [];
  for (const engine of engines) lists.push(await makers[engine]());
  return lists.flat();
}
