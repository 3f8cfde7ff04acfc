import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo, matmul, random, useBackend, withBackend } from '@heed/tensor';
import { close } from '@heed/tensor/testing';
import { fromData } from '../../tensor.js';
import { loaded } from '../../use-backend.js';
import { measuredOn } from './choice.js';
import type { GpuArray } from './array.js';
import type { GpuBackend } from './index.js';
import { tuneMatmul } from './tune.js';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('measuring matrix products');
const missing = await useKernels();

if (missing) test('keeps what is quickest', () => console.log(`SKIPPED: measuring matrix products: ${missing}`));
else {
  const { TMPDIR } = process.env;
  const folder = mkdtempSync(join(tmpdir(), 'heed-tune-'));
  process.env.TMPDIR = folder;
  test.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(folder, { recursive: true });
  });
  const { gpu } = loaded.get('gpu') as GpuBackend;
  const { queue } = (matmul([[1]], [[1]]).storage as unknown as { data: GpuArray }).data;
  const known = measuredOn(gpu);
  const shape = { m: 20, n: 30, k: 40, turnedB: true };

  test('what is quickest is kept, and found at the next start', async () => {
    await tuneMatmul(queue, [shape]);
    assert.is(known.size, 1);
    const measured = [...known];
    const [file] = readdirSync(folder);
    known.clear();
    await tuneMatmul(queue, []);
    assert.equal([...known], measured);
    assert.equal(readdirSync(folder), [file]);
  });
  test('what was measured with other tiles, or is no record at all, is measured again', async () => {
    const path = join(folder, readdirSync(folder)[0]!);
    const text = readFileSync(path, 'utf8');
    for (const broken of [text.replace('"of":"', '"of":"x'), '{', '[]', 'null']) {
      writeFileSync(path, broken);
      known.clear();
      await tuneMatmul(queue, []);
      assert.is(known.size, 0);
    }
  });
  test('a choice that there is not is not taken', async () => {
    known.clear();
    await tuneMatmul(queue, [shape]);
    for (const name of known.keys()) known.set(name, { way: 'tiles', tile: 99, splits: 7 });
    const [a, b] = withBackend('js', () => [random.normal([20, 40], { seed: 1 }), random.normal([30, 40], { seed: 2 })]);
    const y = matmul(a!, b!, { transposeB: true });
    close(fromData(await y.read(), y.shape, y.dtype), withBackend('js', () => matmul(a!, b!, { transposeB: true })), { rtol: 1e-4, atol: 1e-4 });
    known.clear();
  });

  const canHalf = gpu.device.features.has('shader-f16');
  test('operands of 16 bits give what 16 bits can', async () => {
    if (!canHalf) return console.log("SKIPPED: products of 16 bits: this GPU lacks 'shader-f16'");
    await useBackend('gpu', { precision: 'half' });
    const [a, b] = withBackend('js', () => [random.normal([70, 100], { seed: 1 }), random.normal([100, 80], { seed: 2 })]);
    const y = matmul(a!, b!);
    close(fromData(await y.read(), y.shape, y.dtype), withBackend('js', () => matmul(a!, b!)), { rtol: 0.01, atol: 0.05 });
    await useBackend('gpu', { precision: 'single' });
  });
  test('a precision that there is not is refused', async () => {
    const told = async (options: object): Promise<string> => useBackend('gpu', options).then(() => '', (error: Error) => error.message);
    assert.is(await told({ precision: 'double' }), "useBackend: precision is double; use 'single' or 'half'.");
    if (!canHalf) assert.is(await told({ precision: 'half' }), "useBackend: this GPU does not compute in 16 bits (it lacks 'shader-f16'); use precision 'single'.");
    assert.is(backendInfo().name, 'gpu');
  });
}

test.run();
