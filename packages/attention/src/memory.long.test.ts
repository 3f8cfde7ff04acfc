import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo, jit, mean, random, square, sub, transaction, Variable, type Tensor } from '@heed/tensor';
import { valueAndGrad } from '@heed/autograd';
import { Adam, setRandomSeed } from '@heed/layers';
import { TransformerEncoder } from './index.js';

const test = suite('memory');
setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Bytes in use: JavaScript's heap (without the machine code that V8 makes of hot functions, half a MiB in the first 2,000 steps), memory outside of it, and blocks of the wasm heap. */
async function used(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5)); // finalizers run between turns
  }
  const { heapUsed, external } = process.memoryUsage();
  const code = getHeapSpaceStatistics().filter((s) => s.space_name.startsWith('code')).reduce((n, s) => n + s.space_used_size, 0);
  return heapUsed - code + external + ((backendInfo().heap as { used: number } | undefined)?.used ?? 0);
}

/** A training step of a transformer block with dropout; with `blown` it throws in its middle. */
function make() {
  setRandomSeed(1);
  const block = new TransformerEncoder({ intermediateDim: 16, numHeads: 2, dropout: 0.1, seed: 3 });
  const [x, y] = [random.normal([2, 6, 8], { seed: 1 }), random.normal([2, 6, 8], { seed: 2 })];
  block.ensureBuilt(x.shape);
  const optimizer = new Adam();
  const variables = block.trainableWeights;
  const blown = { yes: false };
  const step = (): Tensor => {
    const [loss, g] = valueAndGrad(() => mean(square(sub(block.apply(x, { training: true }) as Tensor, y))), variables);
    if (blown.yes) throw new Error('blown');
    optimizer.apply(g, variables);
    return loss;
  };
  return { step, blown };
}

const MiB = 2 ** 20;
async function grows(steps: number, f: (i: number) => void): Promise<number> {
  for (let i = 0; i < 10; i++) f(i);
  const before = await used();
  for (let i = 10; i < steps; i++) {
    f(i);
    if (i % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return (await used()) - before;
}

test('10,000 jitted steps of a transformer block leave less than 1 MiB behind', async () => {
  const { step } = make();
  const fast = jit(step);
  const growth = await grows(10_000, () => fast());
  console.log(`jitted: ${(growth / 1024).toFixed(0)} KiB`);
  assert.ok(growth < MiB, `${growth} bytes`);
});

test('10,000 eager steps do, too', async () => {
  const { step } = make();
  const growth = await grows(10_000, () => step());
  console.log(`eager: ${(growth / 1024).toFixed(0)} KiB`);
  assert.ok(growth < MiB, `${growth} bytes`);
});

test('and steps that throw', async () => {
  const { step, blown } = make();
  const growth = await grows(5_000, (i) => {
    blown.yes = i % 2 === 0;
    try {
      transaction(step);
      assert.ok(!blown.yes);
    } catch (error) {
      assert.is((error as Error).message, 'blown');
    }
  });
  console.log(`with throws: ${(growth / 1024).toFixed(0)} KiB`);
  assert.ok(growth < MiB, `${growth} bytes`);
});

test('variables that nobody keeps give their place in the wasm heap back', async () => {
  const double = (v: Variable) => jit(() => v.assign(v.value.mul(2)));
  const growth = await grows(300, () => double(new Variable(random.normal([10_000], { seed: 1 })))());
  console.log(`variables: ${(growth / 1024).toFixed(0)} KiB`);
  assert.ok(growth < 2 * MiB, `${growth} bytes`);
});
test.run();
