import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundlePages, findChromium, launch, serve } from '../../../scripts/browser.js';

const test = suite('training in a page');

/** Trains while messages come and go, and tells how long they had to wait, in milliseconds, in order of length. */
const program = `
import { random, useBackend } from '@heed/tensor';
import { Conv2D, Dense, Flatten, MaxPooling2D, Sequential, setRandomSeed } from '@heed/layers';
globalThis.train = async (sliceMs) => {
  await useBackend('wasm');
  setRandomSeed(1);
  const model = new Sequential([new Conv2D(32, 3, { activation: 'relu' }), new MaxPooling2D(), new Conv2D(64, 3, { activation: 'relu' }), new Flatten(), new Dense(256, { activation: 'relu' }), new Dense(1)]);
  model.compile({ optimizer: 'adam', loss: 'mse' });
  const [x, y] = [random.normal([256, 28, 28, 1], { seed: 1 }), random.normal([256, 1], { seed: 2 })];
  const gaps = [];
  let [last, over] = [performance.now(), false];
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    if (!over) port2.postMessage(null);
  };
  port2.postMessage(null);
  const began = performance.now();
  const { history } = await model.fit(x, y, { batchSize: 128, epochs: 3, verbose: 0, sliceMs });
  const took = performance.now() - began;
  over = true;
  return { loss: history.loss, took, gaps: [...gaps, performance.now() - last].sort((p, q) => q - p) };
};`;

if (!findChromium()) {
  console.log('SKIPPED: there is no Chromium on this machine');
} else {
  test('in slices it learns the same, and the page goes on living', async () => {
    const files = await bundlePages({ '/main.js': program });
    const [server, browser] = await Promise.all([serve(new Map([['/', '<!doctype html><script type="module" src="/main.js"></script>'], ...files])), launch()]);
    try {
      const page = await browser.newPage();
      await page.goto(server.url);
      await page.waitForFunction('globalThis.train');
      type Outcome = { loss: number[]; took: number; gaps: number[] };
      const whole = (await page.evaluate('train()')) as Outcome;
      const sliced = (await page.evaluate('train(8)')) as Outcome;
      const longest = ({ gaps, took }: Outcome) => `${gaps.slice(0, 3).map((ms) => ms.toFixed(0)).join(', ')} of ${took.toFixed(0)} ms`;
      console.log(`longest times without a turn for the page: whole steps ${longest(whole)}; slices of 8 ms ${longest(sliced)}`);
      assert.equal(sliced.loss, whole.loss);
      const blocked = ({ gaps, took }: Outcome) => gaps.filter((ms) => ms > 50).reduce((sum, ms) => sum + ms, 0) / took;
      assert.ok(blocked(whole) > 0.9 && blocked(sliced) < 0.5, `${blocked(whole)} ${blocked(sliced)}`);
    } finally {
      await Promise.all([browser.close(), server.close()]);
    }
  });
}
test.run();
