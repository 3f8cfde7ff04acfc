/** A process that measures the rows of one question, and tells the process that started it what it found. */
import { fork } from 'node:child_process';
import type { About, Column } from './engine.js';
import { columnsOf } from './engines/columns.js';
import { measure, summary, type Cell, type Result } from './measure.js';
import type { OwnContext, Row } from './row.js';
import { rows } from './rows/index.js';

interface Job extends OwnContext {
  readonly names: readonly string[];
}
type Said = { readonly columns: About[] } | { readonly row: string; readonly cells: [string, Cell][] };
const rowOf = (name: string): Row => rows.find((row) => row.name === name)!;

async function resultOf(row: Row, columns: readonly Column[], context: OwnContext): Promise<Result> {
  if (row.kind !== 'own') return measure(row, columns, context.rounds);
  const cells = [...await row.measure(context)].map(([name, found]): [string, Cell] => [name, 'reason' in found ? found : summary(found)]);
  return { row, cells: new Map(cells) };
}

/** What runs in the process. */
export async function work(job: Job): Promise<void> {
  const tell = (said: Said): Promise<void> => new Promise((resolve) => process.send!(said, () => resolve()));
  const columns = await columnsOf(job);
  await tell({ columns: columns.map(({ name, engine, how, version }) => ({ name, engine, how, version })) });
  for (const name of job.names) {
    const { cells } = await resultOf(rowOf(name), columns, job);
    await tell({ row: name, cells: [...cells] });
  }
  for (const column of columns) column.close?.();
}

/** Measures these rows in a process of their own. A row that ended the process is empty. */
export async function measureApart(list: readonly Row[], context: OwnContext, heard: { columns(columns: readonly About[]): void; result(result: Result): void }): Promise<void> {
  const missing = new Set(list);
  const job: Job = { ...context, names: list.map(({ name }) => name) };
  const child = fork(process.argv[1]!, ['--worker', JSON.stringify(job)], { serialization: 'advanced' });
  const stop = (): never => { child.kill(); process.exit(143); };
  process.once('SIGTERM', stop);
  child.on('message', (said: Said) => {
    if ('columns' in said) return heard.columns(said.columns);
    const row = rowOf(said.row);
    missing.delete(row);
    heard.result({ row, cells: new Map(said.cells) });
  });
  const ended = await new Promise<string>((resolve) => child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`)));
  process.off('SIGTERM', stop);
  for (const row of missing) heard.result({ row, cells: new Map([['heed jit', { reason: `its process ended early (${ended})`, wrong: true }]]) });
}

/** The first call of a row on a column, alone in its process. */
export async function first({ column: name, row: rowName }: { readonly column: string; readonly row: string }): Promise<void> {
  const row = rowOf(rowName);
  const engine = (['heed', 'tfjs', 'jax'] as const).find((e) => name.startsWith(e))!;
  try {
    const column = (await columnsOf({ engines: [engine], threads: 1, python: null })).find((c) => c.name === name)!;
    if (row.kind !== 'own') console.log('done', await (await column.prepare(row)).time(1));
  } catch (error) {
    console.log('done', (error as Error).message.split('\n')[0]);
  }
}
