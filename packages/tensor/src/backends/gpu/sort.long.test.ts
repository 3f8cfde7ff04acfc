import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo, argsort, flip, sort, tensor, topK, transpose, withBackend, type Tensor } from '@heed/tensor';
import { atHome, close, scattered } from '@heed/tensor/testing';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('order on the GPU');
const missing = await useKernels();

if (missing) test('is compared with js', () => console.log(`SKIPPED: order on the GPU: ${missing}`));
else {
  const same = async (f: () => Tensor): Promise<void> => close(await atHome(f()), withBackend('js', f), { rtol: 0, atol: 0 });
  const special = [NaN, Infinity, -Infinity, 0, -0, 1e-42, -1e-42, 1, 2, 3];
  /** Numbers of which many are equal, and some are none. */
  const mixed = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => (i % 3 ? Math.round(((i * 0.618) % 1) * n / 4) : special[(i * 7) % special.length]!));

  test('agrees with js along any axis of any shape, in either direction, turned and mirrored', async () => {
    const size = fc.constantFrom(1, 2, 3, 5, 17, 64, 100);
    await fc.assert(fc.asyncProperty(fc.array(size, { minLength: 1, maxLength: 3 }), fc.nat(2), fc.boolean(), fc.boolean(), fc.boolean(), async (shape, k, descending, turn, mirror) => {
      const x = withBackend('js', () => {
        const t = tensor(mixed(shape.reduce((p: number, q) => p * q, 1)), { shape });
        const turned = turn ? transpose(t) : t;
        return mirror ? flip(turned, { axis: 0 }) : turned;
      });
      await same(() => argsort(x, { axis: k % shape.length, descending }));
    }), { numRuns: 20, seed: 5 });
  });

  for (const shape of [[2047], [2048], [2049], [4096], [4097], [3, 9000], [40_001], [2, 70_000]] as const) {
    for (const descending of [false, true]) test(`of [${shape}]${descending ? ', descending,' : ''} is stable, with NaN last`, () => same(() => argsort(tensor(mixed(shape.reduce((p: number, q) => p * q, 1)), { shape }), { descending })));
  }
  test('holds along an axis that is not the last, beyond what a group sorts', () => same(() => argsort(tensor(mixed(9000), { shape: [3000, 3] }), { axis: 0 })));
  test('tells apart whole numbers that float32 does not', async () => {
    const x = tensor(Int32Array.from({ length: 3000 }, (_, i) => (i % 5 === 0 ? [2 ** 31 - 1, -(2 ** 31), 0][(i / 5) % 3]! : 2 ** 24 + ((i * 7919) % 3000))));
    await same(() => argsort(x));
    await same(() => argsort(x, { descending: true }));
  });
  test('puts false before true', () => same(() => argsort(tensor(Uint8Array.from({ length: 100 }, (_, i) => Number(i % 3 === 0))).greater(0))));
  test('serves sort and topK', async () => {
    const x = scattered([5, 3000]);
    await same(() => sort(x, { axis: 1 }));
    await same(() => topK(x, 4).indices);
    await same(() => topK(x, 4).values);
  });

  test('is never left to js', () => assert.equal(backendInfo().fallbacks, {}));
}

test.run();
