import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cache, name, root } from './root.mjs';

/** Lets a bundled file find what lies beside its source: `import.meta.url` stays the address of the source. */
const keepAddresses = {
  name: 'keep-addresses',
  setup(build) {
    build.onLoad({ filter: /\.m?[jt]s$/ }, async ({ path }) => {
      if (/[\\/]node_modules[\\/]/.test(path)) return undefined;
      const text = await readFile(path, 'utf8');
      const address = JSON.stringify(pathToFileURL(path).href);
      return { contents: text.replace(/\bimport\.meta\.url\b/g, address), loader: path.endsWith('ts') ? 'ts' : 'js' };
    });
  },
};

/** What our own commands tell V8: Node 20 hides relaxed SIMD behind a flag, later ones have it. */
export const engineFlags = process.versions.node.startsWith('20.') ? ['--experimental-wasm-relaxed-simd'] : [];

/** Options every bundle for Node shares: only our own sources go in, by the names they are published under. */
export const shared = {
  absWorkingDir: root,
  tsconfig: join(root, 'tsconfig.json'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: true,
  logLevel: 'silent',
  plugins: [keepAddresses],
};

/**
 * Bundles entries into `node_modules/.cache/heed/<folder>`, sharing code between them, and returns
 * a Map from entry to bundle. Throws esbuild's error, with readable `errors`, when a source is broken.
 */
export async function bundle(entries, folder, options = {}) {
  const { build } = await import('esbuild');
  const outdir = join(cache, folder);
  const result = await build({
    ...shared,
    entryPoints: entries.map((path) => ({ in: path, out: name(path).replace(/\.m?ts$/, '') })),
    splitting: entries.length > 1,
    chunkNames: 'chunks/[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    outdir,
    metafile: true,
    ...options,
  });
  const made = new Map();
  const wanted = new Set(entries);
  for (const [output, { entryPoint }] of Object.entries(result.metafile.outputs)) {
    // A file that is only imported on demand is an entry point of esbuild's too, but not one that was asked for.
    if (entryPoint && wanted.has(join(root, entryPoint))) made.set(join(root, entryPoint), join(root, output));
  }
  return made;
}

/** esbuild's complaints as text. */
export async function explain(error) {
  if (!error.errors) return error.stack ?? String(error);
  const { formatMessages } = await import('esbuild');
  return (await formatMessages(error.errors, { kind: 'error', color: false })).join('\n');
}

/** Bundles a TypeScript program and runs it with the arguments; ends this process as that one ended. */
export async function run(entry, args = [], { nodeArgs = [] } = {}) {
  let made;
  try {
    made = await bundle([entry], join('run', basename(entry).replace(/\W+/g, '-')));
  } catch (error) {
    console.error(await explain(error));
    process.exit(1);
  }
  const child = spawn(process.execPath, ['--enable-source-maps', ...engineFlags, ...nodeArgs, made.get(entry), ...args], { stdio: 'inherit' });
  // A Ctrl-C at a terminal reaches the child by itself: passing it on would be a second one. This process only waits.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const [code, signal] = await new Promise((resolve) => child.on('exit', (...how) => resolve(how)));
  process.exit(code ?? 128 + (constants.signals[signal] ?? 1));
}
