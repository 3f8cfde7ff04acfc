/** How much does a browser load? Minified and gzipped, with the .wasm files that the engines fetch. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { folder, pathOf } from '../engines/load.js';
import { empty, type EngineName, type Empty, type OwnRow } from '../row.js';

const zipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;
const beside = (name: string, ...path: string[]): number => zipped(readFileSync(join(dirname(pathOf(name)), ...path)));

/** Bytes of everything that these imports load at once, used in full unless names are picked. */
async function weigh(imports: readonly string[]): Promise<number> {
  const { build } = await import('esbuild');
  const names = imports.map((_, i) => `m${i}`);
  const contents = imports.map((from, i) => (from.startsWith('{') ? `export ${from};` : `import * as ${names[i]} from '${from}'; (globalThis.kept ??= []).push(${names[i]});`)).join('\n');
  const { outputFiles, metafile } = await build({
    absWorkingDir: folder, stdin: { contents, resolveDir: folder, loader: 'ts', sourcefile: 'entry.ts' }, tsconfig: join(dirname(folder), 'tsconfig.json'),
    bundle: true, minify: true, splitting: true, format: 'esm', platform: 'browser', target: 'es2022', write: false, metafile: true, outdir: 'sizes', logLevel: 'silent',
    external: ['gpu.js', 'node:*', 'fs', 'path', 'os', 'crypto', 'util', 'perf_hooks', 'worker_threads'],
  });
  const files = new Map(Object.keys(metafile.outputs).map((output) => [output, outputFiles.find(({ path }) => path === join(folder, output))!.contents]));
  const atOnce = new Set(Object.keys(metafile.outputs).filter((output) => metafile.outputs[output]!.entryPoint === 'entry.ts'));
  for (const output of atOnce) for (const { path, kind, external } of metafile.outputs[output]!.imports) if (kind === 'import-statement' && !external) atOnce.add(path);
  return [...atOnce].reduce((sum, output) => sum + zipped(files.get(output)!), 0);
}

interface Load {
  readonly reason?: undefined;
  readonly imports: readonly string[];
  /** What is fetched beside the scripts. */
  readonly more?: () => number;
}
const tfjsWasm = (): number => beside('@tensorflow/tfjs-backend-wasm', '..', 'wasm-out', 'tfjs-backend-wasm-simd.wasm');
const ortWasm = (): number => beside('onnxruntime-web', 'ort-wasm-simd-threaded.wasm');
const ort: Load = { imports: ['onnxruntime-web/wasm'], more: ortWasm };

function size(name: string, most: number, heed: readonly string[], rivals: Readonly<Record<string, Load | Empty>>): OwnRow {
  const engineOf: Readonly<Record<string, EngineName>> = { 'heed jit': 'heed', 'tfjs wasm': 'tfjs', 'tfjs cpu': 'tfjs', 'jax-js': 'jax', onnxruntime: 'ort' };
  return {
    kind: 'own', unit: 'bytes', name, floors: { most },
    async measure({ engines }) {
      const found = new Map<string, readonly number[] | Empty>();
      for (const [column, load] of Object.entries<Load | Empty>({ 'heed jit': { imports: heed }, ...rivals })) {
        if (!engines.includes(engineOf[column]!)) continue;
        try {
          found.set(column, load.reason !== undefined ? load : [(await weigh(load.imports)) + (load.more?.() ?? 0)]);
        } catch (error) {
          found.set(column, empty(`could not be bundled: ${(error as Error).message.split('\n')[0]}`));
        }
      }
      if (engines.includes('torch')) found.set('PyTorch', empty('it does not run in a browser'));
      return found;
    },
  };
}

const packages = ['@heed/tensor', '@heed/autograd', '@heed/layers', '@heed/attention', '@heed/tensor/backends/wasm'];

export const rows: readonly OwnRow[] = [
  size('browser bundle, softmax alone', 8_000, [`{ softmax } from '@heed/tensor/softmax'`], {
    'tfjs cpu': { imports: [`{ softmax } from '@tensorflow/tfjs-core'`, '@tensorflow/tfjs-backend-cpu'] },
    'jax-js': { imports: [`{ nn } from '@jax-js/jax'`] },
    onnxruntime: ort,
  }),
  size('browser bundle, tensor + autograd + wasm', 40_000, ['@heed/tensor', '@heed/autograd', '@heed/tensor/backends/wasm'], {
    'tfjs wasm': { imports: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm'], more: tfjsWasm },
    'jax-js': { imports: ['@jax-js/jax'] },
    onnxruntime: ort,
  }),
  size('browser bundle, everything but GPU', 90_000, packages, {
    'tfjs wasm': { imports: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'], more: tfjsWasm },
    'jax-js': empty('it has no layers'),
    onnxruntime: empty('it has no layers'),
  }),
];
