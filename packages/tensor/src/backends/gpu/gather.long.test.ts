import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo, cast, flip, gather, greater, jit, scatterAdd, tensor, transpose, withBackend, zeros, type Tensor } from '@heed/tensor';
import { atHome, close, scattered } from '@heed/tensor/testing';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('rows by index on the GPU');
const missing = await useKernels();

if (missing) test('are compared with js', () => console.log(`SKIPPED: rows by index on the GPU: ${missing}`));
else {
  const same = async (f: () => Tensor): Promise<void> => close(await atHome(f()), withBackend('js', f), { rtol: 1e-4, atol: 1e-4 });
  /** Indices of an axis of size n, from either end. */
  const spots = (shape: readonly number[], n: number): Tensor => tensor(Int32Array.from({ length: shape.reduce((p, q) => p * q, 1) }, (_, i) => ((i * i * 31 + 7 * i) % (2 * n)) - n), { shape });
  const rejects = async (f: () => Promise<unknown>, message: string): Promise<void> => {
    try {
      await f();
    } catch (error) {
      assert.is((error as Error).message, message);
      return;
    }
    assert.unreachable('nothing was refused');
  };

  test('agree with js along any axis of any shape, turned and mirrored', async () => {
    const size = fc.constantFrom(1, 2, 4, 5, 8);
    await fc.assert(fc.asyncProperty(fc.array(size, { minLength: 1, maxLength: 3 }), fc.nat(2), fc.array(fc.constantFrom(1, 3, 6), { maxLength: 2 }), fc.boolean(), fc.boolean(), async (shape, k, picked, turn, mirror) => {
      const axis = k % shape.length;
      const lay = (t: Tensor): Tensor => withBackend('js', () => {
        const turned = turn ? transpose(t) : t;
        return mirror && turned.rank ? flip(turned, { axis: 0 }) : turned;
      });
      const x = lay(scattered(turn ? [...shape].reverse() : shape));
      const indices = lay(spots(turn ? [...picked].reverse() : picked, x.shape[axis]!));
      const wanted = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
      const updates = lay(scattered(turn ? [...wanted].reverse() : wanted, -1, 1, 4));
      await same(() => gather(x, indices, { axis }));
      await same(() => scatterAdd(x, indices, updates, { axis }));
    }), { numRuns: 25, seed: 11 });
  });

  test('are picked four cells at once where rows are that wide', async () => {
    for (const width of [4, 6, 64]) await same(() => gather(scattered([50, width]), spots([70], 50)));
    await same(() => gather(scattered([5, 2, 2]), spots([9], 5)));
    await same(() => gather(scattered([3, 5, 4, 1]), spots([2, 3], 5), { axis: 1 }));
    await same(() => gather(scattered([3, 5, 8]), spots([9], 5), { axis: 1 }));
    await same(() => gather(scattered([100]), spots([300], 100)));
  });
  test('are whole numbers and booleans, too', async () => {
    const x = tensor(Int32Array.from({ length: 40 }, (_, i) => i * 99_999_989), { shape: [10, 4] });
    await same(() => gather(x, spots([13], 10)));
    await same(() => gather(greater(x, 0), spots([13], 10)));
    await same(() => scatterAdd(x, spots([13], 10), gather(x, spots([13], 10))));
  });
  test('add up where an index comes again and again, in more than one block of indices', async () => {
    for (const [rows, m, width] of [[7, 5000, 3], [3000, 5000, 2], [50, 2049, 40]] as const) {
      await same(() => scatterAdd(zeros([rows, width]), spots([m], rows), scattered([m, width], -1, 1)));
    }
  });
  test('add up in order: the same bits as js, which adds one after the other', async () => {
    const f = () => scatterAdd(zeros([3]), spots([2000], 3), scattered([2000], -1, 1));
    assert.equal((await atHome(f())).data(), withBackend('js', f).data());
  });
  test('add up in order in whole numbers that wrap around', async () => {
    const updates = tensor(Int32Array.from({ length: 3000 }, (_, i) => i * 1_234_567));
    await same(() => scatterAdd(cast(zeros([5]), 'int32'), spots([3000], 5), updates));
  });

  test('refuse what is out of range, when something is read', async () => {
    const x = scattered([4, 3]);
    await rejects(() => gather(x, [0, 4]).read(), 'gather: index 4 is out of range for axis 0 of size 4; indices must be in [-4, 3].');
    await rejects(() => gather(x, [-4, 1], { axis: 1 }).read(), 'gather: index -4 is out of range for axis 1 of size 3; indices must be in [-3, 2].');
    await rejects(() => scatterAdd(x, [1, -5], scattered([2, 3])).read(), 'scatterAdd: index -5 is out of range for axis 0 of size 4; indices must be in [-4, 3].');
    await same(() => gather(x, [0, 3])); // and go on
  });
  test('refuse it in a program, too', async () => {
    const f = jit((x: Tensor, indices: Tensor) => gather(x, indices));
    const x = scattered([4, 3]);
    close(await atHome(f(x, tensor(Int32Array.of(-1, 2)))), withBackend('js', () => gather(x, [-1, 2])));
    await rejects(async () => f(x, tensor(Int32Array.of(9, 2))).read(), 'gather: index 9 is out of range for axis 0 of size 4; indices must be in [-4, 3].');
  });

  test('are never left to js', () => assert.equal(backendInfo().fallbacks, {}));
}

test.run();
