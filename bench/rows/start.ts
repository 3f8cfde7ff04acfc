/** How long from nothing to a result: a process's first product, and the first step of a jitted model. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { folder, pathOf } from '../engines/load.js';
import { noPython } from '../engines/torch.js';
import { empty, type EngineName, type Empty, type OwnContext, type OwnRow } from '../row.js';
import { rows as training } from './training.js';

const scratch = join(dirname(folder), '.cache', 'bench');

/** Milliseconds until a process says `done`, and what it said. */
function untilDone(command: string, args: readonly string[]): Promise<{ ms: number; said: string }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
    let said = '';
    let complaint = '';
    let ms = Infinity;
    child.stderr.setEncoding('utf8').on('data', (text) => (complaint += text));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('done')) ms = performance.now() - began;
      said += text;
    });
    child.on('close', () => (ms < Infinity ? resolve({ ms, said }) : reject(new Error(complaint.split('\n').find((line) => /^\s*(?:\[)?[\w ]*Error\b/.test(line))?.trim().slice(0, 160) ?? 'it ended without a result'))));
  });
}

/** Runs every column in turns; `once` gives a sample. */
async function inTurns(columns: ReadonlyMap<string, (() => Promise<number>) | Empty>, rounds: number): Promise<Map<string, readonly number[] | Empty>> {
  const found = new Map<string, number[] | Empty>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, once] of columns) {
      const samples = found.get(name) ?? [];
      if (!Array.isArray(samples)) continue;
      try {
        found.set(name, typeof once === 'function' ? [...samples, await once()] : once);
      } catch (error) {
        found.set(name, empty((error as Error).message));
      }
    }
  }
  return found;
}

const inputs = 'const a = Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i));';
const tfjs = (backend: string, more = ''): string => `import * as tf from '@tensorflow/tfjs-core'; import * as backend from '@tensorflow/tfjs-backend-${backend}'; globalThis.kept = backend; ${more} ${inputs}
  tf.setBackend('${backend}').then(() => { const x = tf.tensor(a, [64, 64]); console.log('done', tf.matMul(x, x).dataSync()[0]); });`;

/** Programs that do nothing but the product, bundled as one would ship them. */
const programs = (): ReadonlyMap<string, { readonly engine: EngineName; readonly code: string }> => new Map([
  ['heed eager', { engine: 'heed', code: `import { matmul, tensor } from '@heed/tensor'; ${inputs} const x = tensor(a).reshape([64, 64]); console.log('done', matmul(x, x).data()[0]);` }],
  ['tfjs wasm', { engine: 'tfjs', code: tfjs('wasm', `backend.setWasmPaths(${JSON.stringify(join(dirname(pathOf('@tensorflow/tfjs-backend-wasm')), '/'))});`) }],
  ['tfjs cpu', { engine: 'tfjs', code: tfjs('cpu') }],
  ['jax-js', { engine: 'jax', code: `import { numpy as np, init, defaultDevice } from '@jax-js/jax'; ${inputs} await init('wasm'); defaultDevice('wasm'); const x = np.array(a).reshape([64, 64]); console.log('done', np.matmul(x.ref, x).dataSync()[0]);` }],
  ['onnxruntime', { engine: 'ort', code: `import { Graph } from './engines/onnx.js'; import * as ort from 'onnxruntime-web'; ${inputs} ort.env.wasm.numThreads = 1; ort.env.wasm.wasmPaths = ${JSON.stringify(`file://${join(dirname(pathOf('onnxruntime-web')), '/')}`)};
    const g = new Graph(); const y = g.node('MatMul', ['x', 'x']); const session = await ort.InferenceSession.create(g.model(new Map([['x', [64, 64]]]), y), { executionProviders: ['wasm'] });
    console.log('done', (await session.run({ x: new ort.Tensor('float32', a, [64, 64]) }))[y].data[0]); process.exit(0);` }],
]);

async function bundled(name: string, code: string): Promise<string> {
  const { build } = await import('esbuild');
  const cjs = name.startsWith('tfjs'); // its glue requires Node's modules
  const outfile = join(scratch, `${name.replace(' ', '-')}.${cjs ? 'cjs' : 'mjs'}`);
  mkdirSync(scratch, { recursive: true });
  await build({
    stdin: { contents: code, resolveDir: folder, loader: 'ts' }, tsconfig: join(dirname(folder), 'tsconfig.json'), outfile,
    bundle: true, minify: true, platform: 'node', target: 'node20', format: cjs ? 'cjs' : 'esm', external: ['gpu.js'], logLevel: 'silent',
  });
  return outfile;
}

async function firstProduct({ rounds, python, engines }: OwnContext): Promise<Map<string, readonly number[] | Empty>> {
  const columns = new Map<string, (() => Promise<number>) | Empty>();
  for (const [name, { engine, code }] of programs()) {
    if (!engines.includes(engine)) continue;
    const early = engine === 'jax' && Number(process.versions.node.split('.')[0]) < 24;
    const file = early ? '' : await bundled(name, code).catch((error: Error) => error);
    columns.set(name, early ? empty(`jax-js needs Node 24, this is ${process.version}`)
      : typeof file !== 'string' ? empty(`could not be bundled: ${file.message.split('\n')[0]}`)
      : async () => (await untilDone(process.execPath, [file])).ms);
  }
  const program = 'import torch; x = torch.rand(64, 64); print("done", (x @ x)[0, 0].item(), flush=True)';
  if (engines.includes('torch')) columns.set('PyTorch', python ? async () => (await untilDone(python, ['-c', program])).ms : empty(noPython));
  return inTurns(columns, Math.min(rounds, 10));
}

/** A process of this benchmark that gets a row ready and then times its first call alone. */
async function firstStep(name: string, { rounds, engines }: OwnContext): Promise<Map<string, readonly number[] | Empty>> {
  const once = (column: string) => async (): Promise<number> => {
    const { said } = await untilDone(process.execPath, [...process.execArgv, process.argv[1]!, '--first', JSON.stringify({ column, row: name })]);
    const [, ms, reason] = /done (?:([\d.]+)|(.*))/.exec(said)!;
    if (ms === undefined) throw new Error(reason);
    return Number(ms);
  };
  const columns = new Map<string, (() => Promise<number>) | Empty>();
  const add = (engine: EngineName, column: string) => engines.includes(engine) && columns.set(column, once(column));
  add('heed', 'heed jit');
  add('heed', 'heed eager');
  add('tfjs', 'tfjs wasm');
  add('jax', 'jax-js');
  if (engines.includes('ort')) columns.set('onnxruntime', empty('it has no gradients'));
  if (engines.includes('torch')) columns.set('PyTorch', empty('run eagerly, it prepares nothing'));
  return inTurns(columns, Math.min(rounds, 3));
}

export const rows: readonly OwnRow[] = [
  { kind: 'own', unit: 'ms', name: 'process start to first 64x64 matmul', floors: { js: 1.2, torch: 10 }, eager: true, measure: firstProduct },
  ...['transformer', 'LSTM'].map((model): OwnRow => ({
    kind: 'own', unit: 'ms', name: `first jitted step, ${model}`, floors: { js: 5 },
    measure: (context) => firstStep(training.find(({ name }) => name.includes(model))!.name, context),
  })),
];
