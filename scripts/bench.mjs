import { join } from 'node:path';
import { run } from './bundle.mjs';
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
await run(join(folder, 'main.ts'), process.argv.slice(2), { nodeArgs: ['--expose-gc'] });
