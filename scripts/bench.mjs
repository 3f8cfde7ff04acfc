import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { explain, run, shared } from './bundle.mjs';
import { ensureInstalled, gpuFolder } from './install.mjs';
import { exists, root } from './root.mjs';

// The benchmarks, with the rivals that only bench/package.json names: `npm run bench -- --help`.
const folder = join(root, 'bench');
if (!exists(join(folder, 'main.ts'))) {
  console.error('bench: bench/main.ts does not exist.');
  process.exit(1);
}
ensureInstalled();
ensureInstalled(folder);
if (process.argv.includes('--gpu')) ensureInstalled(gpuFolder);

/** Rivals that a bundle brings along. */
const rivals = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu', '@jax-js/jax', 'gpu.js'];

/** Stands in for engines/load.ts: the rivals are in the bundle, and results go where it is run. */
const bringRivals = {
  name: 'bring-rivals',
  setup(build) {
    build.onLoad({ filter: /[\\/]bench[\\/]engines[\\/]load\.ts$/ }, () => {
      const version = (name) => JSON.parse(readFileSync(join(name === 'gpu.js' ? root : folder, 'node_modules', name, 'package.json'), 'utf8')).version;
      const packs = rivals.map((name) => `${JSON.stringify(name)}: { version: '${version(name)}', load: () => require(${JSON.stringify(name)}) }`);
      return { loader: 'js', resolveDir: folder, contents: `const packs = { ${packs.join(', ')} };
        const find = (name) => packs[name] ?? (() => { throw new Error(name + ' is not in this bundle, which is for --gpu'); })();
        export const folder = process.cwd();
        export const load = (name) => find(name).load();
        export const versionOf = (name) => find(name).version;
        export const pathOf = find;` };
    });
  },
};

/** Writes the benchmark with its rivals as one file, for a machine that has nothing but Node and the npm package webgpu. */
async function bundleInto(outfile) {
  const { build } = await import('esbuild');
  const banner = { js: "import { createRequire as heedRequire } from 'node:module'; const require = heedRequire(import.meta.url);" };
  try {
    await build({ ...shared, entryPoints: [join(folder, 'main.ts')], outfile, packages: 'bundle', external: ['webgpu', 'gl', 'esbuild'], sourcemap: false, banner, plugins: [bringRivals, ...shared.plugins] });
  } catch (error) {
    console.error(await explain(error));
    process.exit(1);
  }
  console.log(`written: ${outfile}\nThere: node --expose-gc ${outfile.split(/[\\/]/).pop()} --gpu [options]   (webgpu from NODE_PATH or node_modules)`);
}

const at = process.argv.indexOf('--bundle');
if (at > 0 && !process.argv.includes('--gpu')) {
  console.error('bench: --bundle is for --gpu: node scripts/bench.mjs --gpu --bundle OUT.mjs');
  process.exit(1);
}
if (at > 0) await bundleInto(resolve(process.argv[at + 1] ?? 'heed-bench.mjs'));
else await run(join(folder, 'main.ts'), process.argv.slice(2), { nodeArgs: ['--expose-gc'] });
