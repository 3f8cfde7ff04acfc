import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, jit, matmul, mul, random, SeedGenerator, sum, tanh, tensor, Variable, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { checkGradient } from '@heed/autograd/testing';
import { checkpoint } from './checkpoint.js';
import { grad, valueAndGrad } from './grad.js';
import { recorded, Tape } from './tape.js';

const test = suite('checkpoint');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });
const w = new Variable(draw([4, 4], 1).mul(0.5));
const deep = (x: Tensor): Tensor => {
  let y = x;
  for (let i = 0; i < 8; i++) y = tanh(matmul(y, w.value));
  return y;
};

test('values and gradients are those of the function, variables included', () => {
  const x = draw([2, 4], 2);
  close(checkpoint(deep)(x), deep(x));
  close(grad((v) => sum(checkpoint(deep)(v)))(x), grad((v) => sum(deep(v)))(x));
  close(valueAndGrad(() => sum(checkpoint(deep)(x)), w)[1], valueAndGrad(() => sum(deep(x)), w)[1]);
});
test('a tensor that is two arguments has the gradient of both, once', () => {
  const f = (x: Tensor, y: Tensor) => tanh(add(matmul(x, w.value), y));
  const x = draw([4, 4], 2);
  const expected = grad((v) => sum(f(v, v)))(x);
  for (const g of [grad((v) => sum(checkpoint(f)(v, v))), jit(grad((v) => sum(checkpoint(f)(v, v))))]) close(g(x), expected);
});
test('the tape keeps one entry instead of one for each op', () => {
  const length = (f: (x: Tensor) => Tensor) => {
    const [tape, x] = [new Tape(), draw([2, 4], 2)];
    tape.watch(x);
    recorded(tape, () => f(x));
    return tape.length;
  };
  assert.equal([length(deep), length(checkpoint(deep))], [16, 1]);
});
test('random numbers come out the same again, and the stream goes on once', () => {
  const generator = new SeedGenerator(3);
  const noisy = (x: Tensor) => mul(x, random.uniform([2, 4], { seed: generator }));
  const x = draw([2, 4], 2);
  const state = generator.state.value;
  const plain = grad((v) => sum(noisy(v)))(x);
  const after = generator.state.value.toArray();
  generator.state.assign(state);
  close(grad((v) => sum(checkpoint(noisy)(v)))(x), plain);
  assert.equal(generator.state.value.toArray(), after);
});
test('assignments inside count once, and are seen by later reads', () => {
  const count = new Variable(0);
  const f = checkpoint((x: Tensor) => {
    count.assign(add(count.value, 1));
    return mul(x, count.value);
  });
  close(grad((v) => sum(f(v)))([5]), [1]);
  assert.is(count.value.item(), 1);
});
test('several outputs, other checkpoints inside, higher derivatives', async () => {
  const inner = checkpoint((x: Tensor) => tanh(x));
  const f = checkpoint((x: Tensor) => [inner(x), mul(inner(x), x)] as const);
  await checkGradient((x) => [...f(x!)], [draw([3], 4)], { order: 2 });
});
test('it may be jitted', () => {
  const step = (x: Tensor) => valueAndGrad(() => sum(checkpoint(deep)(x)), w)[1];
  const fast = jit(step);
  for (let i = 0; i < 3; i++) close(fast(draw([2, 4], i)), step(draw([2, 4], i)));
});
test('refuses functions that read values', () =>
  refuses(() => checkpoint((x: Tensor) => (x.item() > 0 ? x : mul(x, -1)))(tensor(1)), 'checkpoint: the value of an argument was read inside; compute with it and read outside.'));
test.run();
