import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, argmax, BackendError, concat, jit, matmul, max, mul, random, sum, transpose, withBackend, type Tensor } from '@heed/tensor';
import { atHome, close } from '@heed/tensor/testing';
import { loaded } from '../../use-backend.js';
import type { GpuBackend } from './index.js';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('operands that no kernel reaches whole');
const missing = await useKernels();

if (missing) test('are computed in parts', () => console.log(`SKIPPED: operands that no kernel reaches whole: ${missing}`));
else {
  const { gpu } = loaded.get('gpu') as GpuBackend;
  const whole = gpu.mostBound;
  test.after(() => { gpu.mostBound = whole; });
  const [a, b, row] = withBackend('js', () => [random.normal([70, 300], { seed: 1 }), random.normal([300, 70], { seed: 2 }), random.normal([300], { seed: 3 })]) as [Tensor, Tensor, Tensor];
  const same = async (f: () => Tensor): Promise<void> => {
    gpu.mostBound = whole;
    const wanted = withBackend('js', f);
    gpu.mostBound = 16384; // of the 84,000 bytes that a and b take
    const before = gpu.dispatches;
    const found = await atHome(f());
    assert.ok(gpu.dispatches - before > 4, 'in parts');
    close(found, wanted, { rtol: 1e-4, atol: 1e-4 });
  };
  test('elementwise: broadcast, turned and joined', async () => {
    await same(() => add(mul(a, row), transpose(b)));
    await same(() => concat([a, transpose(b)], { axis: 1 }));
  });
  test('reductions over what is kept and what is not', async () => {
    for (const axis of [0, 1, [0, 1]]) await same(() => sum(a, { axis }));
    await same(() => max(transpose(b)));
    await same(() => argmax(a, { axis: 1 }));
  });
  test('matrix products by rows', () => same(() => matmul(a, withBackend('js', () => b.slice(null, [0, 12])))));
  test('a program whose memory takes several buffers', async () => {
    gpu.mostBound = whole;
    const all = gpu.mostHeld;
    gpu.mostHeld = 2 ** 17; // of the 84,000 bytes that each of these takes
    try {
      const f = (x: Tensor): Tensor => {
        const [p, q, r] = [sum(x, { axis: 1, keepDims: true }), matmul(x, transpose(x)), transpose(x)];
        return add(sum(mul(matmul(q, x), p)), sum(matmul(x, add(r, 1))));
      };
      close(await atHome(jit(f)(a)), withBackend('js', () => f(a)), { rtol: 1e-4 });
    } finally {
      gpu.mostHeld = all;
    }
  });
  test('what cannot be parted is refused by name', async () => {
    gpu.mostBound = 16384;
    try {
      await argmax(a).read();
      assert.unreachable('it was computed');
    } catch (error) {
      assert.instance(error, BackendError);
      assert.is((error as Error).message, 'gpu: argmax of x [70, 300] reaches further than a kernel here can; take it of parts.');
    }
  });
}

test.run();
