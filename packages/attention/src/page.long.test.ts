import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '@heed/tensor';
import type { Browser, Page as Tab } from 'playwright-core';
import { generated, losses } from '../testing/exercises.js';
import type { Page } from '../testing/page.js';
import { bundlePages, findChromium, gpuSwitches, launch, serve } from '../../../scripts/browser.js';

const test = suite('a page');

if (!findChromium()) console.log('SKIPPED: a page on each backend: there is no Chromium on this machine');
else {
  const files = new Map(await bundlePages({ '/main.js': "import { heed } from './packages/attention/testing/page.js'; globalThis.heed = heed;", '/worker.js': "import { train } from './packages/attention/testing/page-worker.js'; globalThis.onmessage = train;" }, { whole: true }));
  files.set('/', '<!doctype html><meta charset="utf-8"><title>heed</title><script type="module" src="/main.js"></script>');
  let [browser, open, isolated]: [Browser?, Awaited<ReturnType<typeof serve>>?, Awaited<ReturnType<typeof serve>>?] = [];
  test.before(async () => { [browser, open, isolated] = await Promise.all([launch({ gpu: true, args: gpuSwitches }), serve(files), serve(files, { isolated: true })]); });
  test.after(async () => { await Promise.all([browser?.close(), open?.close(), isolated?.close()]); });

  /** Calls a function of the page. */
  const call = <K extends keyof Page>(tab: Tab, name: K, ...args: Parameters<Page[K]>): Promise<Awaited<ReturnType<Page[K]>>> => tab.evaluate(`heed.${name}(...${JSON.stringify(args)})`);
  const ways = [
    { title: 'WebGPU', backend: 'gpu', device: 'webgpu', api: 'webgpu' },
    { title: 'WebGL 2', backend: 'gpu', device: 'webgl2', api: 'gpu.js webgl2' },
    { title: 'WebAssembly', backend: 'wasm' },
    { title: 'WebAssembly, isolated', backend: 'wasm', isolated: true },
  ] as const;
  const inTabOf = (way: (typeof ways)[number], f: (tab: Tab) => Promise<void>) => async () => {
    const tab = await browser!.newPage();
    try {
      await tab.goto(('isolated' in way ? isolated : open)!.url);
      await tab.waitForFunction('globalThis.heed', undefined, { timeout: 5000 });
      const info = await ('device' in way ? call(tab, 'use', way.backend, way.device) : call(tab, 'use', way.backend));
      if ('api' in way) assert.is(info.api, way.api);
      assert.is(info.isolated, 'isolated' in way);
      await f(tab);
    } finally {
      await tab.close();
    }
  };
  for (const way of ways) {
    const inTab = (f: (tab: Tab) => Promise<void>) => inTabOf(way, f);
    test(`computes every op right on ${way.title}`, inTab(async (tab) => assert.equal(await call(tab, 'ops'), [])));
    test(`trains on ${way.title} to the losses that Node has`, inTab(async (tab) => {
      await useBackend('wasm');
      const wanted = await losses('convolution', 20);
      const found = await call(tab, 'losses', 'convolution', 20);
      found.forEach((v, i) => assert.ok(Math.abs(v - wanted[i]!) <= 1e-3, `step ${i}: ${v}, not ${wanted[i]}`));
    }));
    test(`writes on ${way.title} as well as Node does`, inTab(async (tab) => {
      await useBackend('wasm');
      const wanted = await generated();
      const found = await call(tab, 'generated');
      assert.ok(found.right >= Math.min(0.9, wanted.right), `${found.right}: ${found.texts.map((t) => t.join(' ')).join(' | ')}`);
    }));
    test(`goes on living while it trains on ${way.title}: in slices, and beside a worker`, inTab(async (tab) => {
      const sliced = await call(tab, 'sliced', 'recurrent', 12);
      const beside = await call(tab, 'beside', 'transformer', 12, way.backend);
      const text = (list: readonly number[]) => list.map((ms) => ms.toFixed(0)).join(', ') || 'none';
      console.log(`${way.title}: tasks of the page above 50 ms and longest frames: in slices ${text(sliced.tasks)} and ${text(sliced.frames)}; beside a worker ${text(beside.tasks)} and ${text(beside.frames)}`);
      assert.is(beside.losses.length, 12);
      if (way.backend === 'gpu') return; // software here, and on the page's own cores: the times are printed only
      assert.equal(beside.tasks, [], 'beside a worker');
      assert.ok(sliced.tasks.length <= 3, `in slices: ${sliced.tasks}`); // weights are drawn, and the step is traced twice
    }));
  }
  test('is told when its GPU is lost, and trains on with the next one', inTabOf(ways[0], async (tab) => {
    const refused = call(tab, 'untilRefused', 'recurrent');
    await tab.waitForTimeout(2000);
    const session = await browser!.newBrowserCDPSession();
    await session.send('Browser.crashGpuProcess');
    assert.match(await refused, /^DeviceLostError: gpu: the device was lost \(unknown\).* Step \d+ was done; variables go on as they were after step \d+/s);
    await call(tab, 'use', 'gpu', 'webgpu');
    assert.is((await call(tab, 'losses', 'recurrent', 4)).length, 4);
  }));
}

test.run();
