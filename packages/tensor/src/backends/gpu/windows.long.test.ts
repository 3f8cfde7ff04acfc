import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo, maxPool2d, mul, sum, tensor, transpose, withBackend, type Tensor } from '@heed/tensor';
import { run1 } from '@heed/tensor/op';
import { maxPoolGradientOp } from '@heed/tensor/pool';
import { foldOp, windowShape } from '@heed/tensor/windows';
import { atHome, close, scattered } from '@heed/tensor/testing';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('windows on the GPU');
const missing = await useKernels();

if (missing) test('are compared with js', () => console.log(`SKIPPED: windows on the GPU: ${missing}`));
else {
  const same = async (f: () => Tensor): Promise<void> => close(await atHome(f()), withBackend('js', f), { rtol: 1e-4, atol: 1e-4 });
  const pair = (most: number) => fc.tuple(fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: most })) as fc.Arbitrary<[number, number]>;
  const drawn = fc.record({
    attributes: fc.record({ kernel: pair(4), strides: pair(4), dilation: pair(3) }),
    batch: fc.constantFrom(1, 2), channels: fc.constantFrom(1, 3, 4), more: pair(7), turned: fc.boolean(),
  }).map(({ attributes: a, batch, channels, more, turned }) => {
    const side = (axis: 0 | 1) => (a.kernel[axis] - 1) * a.dilation[axis] + more[axis];
    return { a, shape: [batch, side(0), side(1), channels], turned };
  });
  /** The numbers of a shape, with their axes the other way round in memory if `turned`. */
  const laid = (shape: readonly number[], turned: boolean, seed: number): Tensor => withBackend('js', () => (turned ? transpose(scattered([...shape].reverse(), -1, 1, seed)) : scattered(shape, -1, 1, seed)));

  test('are added back as in js, whatever their size, steps and gaps', () => fc.assert(fc.asyncProperty(drawn, async ({ a, shape, turned }) => {
    await same(() => run1(foldOp, [laid(windowShape(shape, a), turned, 2)], { ...a, shape }));
  }), { numRuns: 25, seed: 2 }));
  test('give their gradients to their first largest cells, whatever their size, steps and gaps', () => fc.assert(fc.asyncProperty(drawn, async ({ a, shape, turned }) => {
    const [b, h, w, , , c] = windowShape(shape, a) as [number, number, number, number, number, number];
    const x = withBackend('js', () => mul(laid(shape, turned, 1), 3).round()); // many cells are equal
    await same(() => run1(maxPoolGradientOp, [x, laid([b, h, w, c], turned, 2)], a));
  }), { numRuns: 25, seed: 4 }));

  test('take NaN for larger than any number, and the first infinity', async () => {
    const x = tensor([NaN, 1, Infinity, Infinity, 2, NaN, NaN, -Infinity, 0, -0, -Infinity, -Infinity, -0, 0, -Infinity, -Infinity], { shape: [1, 4, 4, 1] });
    await same(() => run1(maxPoolGradientOp, [x, scattered([1, 2, 2, 1])], { kernel: [2, 2], strides: [2, 2], dilation: [1, 1] }));
    await same(() => run1(maxPoolGradientOp, [x, scattered([1, 3, 3, 1])], { kernel: [2, 2], strides: [1, 1], dilation: [1, 1] }));
  });
  test('of whole numbers are added exactly', () => same(() => run1(foldOp, [tensor(Int32Array.from({ length: 144 }, (_, i) => i * 20_000_003), { shape: [1, 4, 4, 3, 3, 1] })], { kernel: [3, 3], strides: [1, 1], dilation: [1, 1], shape: [1, 6, 6, 1] })));
  test('of an image beyond a group of threads pool as in js', async () => {
    const x = scattered([2, 40, 37, 5]);
    await same(() => maxPool2d(x, 3, { strides: 2, padding: 'same' }));
    await same(() => sum(maxPool2d(x, 2)));
  });

  test('are never left to js', () => assert.equal(backendInfo().fallbacks, {}));
}

test.run();
