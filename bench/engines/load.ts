/** Where the rivals are: beside bench's package.json, and nowhere else. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Rival } from '../row.js';

export const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

export const load = (name: string): Rival => require(name);
export const pathOf = (name: string): string => require.resolve(name);
export const versionOf = (name: string): string => (JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version;
