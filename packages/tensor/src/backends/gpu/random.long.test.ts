import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo, random, SeedGenerator, tensor, withBackend, type Tensor } from '@heed/tensor';
import { run1 } from '@heed/tensor/op';
import { randomOp } from '@heed/tensor/random';
import { atHome, close } from '@heed/tensor/testing';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('random numbers on the GPU');
const missing = await useKernels();

if (missing) test('are compared with js', () => console.log(`SKIPPED: random numbers on the GPU: ${missing}`));
else {
  const states = [[0, 0, 0], [1, 2, 3], [-1, -2, -3], [2 ** 31 - 1, -(2 ** 31), 77]];
  const draw = (kind: 'bits' | 'uniform' | 'normal', state: readonly number[], n: number) => (): Tensor => run1(randomOp, [tensor(Int32Array.from(state))], { kind, shape: [n] });

  for (const kind of ['bits', 'uniform'] as const) {
    test(`${kind} are those of js to the last bit, for any length and state`, async () => {
      for (const state of states) {
        for (const n of [1, 2, 3, 4, 5, 1023, 1024, 4099]) {
          const f = draw(kind, state, n);
          assert.equal((await atHome(f())).data(), withBackend('js', f).data());
        }
      }
    });
  }
  test('normal ones are those of js to four digits, far out and close to 0 too', async () => {
    for (const state of states) {
      const f = draw('normal', state, 40_001);
      close(await atHome(f()), withBackend('js', f), { rtol: 1e-5, atol: 1e-5 });
    }
  });
  test('go on from draw to draw as in js', async () => {
    const two = () => {
      const seed = new SeedGenerator(5);
      return [random.uniform([7], { seed }), random.uniform([7], { seed })];
    };
    const expected = withBackend('js', two);
    for (const [k, y] of two().entries()) assert.equal((await atHome(y)).data(), expected[k]!.data());
  });

  test('are never left to js', () => assert.equal(backendInfo().fallbacks, {}));
}

test.run();
