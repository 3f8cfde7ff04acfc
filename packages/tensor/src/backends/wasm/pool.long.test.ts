import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findChromium, launch, serve } from '../../../../../scripts/browser.js';

const test = suite('wasm threads in a browser');
const root = join(fileURLToPath(import.meta.url), '../../../../../..');

interface Outcome { threads: number; shared: boolean; spread: number; bits: number[] }

/** What page and Node run: a hash of the bits of several results, when threads took part or had the time to. */
const program = `
import { attention, backendInfo, gelu, matmul, random, softmax, sum, transpose, useBackend } from '@heed/tensor';
const hash = (x) => new Uint32Array(x.data().slice().buffer).reduce((h, word) => Math.imul(h ^ word, 0x01000193), 0x811c9dc5);
export async function compute(threads, patience) {
  await useBackend('wasm', { threads, deterministic: true });
  const x = random.uniform([700, 513], { seed: 1, low: -2, high: 2 });
  const heads = [2, 3, 4].map((seed) => random.uniform([1, 300, 4, 32], { seed, low: -1, high: 1 }));
  const results = () => [matmul(x, transpose(x)), gelu(x), softmax(x), sum(x, { axis: 0 }), attention(...heads, { causal: true })].map(hash);
  const bits = results();
  const pool = () => backendInfo().pool ?? { spread: 0 };
  for (const end = performance.now() + patience; pool().spread === 0 && performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const again = results();
    if (String(again) !== String(bits)) throw new Error('other bits: ' + again + ', not ' + bits);
  }
  const { threads: running, shared } = backendInfo();
  return { threads: running, shared, spread: pool().spread, bits };
}`;

async function bundled(platform: 'browser' | 'node'): Promise<string> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    stdin: { contents: platform === 'browser' ? `${program}\nglobalThis.compute = compute;` : program, resolveDir: root, loader: 'ts' }, tsconfig: join(root, 'tsconfig.json'),
    bundle: true, format: 'esm', platform, external: ['gpu.js', 'node:*'], write: false, logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}

/** Runs the program in a page, on two threads if it can, and gives what it found. */
async function inPage({ isolated = false, policy = '', patience = 10_000 }): Promise<Outcome> {
  const [server, browser] = await Promise.all([
    bundled('browser').then((code) => serve(new Map([
      ['/', `<!doctype html>${policy && `<meta http-equiv="content-security-policy" content="${policy}">`}<script type="module" src="/main.js"></script>`],
      ['/main.js', code],
    ]), { isolated })),
    launch(),
  ]);
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(server.url);
    await page.waitForFunction('globalThis.compute');
    const outcome = (await page.evaluate(`compute(2, ${patience})`)) as Outcome;
    assert.equal(errors, []);
    return outcome;
  } finally {
    await Promise.all([browser.close(), server.close()]);
  }
}

async function inNode(): Promise<Outcome> {
  const url = `data:text/javascript;base64,${Buffer.from(await bundled('node')).toString('base64')}`;
  return ((await import(url)) as { compute(threads: number, patience: number): Promise<Outcome> }).compute(1, 0);
}

if (!findChromium()) {
  console.log('SKIPPED: there is no Chromium on this machine');
} else {
  test('an isolated page uses two threads, another page one, a page that forbids workers one, and all get the bits that Node gets', async () => {
    const { bits } = await inNode();
    const isolated = await inPage({ isolated: true });
    assert.equal(isolated.bits, bits);
    assert.is(isolated.threads, 2);
    assert.ok(isolated.spread > 0);
    const { threads, shared, spread, bits: alone } = await inPage({ patience: 0 });
    assert.equal([threads, shared, spread], [1, false, 0]);
    assert.equal(alone, bits);
    const strict = await inPage({ isolated: true, policy: "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'", patience: 1000 });
    assert.equal([strict.threads, strict.shared, strict.spread], [1, true, 0]);
    assert.equal(strict.bits, bits);
  });
}

test.run();
