import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cos, defineOp, jit, mean, random, run, square, sub, tensor, transaction, ValueError, Variable, type Tensor } from '@heed/tensor';
import { wasmBackend } from '@heed/tensor/backends/wasm';
import { close, refuses } from '@heed/tensor/testing';
import { valueAndGrad } from '@heed/autograd';
import { Adam, BatchNormalization, Dense, Dropout, Sequential, setRandomSeed } from './index.js';

const test = suite('a training step');
const [x, y] = [random.normal([8, 4], { seed: 1 }), random.normal([8, 1], { seed: 2 })];

/** A function in the middle of the network that fails when told to, as a device would: after part of the step has run. */
const fuse = { blown: false };
const fuseOp = defineOp({
  name: 'fuse',
  infer: ([t]) => [t!],
  lower: () => ({
    family: { name: 'fuse', js: (_: unknown, [from]: readonly { data: ArrayLike<number> }[], [to]: readonly { data: { set(v: ArrayLike<number>): void } }[]) => {
      if (fuse.blown) throw new Error('fuse: blown');
      to!.data.set(from!.data);
    } },
    params: {},
  }),
  vjp: [([g]) => run(fuseOp, [g!], undefined)[0]!],
  reads: { inputs: [], outputs: [] },
}) as ReturnType<typeof defineOp>;

/** Dense, dropout, batch statistics, Adam with a rate that follows the step. */
function make(fails = false) {
  setRandomSeed(1);
  const model = new Sequential([new Dense(6, { activation: 'tanh' }), new BatchNormalization(), new Dropout(0.3, { seed: 4 }), new Dense(1)]);
  model.ensureBuilt([8, 4]);
  const optimizer = new Adam({ learningRate: (step) => cos(step.cast('float32').mul(0.1)).mul(0.02), epsilon: 1e-3 });
  const variables = model.trainableWeights;
  optimizer.build(variables);
  const step = (input: Tensor, target: Tensor): Tensor => {
    const [loss, gradients] = valueAndGrad(() => {
      const p = model.apply(input, { training: true }) as Tensor;
      return mean(square(sub(fails ? run(fuseOp, [p], undefined)[0]! : p, target)));
    }, variables);
    optimizer.apply(gradients, variables);
    return loss;
  };
  return { step, state: () => [...model.weights, ...optimizer.variables].map((v) => v.value) };
}

test('is the same jitted and eager, ten times over', () => {
  const [eager, jitted] = [make(), make()];
  const fast = jit(jitted.step);
  const held = jitted.state()[0]!;
  const before = held.toArray();
  for (let i = 0; i < 10; i++) close(fast(x, y), eager.step(x, y));
  jitted.state().forEach((w, k) => close(w, eager.state()[k]!));
  assert.equal(held.toArray(), before);
  assert.not.equal(jitted.state()[0]!.toArray(), before);
});

test('leaves the same bits in every weight on one, two and three threads', async () => {
  const pool = wasmBackend.pool!;
  const threads = pool.wanted;
  const states: unknown[] = [];
  for (const wanted of [1, 2, 3]) {
    pool.wanted = wanted;
    pool.always = wanted > 1;
    while (pool.enlist() > pool.describe().started + 1) await new Promise((resolve) => setTimeout(resolve, 2));
    const { step, state } = make();
    const fast = jit(step);
    for (let i = 0; i < 5; i++) fast(x, y);
    states.push(state().map((t) => [...t.data()]));
  }
  assert.ok(pool.describe().spread > 200);
  [pool.wanted, pool.always] = [threads, false];
  assert.equal(states[1], states[0]);
  assert.equal(states[2], states[0]);
});

test('that fails in the middle changes nothing, jitted, or eager in a transaction', () => {
  for (const how of ['jitted', 'eager']) {
    const { step, state } = make(true);
    const fast = how === 'jitted' ? jit(step) : (a: Tensor, b: Tensor) => transaction(() => step(a, b));
    for (let i = 0; i < 3; i++) fast(x, y);
    const before = state().map((t) => t.toArray());
    fuse.blown = true;
    assert.throws(() => fast(x, y), /fuse: blown/);
    fuse.blown = false;
    assert.equal(state().map((t) => t.toArray()), before);
    fast(x, y);
    assert.not.equal(state().map((t) => t.toArray()), before);
  }
});

test('refuses a rate that is a bare number and changes', () => {
  const w = new Variable(tensor([1, 2]));
  let rate = 0.001;
  const step = jit(() => {
    const [loss, g] = valueAndGrad(() => mean(square(w.value)), w);
    w.assign(sub(w.value, g.mul(rate)));
    return loss;
  }, { name: 'step' });
  step();
  rate = 0.0009;
  refuses(() => step(), 'jit: 0.001 became 0.0009 between calls of step (in mul): make it a Variable or an argument.', ValueError);
});

test.run();
