import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { shared } from '../bundle.mjs';
import { exists, root } from '../root.mjs';

/** What an import costs in a browser: title, code, the source it needs, and the bytes it may cost when there is a limit. */
const imports = [
  ['softmax alone', `export { softmax } from '@heed/tensor/softmax'`, 'tensor/src/ops/softmax.ts', 8_000],
  ['tensor', `export * from '@heed/tensor'`, 'tensor/src/index.ts'],
  ['autograd', `export * from '@heed/autograd'`, 'autograd/src/index.ts'],
  ['layers', `export * from '@heed/layers'`, 'layers/src/index.ts'],
  ['attention', `export * from '@heed/attention'`, 'attention/src/index.ts'],
];

/** What an import costs in a browser, minified and gzipped, with what it loads at once but not what it loads on demand. */
export async function sizes() {
  const { build } = await import('esbuild');
  const problems = [];
  const notes = [];
  for (const [title, code, needs, limit] of imports) {
    if (!exists(join(root, 'packages', needs))) continue;
    const { outputFiles, metafile } = await build({
      ...shared,
      stdin: { contents: code, resolveDir: root, loader: 'ts', sourcefile: 'entry.ts' },
      platform: 'browser',
      target: 'es2022',
      packages: 'bundle',
      external: ['gpu.js', 'node:*'],
      splitting: true,
      minify: true,
      sourcemap: false,
      write: false,
      metafile: true,
      outdir: join(root, '.cache', 'sizes'),
    });
    const texts = new Map(outputFiles.map(({ path, contents }) => [path, contents]));
    const entry = Object.keys(metafile.outputs).find((output) => metafile.outputs[output].entryPoint === 'entry.ts');
    const atOnce = new Set([entry]);
    for (const output of atOnce) {
      for (const { path, kind, external } of metafile.outputs[output].imports) if (kind === 'import-statement' && !external) atOnce.add(path);
    }
    const bytes = [...atOnce].reduce((sum, output) => sum + gzipSync(texts.get(join(root, output))).length, 0);
    notes.push(`import ${title}: ${bytes.toLocaleString('en')} bytes${limit ? ` of ${limit.toLocaleString('en')}` : ''}`);
    if (limit && bytes > limit) {
      const parts = [...atOnce].flatMap((output) => Object.entries(metafile.outputs[output].inputs)).sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput);
      const heaviest = parts.slice(0, 12).map(([path, { bytesInOutput }]) => `    ${bytesInOutput} ${path}`).join('\n');
      problems.push(`import ${title} costs ${bytes} bytes, minified and gzipped; it must stay under ${limit}. Before gzip:\n${heaviest}`);
    }
  }
  return { problems, notes };
}
