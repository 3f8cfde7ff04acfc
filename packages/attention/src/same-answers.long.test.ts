import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { useBackend } from '@heed/tensor';
import { drawn, exercises, generated, losses } from '../testing/exercises.js';
import { provideGpu, useKernels } from '../../../scripts/gpu/index.js';

const test = suite('the same answers on the GPU');
const missing = await provideGpu();

if (missing) test('as on the CPU', () => console.log(`SKIPPED: the same answers on the GPU: ${missing}`));
else {
  for (const name of Object.keys(exercises)) {
    test(`20 steps of training a ${name} model stay together, jitted and op by op`, async () => {
      await useBackend('wasm');
      const wanted = await losses(name);
      await useKernels();
      const found = await losses(name);
      console.log(`${name}: largest difference ${Math.max(...found.map((v, i) => Math.abs(v - wanted[i]!))).toExponential(1)}, loss ${wanted[0]!.toFixed(3)} -> ${wanted[19]!.toFixed(3)}`);
      assert.is(found.length, 20);
      found.forEach((v, i) => assert.ok(Math.abs(v - wanted[i]!) <= 1e-3, `step ${i}: ${v}, not ${wanted[i]}`));
      (await losses(name, 4, { jitCompile: false })).forEach((v, i) => assert.ok(Math.abs(v - wanted[i]!) <= 1e-3, `op by op, step ${i}: ${v}, not ${wanted[i]}`));
    });
  }
  test('random bits and shuffles are equal', async () => {
    await useBackend('wasm');
    const wanted = await drawn();
    await useBackend('gpu');
    assert.equal(await drawn(), wanted);
  });
  test('a language model learns as well, and writes', async () => {
    await useBackend('wasm');
    const wanted = await generated();
    await useKernels(false); // quicker on a software adapter
    const found = await generated();
    console.log(`right: ${wanted.right} on wasm, ${found.right} on the GPU; ${found.texts.map((t) => t.join(' ')).join(' | ')}`);
    assert.ok(found.right >= wanted.right - 0.05 && found.right >= 0.9, `${found.right} ${wanted.right}`);
  });
}

test.run();
