import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { add, concat, exp, explain, flip, gather, jit, matmul, mul, ones, random, reshape, slice, softmax, sum, tanh, tensor, transpose, ValueError, Variable, withBackend, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { createWasmBackend } from '../backends/wasm/index.js';
import { withDoor } from '../op.js';
import { planArena } from './arena.js';
import { Program } from './program.js';
import { trace } from './trace.js';
import { debug } from './work.js';

const test = suite('jit');
test.before.each(() => { debug.poison = true; });
test.after.each(() => { debug.poison = false; });

const draw = (shape: number[], seed: number) => random.normal(shape, { seed });

test('does what the function does, at the first call and at every later one', () => {
  const f = (x: Tensor, w: Tensor) => sum(softmax(tanh(matmul(x, w))).mul(transpose(w).slice(0)), { axis: 0 });
  for (const name of ['js', 'wasm'] as const) {
    withBackend(name, () => {
      const fast = jit(f);
      for (let i = 0; i < 4; i++) close(fast(draw([5, 4], i), draw([4, 4], 10 + i)), f(draw([5, 4], i), draw([4, 4], 10 + i)));
    });
  }
});

test('runs the function twice for a signature: to trace it, and to see that it does the same again', () => {
  let runs = 0;
  const f = jit((x: Tensor) => (runs++, mul(x, 2)));
  for (let i = 0; i < 5; i++) assert.equal(f(tensor([i])).toArray(), [2 * i]);
  assert.is(runs, 2);
  f(tensor([1, 2]));
  assert.is(runs, 3);
});

test('takes and gives lists and records, numbers among them', () => {
  const f = jit(({ x, scale }: { x: readonly Tensor[]; scale: number | Tensor }, which: string) => ({ y: x.map((t) => mul(t, scale)), which }));
  for (const scale of [2, 3]) {
    const { y, which } = f({ x: [tensor([1]), tensor([[2]])], scale }, 'both');
    assert.equal([y.map((t) => t.toArray()), which], [[[scale], [[2 * scale]]], 'both']);
  }
});

test('hands out results of their own: a later call changes none', () => {
  const f = jit((x: Tensor) => [add(x, 1), transpose(x)]);
  const first = f(tensor([[1, 2], [3, 4]]));
  const before = first.map((t) => t.toArray());
  f(tensor([[5, 6], [7, 8]]));
  f(tensor([[9, 6], [7, 8]]));
  assert.equal(first.map((t) => t.toArray()), before);
});

test('reads variables at every call and assigns them when all has run', () => {
  const [w, steps] = [new Variable([1, 2]), new Variable(0)];
  const f = jit((x: Tensor) => {
    w.assign(add(w.value, x));
    steps.assign(add(steps.value, 1));
    return sum(w.value);
  });
  assert.is(f(tensor([1, 1])).item(), 5);
  w.assign([10, 20]);
  const held = w.value;
  assert.is(f(tensor([1, 1])).item(), 32);
  assert.is(f(tensor([1, 1])).item(), 34);
  assert.equal([w.value.toArray(), held.toArray(), steps.value.item()], [[12, 22], [10, 20], 3]);
});

test('variables may change places, or become parts of others', () => {
  const [a, b] = [new Variable([1, 2]), new Variable([3, 4])];
  const f = jit(() => {
    const [p, q] = [a.value, b.value];
    a.assign(q);
    b.assign(slice(p, [null, null, -1]));
    return p;
  });
  assert.equal([f(), a.value, b.value].map((t) => t.toArray()), [[1, 2], [3, 4], [2, 1]]);
  assert.equal([f(), a.value, b.value].map((t) => t.toArray()), [[3, 4], [2, 1], [4, 3]]);
});

test('variables are one whatever backend uses them', () => {
  const w = new Variable([1]);
  const double = jit(() => w.assign(mul(w.value, 2)));
  for (const name of ['js', 'wasm', 'wasm', 'js', 'js', 'wasm'] as const) withBackend(name, () => double());
  assert.equal(w.value.toArray(), [64]);
  w.assign([5]);
  withBackend('wasm', () => double());
  assert.equal(w.value.toArray(), [10]);
});

test('programs live on where the memory moves as it grows', () => {
  const backend = createWasmBackend({ shared: false });
  withDoor({ backend }, () => {
    const w = new Variable(ones([100]));
    const f = jit((x: Tensor) => {
      w.assign(add(w.value, sum(x)));
      return mul(x, constant);
    });
    const constant = random.normal([300], { seed: 1 });
    for (const rows of [1, 2000, 4000, 1, 2000]) close(f(ones([rows, 300])), mul(ones([rows, 300]), constant));
    close(w.value, ones([100]).mul(1 + 300 * 8002), { rtol: 1e-5 });
    assert.ok(backend.heap.epoch > 1, 'it grew');
  });
});

test('memory that moves while kernels are bound has moved before any runs', () => {
  const backend = createWasmBackend({ shared: false });
  withDoor({ backend }, () => {
    const w = new Variable(ones([3e6]));
    // Backwards it is copied into room for temporaries, more than there is at first; a cast to float64 stays in JavaScript.
    const f = jit((x: Tensor) => [tanh(flip(w.value)), add(x, 1).cast('float64').mul(2).cast('float32')]);
    for (let i = 0; i < 3; i++) {
      const [y, wide] = f(ones([3]));
      close(y!.slice([-3, null]), tanh(ones([3])));
      close(wide!, tensor([4, 4, 4]));
    }
    assert.ok(backend.heap.epoch > 0, 'it grew');
  });
});

test('keeps a program for each signature, and gives the memory of those called least lately back', () => {
  const { warn } = console;
  const warnings: string[] = [];
  console.warn = (text: string) => warnings.push(text);
  try {
    const f = jit((x: Tensor) => exp(mul(x, x)), { name: 'churn' });
    for (let round = 0; round < 2; round++) for (let n = 1; n < 80; n++) close(f(ones([n])), exp(ones([n])));
  } finally {
    console.warn = warn;
  }
  assert.equal(warnings, ['jit: churn was traced for 128 signatures, and keeps 64: tracing may take longer than it saves. Pad its arguments to a few shapes.']);
});

test('explain tells the plan: kernels, formulas, operations, bytes, memory', () => {
  const w = new Variable(ones([3, 2]));
  const f = jit((x: Tensor) => {
    const y = tanh(add(matmul(x, w.value), 1));
    w.assign(mul(w.value, 0.5));
    return sum(y);
  }, { name: 'f' });
  assert.is(explain(f), 'f: it has not been called yet; there is a plan for each signature of its arguments.');
  withBackend('js', () => f(ones([4, 3])));
  assert.is(explain(f), `f for js|[float32[4,3]]:
  4 kernels of 5 traced, 78 operations, 260B read and written
  arena 192B for 92B of intermediates; constants 8B; 1 variables 24B, of which 1 are assigned
     0        48       104B  matmul [4, 3] [3, 2] -> [4, 2]
     1        16        68B  map [4, 2] [] -> [4, 2]: tanh((x0 + 1))
     2         6        52B  map [3, 2] [] -> [3, 2]: (x0 * 0.5)
     3         8        36B  sum [4, 2] -> []`);
  refuses(() => explain((x: Tensor) => x), 'explain: it explains ops, the functions that run them, and jitted functions that have been called; this is none.');
});

test('works on slices, views and joined parts', () => {
  const f = (x: Tensor) => concat([slice(x, [null, null, -1]), transpose(reshape(x, [3, 2])).reshape([2, 3])], { axis: 1 });
  const fast = jit(f);
  for (let i = 0; i < 3; i++) close(fast(draw([2, 3], i)), f(draw([2, 3], i)));
});

test('jitted functions may call each other', () => {
  const inner = jit((x: Tensor) => tanh(x));
  const outer = jit((x: Tensor) => add(inner(x), inner(mul(x, 2))));
  for (let i = 0; i < 3; i++) close(outer(draw([3], i)), add(tanh(draw([3], i)), tanh(mul(draw([3], i), 2))));
});

test('a kernel that fails leaves variables as they were', () => {
  const w = new Variable([1, 2]);
  const f = jit((i: Tensor) => {
    w.assign(mul(w.value, 2));
    return gather(ones([3]), i);
  });
  f(tensor(Int32Array.of(2)));
  assert.throws(() => f(tensor(Int32Array.of(7))), /gather/);
  assert.equal(w.value.toArray(), [2, 4]);
  f(tensor(Int32Array.of(0)));
  assert.equal(w.value.toArray(), [4, 8]);
});

test('buffers that are alive together never share memory, and the arena is no larger than their sum', () => {
  const buffer = fc.record({ size: fc.integer({ min: 1, max: 9 }), born: fc.nat(30), lives: fc.nat(12) });
  fc.assert(fc.property(fc.array(buffer, { maxLength: 40 }), (buffers) => {
    const [sizes, born] = [buffers.map((b) => b.size), buffers.map((b) => b.born)];
    const last = buffers.map((b) => b.born + b.lives);
    const { offsets, bytes } = planArena(sizes, born, last);
    assert.ok(bytes <= sizes.reduce((p, q) => p + q, 0));
    buffers.forEach((_, i) => buffers.forEach((__, j) => {
      const together = i < j && born[i]! <= last[j]! && born[j]! <= last[i]!;
      if (together) assert.ok(offsets[i]! + sizes[i]! <= offsets[j]! || offsets[j]! + sizes[j]! <= offsets[i]!, `${i} and ${j}`);
      assert.ok(offsets[i]! + sizes[i]! <= bytes);
    }));
  }), { seed: 1 });
});

test('poison fills intermediates with NaN after their last reader (which is how the tests above would notice one that reads too late)', () => {
  withBackend('js', () => {
    const program = new Program(trace((x) => concat([exp(x as Tensor), x as Tensor]), [tensor([0, 1])]));
    close(program.call([tensor([0, 1])]) as Tensor, [1, Math.E, 0, 1]);
    const [{ memory: [, exponentials] }] = (program as unknown as { bindings: Map<string, { memory: Float32Array[] }> }).bindings.values() as unknown as [{ memory: Float32Array[] }];
    assert.equal(Array.from(exponentials!), [NaN, NaN]);
  });
});

test('refuses to tell a value while it traces', () => {
  refuses(() => jit((x: Tensor) => (x.item() > 0 ? x : mul(x, -1)))(tensor(1)), 'jit: the value of a traced tensor [] was read; only shapes and dtypes are known while tracing, so return it from the jitted function and read it there.', ValueError);
});
test('refuses a number that changes between calls', () => {
  let rate = 0.5;
  const f = jit((x: Tensor) => mul(x, (rate *= 0.5)), { name: 'step' });
  f(tensor([1]));
  refuses(() => f(tensor([1])), 'jit: 0.25 became 0.125 between calls of step (in mul): make it a Variable or an argument.', ValueError);
});
test('refuses a function that does something else the second time', () => {
  let calls = 0;
  const f = jit((x: Tensor) => (calls++ ? exp(x) : tanh(x)), { name: 'fickle' });
  f(tensor([1]));
  refuses(() => f(tensor([1])), 'jit: fickle does not do the same at every call: kernel 0 was tanh and is exp now. Make what changes a Variable or an argument.', ValueError);
});
test('refuses a function that returns or assigns something else the second time', () => {
  let calls = 0;
  const f = jit((x: Tensor) => [exp(x), tanh(x)][calls++ % 2], { name: 'f' });
  f(tensor([1]));
  refuses(() => f(tensor([1])), 'jit: f does not do the same at every call: what it returns or assigns is another. Make what changes a Variable or an argument.', ValueError);
  const [v, w] = [new Variable(0), new Variable(0)];
  const g = jit((x: Tensor) => [v, w][calls++ % 2]!.assign(x), { name: 'g' });
  g(1 as unknown as Tensor);
  refuses(() => g(1 as unknown as Tensor), 'jit: g does not do the same at every call: what it returns or assigns is another. Make what changes a Variable or an argument.', ValueError);
});
test('refuses arguments that it cannot tell apart', () => {
  const f = jit((_: unknown) => ones([1]), { name: 'f' });
  refuses(() => f(() => 1), 'jit: f was called with a function; arguments may be tensors, variables, numbers, texts, and lists and records of them.', ValueError);
  refuses(() => f(new Map()), 'jit: f was called with a Map; arguments may be tensors, variables, numbers, texts, and lists and records of them.', ValueError);
});

test.run();
