import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './root.mjs';

const pnpm = 'pnpm@12.21.0';
const stampOf = (folder) => join(folder, 'node_modules', '.heed-installed');
const npmLeft = (folder) => join(folder, 'node_modules', '.package-lock.json');

/** Where WebGPU for Node is installed, for those who want it. */
export const gpuFolder = join(root, 'scripts', 'gpu');

/** A hash of everything that decides what an install puts into `node_modules`. */
function fingerprint(folder) {
  const packages = join(folder, 'packages');
  const inside = existsSync(packages) ? readdirSync(packages).sort().map((p) => join('packages', p, 'package.json')) : [];
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${pnpm}\n`);
  for (const file of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...inside]) {
    const path = join(folder, file);
    if (existsSync(path)) hash.update(`${file}\n`).update(readFileSync(path, 'utf8').replaceAll('\r\n', '\n'));
  }
  return hash.digest('hex');
}

/** Whether `node_modules` is what the lockfile says, as far as the stamp of the last install knows. */
export function isInstalled(folder = root) {
  const stamp = stampOf(folder);
  return existsSync(stamp) && !existsSync(npmLeft(folder)) && readFileSync(stamp, 'utf8').trim() === fingerprint(folder);
}

/** npm's own `npx-cli.js`, which runs under `process.execPath` and so needs no shell on Windows. */
function npxCli() {
  const node = dirname(process.execPath);
  return [
    process.env.npm_execpath && join(dirname(process.env.npm_execpath), 'npx-cli.js'),
    join(node, 'node_modules', 'npm', 'bin', 'npx-cli.js'),
    join(node, '..', 'lib', 'node_modules', 'npm', 'bin', 'npx-cli.js'),
  ].find((path) => path && existsSync(path));
}

function runPnpm(folder, args) {
  const cli = npxCli();
  const [command, shell] = cli ? [process.execPath, false] : ['npx', process.platform === 'win32'];
  const env = { ...process.env, HEED_INSTALLING: '1', CI: process.env.CI || 'true' };
  return spawnSync(command, [...(cli ? [cli] : []), '-y', pnpm, ...args], { cwd: folder, stdio: ['ignore', 2, 2], env, shell });
}

/** Installs a folder's dependencies from its lockfile, unless the last install already did. */
export function ensureInstalled(folder = root) {
  if (!isInstalled(folder)) install(folder, ['install', '--frozen-lockfile']);
}

function install(folder, args) {
  console.error(`Installing dependencies (once; they are kept in ${join(folder, 'node_modules')}) ...`);
  // What plain npm left is laid out differently: pnpm starts better from nothing.
  if (existsSync(npmLeft(folder))) rmSync(join(folder, 'node_modules'), { recursive: true, force: true, maxRetries: 5 });
  rmSync(stampOf(folder), { force: true });
  const { status, error } = runPnpm(folder, args);
  if (status !== 0) {
    console.error(`\nheed: the dependencies could not be installed${error ? ` (${error.message})` : ''}.
The first run needs the network once; after that everything works offline. Look at the lines above, then:
  - check that the package registry can be reached (npm ping),
  - or install by hand: npx ${pnpm} install`);
    process.exit(1);
  }
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  writeFileSync(stampOf(folder), `${fingerprint(folder)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mode] = process.argv.slice(2);
  if (mode === '--lock') for (const folder of [root, gpuFolder]) install(folder, ['install', '--no-frozen-lockfile']);
  else if (mode === '--gpu') ensureInstalled(gpuFolder);
  else if (mode !== '--after-npm') ensureInstalled();
  // After a plain `npm install`: replace what npm made by what the lockfile says. pnpm calls this too, and is let through.
  else if (!process.env.HEED_INSTALLING && /^npm\//.test(process.env.npm_config_user_agent ?? '')) install(root, ['install', '--frozen-lockfile']);
}
