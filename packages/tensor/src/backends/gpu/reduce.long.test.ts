import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, argmax, argmin, backendInfo, exp, flip, jit, max, min, mul, ones, sub, sum, tensor, transpose, withBackend, type Tensor } from '@heed/tensor';
import { all, any } from '@heed/tensor/reduce';
import { atHome, close, scattered } from '@heed/tensor/testing';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('reductions on the GPU');
const missing = await useKernels();

if (missing) test('are compared with js', () => console.log(`SKIPPED: reductions on the GPU: ${missing}`));
else {
  const on = { rtol: 1e-5, atol: 1e-4 };
  const same = async (f: () => Tensor): Promise<void> => close(await atHome(f()), withBackend('js', f), on);
  const calls = (name: string): number => (backendInfo().calls as Record<string, number>)[name] ?? 0;

  test('agree with js over any axes of any shape, turned and mirrored', async () => {
    const size = fc.constantFrom(1, 2, 3, 8, 9, 33, 130);
    await fc.assert(fc.asyncProperty(fc.array(size, { minLength: 1, maxLength: 3 }), fc.nat(7), fc.boolean(), fc.boolean(), async (shape, which, turn, mirror) => {
      const x = withBackend('js', () => {
        const t = scattered(shape);
        const turned = turn ? transpose(t) : t;
        return mirror ? flip(turned, { axis: 0 }) : turned;
      });
      const axis = shape.map((_, i) => i).filter((i) => which & (1 << i));
      for (const f of [sum, max, min, any]) await same(() => f(x, { axis }));
      for (const f of [argmax, argmin]) await same(() => f(x, { axis: which % shape.length }));
    }), { numRuns: 12, seed: 7 });
  });

  for (const [shape, axis] of [[[40_000], 0], [[40_003], 0], [[3, 40_000], 1], [[3, 40_003], 1], [[700, 5], 0], [[3000, 66], 0], [[2, 700, 5], 1], [[513, 64], 1]] as const) {
    test(`of [${shape}] along ${axis} are those of the parts`, async () => {
      const x = scattered(shape, 0, 2); // of one sign: what cancels has no five digits
      for (const f of [sum, max, argmax, argmin]) await same(() => f(x, { axis }));
    });
  }

  test('find the first of equal places, in whatever part it lies', async () => {
    const data = new Float32Array(50_000).fill(-1);
    data[49_000] = data[31_111] = data[44_444] = 2;
    await same(() => argmax(tensor(data)));
    await same(() => argmin(tensor(data)));
    data[40_000] = data[20_000] = NaN;
    await same(() => argmax(tensor(data)));
    await same(() => argmin(tensor(data)));
    await same(() => max(tensor(data)));
    await same(() => min(tensor(data)));
  });
  test('tell apart whole numbers that float32 does not', async () => {
    const x = tensor(Int32Array.of(2 ** 24, 2 ** 24 + 1, -(2 ** 31), 2 ** 31 - 2, 2 ** 31 - 1));
    await same(() => argmax(x));
    await same(() => argmin(x));
    await same(() => max(x));
    await same(() => sum(x));
  });
  test('take zeros of either sign as equal, and infinities as numbers', async () => {
    await same(() => argmax(tensor([-0, 0, -0])));
    await same(() => argmin(tensor([0, -0])));
    await same(() => argmax(tensor([-Infinity, -Infinity])));
    await same(() => argmin(tensor([Infinity, Infinity])));
    await same(() => max(tensor([-Infinity, -Infinity])));
  });
  test('know booleans', async () => {
    const x = tensor([[true, false, true], [false, false, false]]);
    for (const f of [sum, max, min, any, all, argmax, argmin]) await same(() => f(x, { axis: 1 }));
  });
  test('add a million numbers to five digits, the same at every run', async () => {
    const x = withBackend('js', () => add(scattered([1_000_003], 0, 1), 1));
    const [a, b] = [await atHome(sum(x)), await atHome(sum(x))];
    close(a, withBackend('js', () => sum(x)), { rtol: 1e-6, atol: 0 });
    assert.equal(a.data(), b.data());
  });

  test('take maps in, computed as they go', async () => {
    const f = (x: Tensor, y: Tensor) => sum(mul(exp(x), y), { axis: 1 });
    for (const shape of [[5, 7], [40, 64], [3, 40_000]]) {
      const [x, y] = [scattered(shape, -1, 1), scattered(shape.slice(1), -1, 1, 2)];
      const before = calls('map');
      const compiled = jit(f);
      close(await atHome(compiled(x, y)), withBackend('js', () => f(x, y)), on);
      assert.is(calls('map'), before);
    }
  });
  test('take maps of whole numbers and booleans in', async () => {
    const [x, y] = [tensor(Int32Array.from({ length: 600 }, (_, i) => (i * 37) % 101), { shape: [300, 2] }), scattered([300, 2], -60, 60)];
    for (const f of [(a: Tensor, b: Tensor) => sum(a.greater(b), { axis: 0 }), (a: Tensor, b: Tensor) => argmax(sub(a, b), { axis: 0 }), (a: Tensor) => sum(mul(a, a))]) {
      const [compiled, before] = [jit(f), calls('map')];
      close(await atHome(compiled(x, y)), withBackend('js', () => f(x, y)), on);
      assert.is(calls('map'), before);
    }
  });
  test('leave maps of too many operands to themselves', async () => {
    const xs = Array.from({ length: 9 }, (_, k) => scattered([4, 33], -1, 1, k + 1));
    const f = (...list: Tensor[]) => sum(list.reduce((p, q) => add(mul(p, 0.5), q), ones([4, 33])), { axis: 1 });
    close(await atHome(jit(f)(...xs)), withBackend('js', () => f(...xs)), on);
  });

  test('are never left to js', () => assert.equal(backendInfo().fallbacks, {}));
}

test.run();
