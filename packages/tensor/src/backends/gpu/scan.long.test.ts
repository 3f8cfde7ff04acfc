import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo, cumsum, flip, tensor, transpose, withBackend, type Tensor } from '@heed/tensor';
import { cumsumOp } from '@heed/tensor/cumulative';
import { run1 } from '@heed/tensor/op';
import { atHome, close, scattered } from '@heed/tensor/testing';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('running sums on the GPU');
const missing = await useKernels();

if (missing) test('are compared with js', () => console.log(`SKIPPED: running sums on the GPU: ${missing}`));
else {
  const same = async (f: () => Tensor): Promise<void> => close(await atHome(f()), withBackend('js', f), { rtol: 1e-5, atol: 1e-3 });

  test('agree with js along any axis of any shape, from either end, turned and mirrored', async () => {
    const size = fc.constantFrom(1, 2, 7, 9, 17, 40, 130);
    await fc.assert(fc.asyncProperty(fc.array(size, { minLength: 1, maxLength: 3 }), fc.nat(2), fc.boolean(), fc.boolean(), fc.boolean(), async (shape, k, reverse, turn, mirror) => {
      const x = withBackend('js', () => {
        const t = scattered(shape);
        const turned = turn ? transpose(t) : t;
        return mirror ? flip(turned, { axis: 0 }) : turned;
      });
      await same(() => run1(cumsumOp, [x], { axis: k % shape.length, reverse }));
    }), { numRuns: 25, seed: 3 });
  });

  for (const [shape, axis] of [[[2048], 0], [[2049], 0], [[70_001], 0], [[3, 5000], 1], [[600, 600], 1], [[600, 33], 0], [[2, 2000, 9], 1], [[5000, 2], 0], [[1_100_000], 0]] as const) {
    for (const reverse of [false, true]) {
      test(`of [${shape}] along ${axis}${reverse ? ' from the end' : ''} go on from part to part`, () => same(() => run1(cumsumOp, [scattered(shape, -1, 1)], { axis, reverse })));
    }
  }

  test('are exact for whole numbers, which wrap around', () => same(() => cumsum(tensor(Int32Array.from({ length: 5000 }, (_, i) => i * 1_000_003)))));
  test('keep infinities to what comes after them', async () => {
    const x = new Float32Array(5000).fill(1);
    x[3000] = Infinity;
    x[4000] = -Infinity;
    await same(() => cumsum(tensor(x)));
  });

  test('are never left to js', () => assert.equal(backendInfo().fallbacks, {}));
}

test.run();
