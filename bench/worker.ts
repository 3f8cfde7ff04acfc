/** A process that measures the rows of one question, and tells the process that started it what it found. */
import { fork } from 'node:child_process';
import { provideGpu } from '../scripts/gpu/index.js';
import type { About, Column } from './engine.js';
import { columnsOf } from './engines/columns.js';
import { heedDevice } from './engines/device.js';
import { heedReference } from './engines/heed.js';
import { measureGpuLimits } from './gpu-limits.js';
import type { Limits } from './limits.js';
import { cpuPace, gpuPace, measure, summary, type Cell, type Result } from './measure.js';
import type { EngineRow, OwnContext, Row } from './row.js';
import { allRows } from './rows/index.js';

interface Job extends OwnContext {
  readonly names: readonly string[];
}
type Said = { readonly columns: About[]; readonly limits: Limits | null } | { readonly row: string; readonly cells: [string, Cell][] };
const rowOf = (name: string, gpu: OwnContext['gpu']): Row => allRows(gpu).find((row) => row.name === name)!;

/** Beyond so many operations engines on the GPU are compared with heed there, and not with its WebAssembly kernels. */
const mostForReference = 2e12;
export const isBeyondReference = (row: Row): boolean => (row.flops ?? 0) * (row.kind === 'training' ? 4 : 1) > mostForReference;
const referenceOf = async (row: EngineRow): Promise<ArrayLike<number>[] | null> => (isBeyondReference(row) ? null : heedReference(row));

/** What this process's GPU can do; it is measured in every process, as rows are. */
async function limitsHere(): Promise<Limits> {
  const { gpu: { device }, describe } = heedDevice();
  const { adapter, software } = describe() as { adapter: Record<string, string>; software: boolean };
  return measureGpuLimits(device, [adapter.vendor, adapter.architecture, adapter.device, adapter.description].filter(Boolean).join(' '), software);
}

async function resultOf(row: Row, columns: readonly Column[], context: OwnContext): Promise<Result> {
  if (row.kind !== 'own') return measure(row, columns, context.rounds, context.gpu ? gpuPace : cpuPace, context.gpu ? await referenceOf(row) : null);
  const cells = [...await row.measure(context)].map(([name, found]): [string, Cell] => [name, 'reason' in found ? found : summary(found)]);
  return { row, cells: new Map(cells) };
}

/** What runs in the process. */
export async function work(job: Job): Promise<void> {
  const tell = (said: Said): Promise<void> => new Promise((resolve) => process.send!(said, () => resolve()));
  if (job.gpu) {
    await provideGpu();
    // What a rival lets go unheard, as when its device is lost, must not end the others' rows.
    process.on('unhandledRejection', (error) => console.error(`bench: unheard: ${(error as Error)?.message ?? error}`));
  }
  const columns = await columnsOf(job);
  await tell({ columns: columns.map(({ name, engine, how, version }) => ({ name, engine, how, version })), limits: job.gpu ? await limitsHere() : null });
  for (const name of job.names) {
    const { cells } = await resultOf(rowOf(name, job.gpu), columns, job);
    await tell({ row: name, cells: [...cells] });
  }
  for (const column of columns) column.close?.();
}

/** Measures these rows in a process of their own. A row that ended the process is empty. */
export async function measureApart(list: readonly Row[], context: OwnContext, heard: { columns(columns: readonly About[], limits: Limits | null): void; result(result: Result): void }): Promise<void> {
  const missing = new Set(list);
  const job: Job = { ...context, names: list.map(({ name }) => name) };
  const child = fork(process.argv[1]!, ['--worker', JSON.stringify(job)], { serialization: 'advanced' });
  const stop = (): never => { child.kill(); process.exit(143); };
  process.once('SIGTERM', stop);
  child.on('message', (said: Said) => {
    if ('columns' in said) return heard.columns(said.columns, said.limits);
    const row = rowOf(said.row, context.gpu);
    missing.delete(row);
    heard.result({ row, cells: new Map(said.cells) });
  });
  const ended = await new Promise<string>((resolve) => child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`)));
  process.off('SIGTERM', stop);
  for (const row of missing) heard.result({ row, cells: new Map([['heed jit', { reason: `its process ended early (${ended})`, wrong: true }]]) });
}

/** The first call of a row on a column, alone in its process. */
export async function first({ column: name, row: rowName }: { readonly column: string; readonly row: string }): Promise<void> {
  const row = rowOf(rowName, undefined);
  const engine = (['heed', 'tfjs', 'jax'] as const).find((e) => name.startsWith(e))!;
  try {
    const column = (await columnsOf({ engines: [engine], threads: 1, python: null })).find((c) => c.name === name)!;
    if (row.kind !== 'own') console.log('done', await (await column.prepare(row)).time(1));
  } catch (error) {
    console.log('done', (error as Error).message.split('\n')[0]);
  }
}
