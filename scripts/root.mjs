import { readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top folder of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The packages, each of which may import only those before it. */
export const packages = ['tensor', 'autograd', 'layers', 'attention'];

/** Where bundles and other things that can be made again are kept. */
export const cache = join(root, 'node_modules', '.cache', 'heed');

/** The TypeScript compiler. (Its `bin/tsc` has no ending, which Node 20.9 does not load.) */
export const tsc = join(root, 'node_modules', 'typescript', 'lib', 'tsc.js');

/** A path below the root, written with forward slashes on every system. */
export const name = (path) => relative(root, path).split(sep).join('/');

const skipped = new Set(['node_modules', 'dist', '.git', '.cache']);

/** Every file below a folder that `keep(path)` accepts, sorted; nothing when there is no such folder. */
export function files(folder, keep = () => true) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  const found = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!skipped.has(entry.name)) found.push(...files(path, keep));
    } else if (keep(path)) found.push(path);
  }
  return found;
}

/** Whether a file exists. */
export function exists(path) {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The TypeScript files of one package's `src` and `testing`, without tests unless asked for. */
export function sources(packageName, { tests = false } = {}) {
  const home = join(root, 'packages', packageName);
  const keep = (path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && (tests || !path.endsWith('.test.ts'));
  return [...files(join(home, 'src'), keep), ...files(join(home, 'testing'), keep)];
}
