import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';

const places = [
  process.env.CHROME_PATH ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** The Chromium or Chrome of this machine, or null; CHROME_PATH names another. */
export const findChromium = (): string | null => places.find((path) => path && existsSync(path)) ?? null;

/** Starts a headless Chromium that asks the network for nothing; `args` are added, `gpu` leaves the GPU switches to them. */
export async function launch({ args = [], gpu = false }: { args?: string[]; gpu?: boolean } = {}): Promise<Browser> {
  const { chromium } = await import('playwright-core');
  const quiet = ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
  const executablePath = findChromium();
  if (!executablePath) throw new Error('launch: there is no Chromium on this machine; set CHROME_PATH.');
  return chromium.launch({ executablePath, headless: true, args: [...quiet, ...(gpu ? [] : ['--disable-gpu']), ...args] });
}

/** A page's files by path (`/`, `/main.js`), served on this machine; `isolated` allows shared memory. */
export async function serve(files: Map<string, string | Uint8Array>, { isolated = false } = {}) {
  const types: Record<string, string> = { js: 'text/javascript', mjs: 'text/javascript', css: 'text/css', json: 'application/json', wasm: 'application/wasm' };
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '/').split('?')[0]);
    const body = files.get(path);
    const headers: Record<string, string> = { 'content-type': types[path.split('.').pop() ?? ''] ?? 'text/html; charset=utf-8' };
    if (isolated) Object.assign(headers, { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' });
    response.writeHead(body === undefined ? 404 : 200, headers).end(body ?? 'not found');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => new Promise<void>((resolve) => (server.closeAllConnections(), server.close(() => resolve()))) };
}

/** Switches with which a headless Chromium computes on SwiftShader, through WebGPU and WebGL 2. */
export const gpuSwitches = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Programs for a page, by path: their modules in one, `gpu.js` among them where `whole`. */
export async function bundlePages(programs: Readonly<Record<string, string>>, { whole = false } = {}): Promise<[path: string, text: string][]> {
  const { build } = await import('esbuild');
  const root = join(fileURLToPath(import.meta.url), '..', '..');
  return Promise.all(Object.entries(programs).map(async ([path, contents]): Promise<[string, string]> => {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: root, loader: 'ts' }, tsconfig: join(root, 'tsconfig.json'),
      bundle: true, format: 'esm', platform: 'browser', external: ['node:*', ...(whole ? [] : ['gpu.js'])], write: false, logLevel: 'silent',
    });
    return [path, outputFiles[0]!.text];
  }));
}
