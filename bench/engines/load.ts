/** Where the rivals are: beside bench's package.json, and nowhere else but gpu.js, which heed itself brings. A bundle of the benchmark has another file in the place of this one. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Rival } from '../row.js';

export const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

export const load = (name: string): Rival => require(name);
export const pathOf = (name: string): string => require.resolve(name);
export function versionOf(name: string): string {
  const path = [folder, dirname(folder)].map((home) => join(home, 'node_modules', name, 'package.json')).find((p) => existsSync(p))!;
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
