import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, jit, matmul, mul, ones, random, sliced, sum, tanh, tensor, Variable, withBackend, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { createWasmBackend } from '../backends/wasm/index.js';
import { withDoor } from '../op.js';
import type { Jitted } from './jit.js';
import { pause } from './sliced.js';

const test = suite('sliced');
const draw = (shape: number[], seed: number) => random.normal(shape, { seed });
const rejects = async (f: Promise<unknown>, message: string) => {
  const error = await f.then(() => null, (e: Error) => e);
  assert.is(error?.message, message);
};

/** How often others have their turn until the promise is kept. */
async function turnsUntil(work: Promise<unknown>): Promise<number> {
  let [turns, over] = [0, false];
  void work.finally(() => { over = true; });
  for (; !over; turns++) await pause();
  return turns;
}

test('computes what the function computes, and assigns at the end', async () => {
  const w = new Variable(draw([4, 4], 1));
  const f = (x: Tensor) => {
    w.assign(tanh(matmul(w.value, x)));
    return { sum: sum(w.value), twice: mul(x, 2) };
  };
  const fast = jit(f);
  const slow = sliced(jit(f), { sliceMs: 0 });
  for (const name of ['js', 'wasm'] as const) {
    for (let i = 0; i < 3; i++) {
      const before = w.value;
      const wanted = withBackend(name, () => fast(draw([4, 4], i)));
      const after = w.value;
      w.assign(before);
      const running = withBackend(name, () => slow(draw([4, 4], i)));
      assert.is(w.value, before);
      const got = await running;
      close(got.sum, wanted.sum);
      close(got.twice, wanted.twice);
      close(w.value, after);
    }
  }
});

test('gives way between kernels, and inside a long one', async () => {
  const x = new Variable(draw([600, 600], 1));
  const f = jit(() => matmul(x.value, x.value));
  const wanted = f();
  f();
  const slow = sliced(f, { sliceMs: 1 });
  const result = slow();
  assert.ok((await turnsUntil(result)) >= 2); // one kernel of 432 million operations
  assert.equal((await result).data(), wanted.data());

  const chain = jit((t: Tensor) => { for (let i = 0; i < 20; i++) t = tanh(matmul(t, x.value)); return t; });
  chain(ones([2, 600]));
  assert.ok((await turnsUntil(sliced(chain, { sliceMs: 0 })(ones([2, 600])))) >= 15);
});

test('a call before the last one is through is refused, other kinds of arguments are not', async () => {
  const f = jit((x: Tensor) => tanh(add(matmul(x, x), 1)));
  const slow = sliced(f, { sliceMs: 0 });
  f(draw([3, 3], 1));
  const running = slow(draw([3, 3], 1));
  await rejects(slow(draw([3, 3], 2)), 'sliced: a jitted function was called while it runs in slices for the same kind of arguments; await that call first.');
  refuses(() => f(draw([3, 3], 2)), 'sliced: a jitted function was called while it runs in slices for the same kind of arguments; await that call first.');
  close(f(draw([2, 2], 2)), tanh(add(matmul(draw([2, 2], 2), draw([2, 2], 2)), 1)));
  close(await running, tanh(add(matmul(draw([3, 3], 1), draw([3, 3], 1)), 1)));
  close(f(draw([3, 3], 2)), tanh(add(matmul(draw([3, 3], 2), draw([3, 3], 2)), 1)));
});

test('assigning a variable that it uses ends it, and nothing of it is kept', async () => {
  const [w, count] = [new Variable([1, 2], { name: 'w' }), new Variable(0)];
  const f = jit(() => {
    count.assign(add(count.value, 1));
    w.assign(mul(tanh(matmul(w.value, ones([2, 2]))), 2));
  });
  const step = sliced(f, { sliceMs: 0 });
  await step();
  const running = step();
  await pause();
  w.assign([5, 6]);
  await rejects(running, 'sliced: variable w was assigned while a function that uses it ran in slices; nothing of it was kept, so await it first and call it again.');
  assert.equal([w.value.toArray(), count.value.item()], [[5, 6], 1]);
  await step();
  assert.is(count.value.item(), 2);
});

test('goes on where memory moved or another backend was chosen meanwhile', async () => {
  const backend = createWasmBackend({ shared: false });
  const x = draw([50, 50], 1);
  const f = (t: Tensor) => { for (let i = 0; i < 10; i++) t = tanh(matmul(t, x)); return t; };
  const fast = jit(f);
  const grow = jit((t: Tensor) => mul(t, 2));
  let n = 1;
  const work = withDoor({ backend }, () => (fast as unknown as Jitted).pieces([x]));
  withDoor({ backend }, () => fast(x));
  const epoch = backend.heap.epoch;
  for (;;) {
    const { done, value } = work.next();
    if (done) {
      close(value as Tensor, f(x));
      break;
    }
    withDoor({ backend }, () => grow(ones([(n += 1e5)])));
  }
  assert.ok(backend.heap.epoch > epoch + 1, 'it moved');
});

test('refuses what it cannot cut', () => {
  refuses(() => sliced((x: Tensor) => x), 'sliced: the function is not jitted, and can only be run as a whole; give it to jit first.');
  refuses(() => sliced(jit((x: Tensor) => x), { sliceMs: NaN }), 'sliced: sliceMs is NaN; it must be a number of milliseconds >= 0.');
});

test('inside what is traced it is the function itself', async () => {
  const inner = sliced(jit((x: Tensor) => mul(x, 3)));
  let seen: Promise<Tensor> | undefined;
  const outer = jit((x: Tensor) => { seen = inner(x); return add(x, 1); });
  outer(tensor([1]));
  assert.equal((await seen!).shape, [1]);
});
test.run();
