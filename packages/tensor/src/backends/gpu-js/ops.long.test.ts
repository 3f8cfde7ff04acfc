import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo, random, useBackend } from '@heed/tensor';
import { checkOp, opSamples } from '@heed/tensor/testing';
import { loaded } from '../../use-backend.js';
import { openGpuJs } from './index.js';

const test = suite('every op through gpu.js');
await useBackend('js');
loaded.clear();
loaded.set('js', (await import('../../backend.js')).jsBackend);

for (const mode of ['cpu', 'webasm'] as const) {
  test(`agrees with js in mode ${mode}`, async () => {
    loaded.set('gpu', await openGpuJs({ mode, least: 1 }));
    for (const { op, samples, options } of opSamples) await checkOp(op, samples, options);
    const { calls } = loaded.get('gpu')!.describe() as { calls: Record<string, number> };
    assert.equal(Object.keys(calls).sort(), ['map', 'matmul', 'reduce']);
  });
}
test('small work is not worth the way', async () => {
  loaded.set('gpu', await openGpuJs({ mode: 'cpu' }));
  await useBackend('gpu');
  const x = random.normal([8, 8], { seed: 1 });
  await x.exp().read();
  assert.equal((backendInfo() as { calls: object }).calls, {});
});

test.run();
