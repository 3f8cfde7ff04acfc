import { join } from 'node:path';
import { run } from './bundle.mjs';
import { ensureInstalled, gpuFolder } from './install.mjs';
import { exists, root } from './root.mjs';

// The date program: `npm start -- --help`.
ensureInstalled();
if (/--backend[ =]gpu( |$)/.test(process.argv.slice(2).join(' '))) ensureInstalled(gpuFolder);
const entry = join(root, 'docs', 'dates', 'main.ts');
if (!exists(entry)) {
  console.error('start: docs/dates/main.ts does not exist.');
  process.exit(1);
}
await run(entry, process.argv.slice(2));
