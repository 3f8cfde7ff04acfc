/** heed against the other engines, in turns in one run, after a check that all compute the same: `npm run bench -- --help`. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import type { About } from './engine.js';
import { folder } from './engines/load.js';
import { findPython } from './engines/torch.js';
import { provideGpu } from '../scripts/gpu/index.js';
import { isSoftware } from '../packages/tensor/src/backends/gpu/acquire.js';
import { measureLimits, type Limits } from './limits.js';
import type { Result } from './measure.js';
import { parse, usage, type Options } from './options.js';
import { chart } from './report/chart.js';
import { write } from './report/json.js';
import { header, lines, Notes } from './report/table.js';
import { verdicts } from './report/verdict.js';
import type { Gpu, Row } from './row.js';
import { allRows, questionsOf } from './rows/index.js';
import { first, isBeyondReference, measureApart, work } from './worker.js';

const day = new Date().toISOString().slice(0, 10);
const machine = `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${process.platform} ${process.arch}`;
const meaningless = 'A SOFTWARE ADAPTER: sizes are small, and every time below is meaningless for speed. It shows that rows run and results agree, no more.';
const ofThreads = (n: number): string => `${n} thread${n > 1 ? 's' : ''}`;

function introduce(columns: readonly About[], limits: Limits, threads: number, rounds: number): void {
  const { gpu } = limits;
  console.log(`${machine}; ${gpu ? gpu.name : ofThreads(threads)}, ${rounds} rounds in turns; milliseconds unless a row says otherwise`);
  for (const { name, version, how } of columns) console.log(`  ${name.padEnd(13)} ${version.padEnd(12)} ${how}`);
  if (gpu) console.log(`the device: ${limits.peak.toFixed(1)} GFLOP/s of f32 multiply-adds in registers, ${limits.stream.toFixed(1)} GB/s adding two arrays into a third, ${gpu.upload.toFixed(2)} GB/s to it, ${gpu.readback.toFixed(2)} GB/s from it; measured again before each question`);
  else console.log(`one core: ${limits.peak.toFixed(1)} GFLOP/s of 128-bit ${limits.fused ? 'fused multiply-adds' : 'multiplications and additions'}, ${limits.stream.toFixed(1)} GB/s adding 2 x 16 MiB into a third`);
  if (gpu?.software) console.log(`\n${meaningless}`);
  console.log(`\n${header(columns, gpu ? 'the device' : 'this many cores')}`);
}

/** What was met and missed, and what was not timed. Returns whether all computed the same. */
function conclude(results: ReadonlyMap<Result, Limits>): boolean {
  const judged = [...results].flatMap(([result, limits]) => Object.entries(verdicts(result, limits)).flatMap(([who, v]) => (v ? [{ row: result.row.name, who, ...v }] : [])));
  const missed = judged.filter(({ met }) => !met);
  console.log(`\n${judged.length - missed.length} of ${judged.length} floors met`);
  for (const { row, against, reached, floor } of missed) console.log(`  missed: ${row}, ${against}: ${reached.toPrecision(3)} of ${floor}`);
  const wrong = [...results.keys()].flatMap(({ row, cells }) => [...cells].flatMap(([name, cell]) => ('wrong' in cell && cell.wrong ? [`  ${row.name}: ${name} ${cell.reason}`] : [])));
  if (wrong.length) console.log(`\nnot timed, as what they compute is not what heed computes:\n${wrong.join('\n')}`);
  return wrong.length === 0;
}

async function bench({ rounds, engines, python: asked }: Options, chosen: ReadonlySet<Row>, threads: number, out: string, gpu: Gpu | undefined): Promise<boolean> {
  const python = engines.includes('torch') ? findPython(asked) : null;
  let limits = gpu ? { peak: NaN, stream: NaN, fused: true } : measureLimits();
  const notes = new Notes();
  const results = new Map<Result, Limits>();
  let columns: readonly About[] = [];
  for (const question of Object.values(questionsOf(gpu))) {
    const list = question.filter((row) => chosen.has(row));
    if (list.length) await measureApart(list, { rounds, threads, engines, python, gpu }, {
      columns(found, measured) {
        limits = measured ?? limits;
        if (!columns.length) introduce(found, limits, threads, rounds);
        columns = found;
      },
      result(result) {
        results.set(result, limits);
        console.log(lines(result, columns, notes, limits, threads));
        write(out, result, columns, limits, threads);
      },
    });
  }
  if (notes.lines().length) console.log(`\n${notes.lines().join('\n')}`);
  const fine = conclude(results);
  const { gpu: device } = limits;
  const beyond = [...results.keys()].filter(({ row }) => device && isBeyondReference(row));
  if (beyond.length) console.log(`\ncompared with heed on the GPU, as they are too large for its WebAssembly kernels: ${beyond.map(({ row }) => row.name).join('; ')}`);
  if (device?.software) console.log(`\n${meaningless}`);
  const picture = out.replace(/(\.jsonl)?$/, `${threads > 1 ? `-${threads}-threads` : ''}.svg`);
  const where = device ? `${device.name}, node ${process.version}` : `${ofThreads(threads)}, ${machine}`;
  writeFileSync(picture, chart([...results.keys()], columns, `heed and the others, ${where}, ${day}`, device?.software ? 'Software adapter: meaningless for speed.' : ''));
  console.log(`\nwritten: ${out}, ${picture}\n`);
  return fine;
}

/** On a software adapter rows run small. */
async function sizeFor(): Promise<Gpu> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  return isSoftware(adapter!.info) ? 'small' : 'full';
}

async function main([mode, job, ...rest]: readonly string[]): Promise<boolean> {
  if (mode === '--worker') return work(JSON.parse(job!)).then(() => true);
  if (mode === '--first') return first(JSON.parse(job!)).then(() => true);
  const options = parse([mode, job, ...rest].filter((a) => a !== undefined));
  const missing = options.gpu && !options.help ? await provideGpu() : null;
  if (missing) {
    console.error(`bench: there is no GPU to measure: ${missing}.`);
    return false;
  }
  const gpu = options.gpu && !options.help ? await sizeFor() : undefined;
  const rows = allRows(gpu);
  const chosen = new Set(rows.filter(({ name }) => !options.parts.length || options.parts.some((part) => name.toLowerCase().includes(part.toLowerCase()))));
  if (options.help || options.list) console.log(options.help ? usage : rows.map(({ name }) => name).join('\n'));
  else if (!chosen.size) console.error(`bench: no row has ${options.parts.map((p) => `'${p}'`).join(' or ')} in its name; --list names them.`);
  if (options.help || options.list || !chosen.size) return chosen.size > 0;
  const out = resolve(options.out ?? join(folder, 'results', `${day}-${process.version}${gpu ? '-gpu' : ''}.jsonl`));
  let fine = true;
  for (const threads of options.threads) fine = (await bench(options, chosen, threads, out, gpu)) && fine;
  return fine;
}

try {
  process.exit((await main(process.argv.slice(2))) ? 0 : 1);
} catch (error) {
  if ((error as Error).name !== 'UsageError') throw error;
  console.error((error as Error).message);
  process.exit(1);
}
