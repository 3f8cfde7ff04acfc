import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, arange, backendInfo, cast, DeviceLostError, jit, mul, OutOfMemoryError, sum, tensor, useBackend, Variable, withBackend, zeros, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { loaded } from '../../use-backend.js';
import { provideGpu } from '../../../../../scripts/gpu/index.js';
import type { GpuBackend } from './index.js';

const test = suite('work that waits for the GPU');
const missing = await provideGpu();
if (missing) {
  test('is handed over in time', () => console.log(`SKIPPED: work that waits for the GPU: ${missing}`));
  test.run();
} else {
  await useBackend('gpu');
  run();
}

function run(): void {
  const gpu = () => (loaded.get('gpu') as GpuBackend).gpu;
  const submitsOf = async (f: () => Promise<unknown>): Promise<number> => {
    await gpu().done();
    const before = gpu().submits;
    await f();
    return gpu().submits - before;
  };
  test.before.each(() => useBackend('gpu', { budget: 2 ** 31, copyEvery: 100 }));

  test('elements are refused at once, and come when they are waited for', async () => {
    const y = add([1, 2], [[10], [20]]);
    refuses(() => y.data(), 'data: x [2, 2] lies on the GPU, where nothing can be looked at at once; use await x.read().');
    assert.equal([...(await y.read())], [11, 12, 21, 22]);
    assert.equal([...(await y.transpose().read())], [11, 21, 12, 22]);
    assert.equal([...(await y.slice(1).read())], [21, 22]);
  });
  test('two hundred ops and a result are one submit', async () => {
    let x: Tensor = tensor([1, 2, 3]);
    assert.is(await submitsOf(async () => {
      for (let i = 0; i < 200; i++) x = add(x, 1);
      assert.equal([...(await x.read())], [201, 202, 203]);
    }), 1);
  });
  test('what nobody reads is done when the caller pauses', async () => {
    await gpu().done();
    const before = gpu().dispatches;
    mul([1, 2], 3);
    assert.is(gpu().dispatches, before);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.is(gpu().dispatches, before + 1);
  });
  test('a jitted step is one submit, and its results stay there', async () => {
    const w = new Variable([1, 2, 3]);
    const step = jit((x: Tensor) => {
      w.assign(add(w.value, mul(x, 2)));
      return sum(w.value);
    });
    for (let i = 0; i < 3; i++) step(tensor([1, 1, 1]));
    let y: Tensor;
    assert.is(await submitsOf(async () => { y = step(tensor([1, 1, 1])); }), 1);
    assert.equal([...(await y!.read())], [30]);
    assert.equal([...(await w.value.read())], [9, 10, 11]);
  });
  test('a loop that never pauses stays within its budget, and loses nothing', async () => {
    const bytes = 2 ** 16;
    await useBackend('gpu', { budget: 16 * bytes });
    const first = arange(bytes / 4, { dtype: 'float32' });
    let x: Tensor = first;
    let most = 0;
    for (let i = 0; i < 5000; i++) {
      mul(first, i);
      x = add(x, 1);
      most = Math.max(most, gpu().used);
    }
    const data = await x.read();
    assert.equal([data[0], data[9]], [5000, 5009]);
    assert.ok(most < 1000 * bytes, `${most / bytes} MiB`);
  });
  test('a value from before is there still, where memory ran out meanwhile', async () => {
    await useBackend('gpu', { budget: 0 });
    const x = arange(1000, { dtype: 'float32' });
    const kept: Tensor[] = [];
    let y: Tensor = x;
    for (let i = 0; i < 1500; i++) {
      y = add(y, 1);
      if (i % 500 === 0) kept.push(y);
    }
    assert.equal([(await y.read())[3], ...(await Promise.all(kept.map(async (t) => (await t.read())[0])))], [1503, 1, 501, 1001]);
  });
  test('memory is given back when tensors are gone', async () => {
    const before = gpu().used;
    for (let i = 0; i < 400; i++) {
      add(zeros([2 ** 18]), i);
      if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve));
    }
    for (let i = 0; i < 50 && gpu().used > before + 2 ** 27; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(gpu().used - before < 2 ** 28, `${(gpu().used - before) / 2 ** 20} MiB of 800 are kept`);
  });
  test('float64 is left to js, counted, wherever its inputs lie', async () => {
    const x = cast(add([1, 2], 0.5), 'float64');
    const y = add(mul(x, x), 1e-12);
    assert.is(y.dtype, 'float64');
    close(await y.read(), new Float64Array([2.25 + 1e-12, 6.25 + 1e-12]), { rtol: 1e-15, atol: 0 });
    assert.equal([...(await cast(y, 'float32').read())], [2.25, 6.25]);
    assert.ok((backendInfo().fallbacks as Record<string, number>).map! > 0);
  });
  test('more than 2^24 elements are right to the last', async () => {
    const n = 1049 * 15994; // a little more
    const x = arange(n);
    const y = await add(x, 1).read();
    assert.equal([y[0], y[2 ** 24], y[n - 1]], [1, 2 ** 24 + 1, n]);
    const rows = withBackend('js', () => x.reshape([n / 1049, 1049]));
    const t = await rows.transpose().add(0).read();
    assert.equal([t[1], t[n - 2]], [1049, n - 1 - 1049]);
  });
  test('too much for the device is refused by name, and nothing is lost', async () => {
    const x = tensor([1, 2]);
    const y = zeros([1]).broadcastTo([2 ** 20, 2 ** 12]);
    try {
      await add(y, 1).read();
      assert.unreachable('it fitted');
    } catch (error) {
      assert.instance(error, OutOfMemoryError);
      assert.match((error as Error).message, /^gpu: no room for 17179869184 bytes: this device's buffers hold \d+ at most/);
    }
    assert.equal([...(await add(x, 1).read())], [2, 3]);
  });
  test('after a loss training goes on from the last copies, on another device', async () => {
    await useBackend('gpu', { copyEvery: 2 });
    const w = new Variable([0, 0]);
    const step = jit(() => {
      w.assign(add(w.value, 1));
      return sum(w.value);
    });
    for (let i = 0; i < 4; i++) await step().read();
    const done = (loaded.get('gpu') as GpuBackend).copies;
    const before = done.step;
    await new Promise((resolve) => setTimeout(resolve, 50));
    step();
    gpu().device.destroy();
    try {
      await step().read();
      assert.unreachable('it was not lost');
    } catch (error) {
      assert.instance(error, DeviceLostError);
      assert.match((error as Error).message, new RegExp(`variables go on as they were after step ${before - (before % 2)}`));
    }
    await useBackend('gpu');
    assert.equal([...(await w.value.read())].length, 2);
    const now = (await w.value.read())[0]!;
    assert.ok(now === 3 || now === 4, String(now));
    assert.equal([...(await step().read())], [2 * (now + 1)]);
  });
  test.run();
}
