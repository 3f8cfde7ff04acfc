import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { add, cast, explain, jit, matmul, mul, ones, random, sin, slice, stack, sub, sum, tanh, tensor, transpose, Variable, where, withBackend, zeros, type Tensor } from '@heed/tensor';
import { checkpoint, grad, jvp, scan, valueAndGrad } from '@heed/autograd';
import { createWasmBackend } from '@heed/tensor/backends/wasm';
import { debug } from '@heed/tensor/jit/work';
import { withDoor } from '@heed/tensor/op';
import { close, refuses } from '@heed/tensor/testing';

const test = suite('scan');
test.before.each(() => { debug.poison = true; });
test.after.each(() => { debug.poison = false; });

const draw = (shape: number[], seed: number) => random.normal(shape, { seed });

test('is a cumulative sum, forwards and backwards, op by op and jitted', () => {
  for (const reverse of [false, true]) {
    const f = (x: Tensor) => scan((s: Tensor, v: Tensor) => { const t = add(s, v); return [t, t]; }, tensor(0), x, { reverse });
    for (const g of [f, jit(f)]) {
      for (let i = 0; i < 3; i++) {
        const [last, all] = g(tensor([1, 2, 3, 4]));
        assert.equal([last.toArray(), all.toArray()], [10, reverse ? [10, 9, 7, 4] : [1, 3, 6, 10]]);
      }
    }
  }
});

test('carries and stacks trees, of which parts may stay, change places or be nothing', () => {
  const step = ({ a, b }: { a: Tensor; b: Tensor }, [x, k]: readonly Tensor[]) =>
    [{ a: b, b: add(a, x!) }, { swapped: [b, a], kept: x!, shown: where(k!, x!, 0), constant: tensor([7, 7]), none: null }] as const;
  const f = (x: Tensor, keep: Tensor) => scan(step, { a: zeros([2]), b: slice(x, 0) }, [x, keep]);
  const [x, keep] = [draw([5, 2], 1), tensor([[true], [false], [true], [true], [false]])];
  const leaves = ([c, y]: ReturnType<typeof f>) => [c.a, c.b, ...y.swapped, y.kept, y.shown, y.constant];
  for (const name of ['js', 'wasm'] as const) {
    withBackend(name, () => {
      const fast = jit(f);
      for (let i = 0; i < 3; i++) leaves(fast(x, keep)).forEach((v, k) => close(v, leaves(f(x, keep))[k]!));
      assert.is(fast(x, keep)[1].none, null);
    });
  }
});

test('a record is a carry, in whatever order it is written', () => {
  const f = (x: Tensor) => scan(({ a, b }: { a: Tensor; b: Tensor }, v: Tensor) => [{ b: a, a: add(b, v) }, { q: a, p: b }], { a: tensor(0), b: tensor(1) }, x);
  for (const g of [f, jit(f)]) {
    const [{ a, b }, { q, p }] = g(tensor([1, 2, 3]));
    assert.equal([a, b, q, p].map((y) => y.toArray()), [5, 2, [0, 2, 2], [1, 0, 2]]);
  }
});

/** h' = tanh(x + h U + b), with a transposed view, a weight read twice and a bias from around the step. */
const recurrent = (U: Tensor, b: Tensor, x: Tensor, reverse: boolean) => scan((h: Tensor, v: Tensor) => {
  const next = tanh(add(add(v, matmul(h, U)), add(b, mul(matmul(h, transpose(U)), 0.1))));
  return [next, mul(next, v)];
}, zeros([2, 3]), x, { reverse });

test('gradients of everything, jitted as op by op, on every backend', () => {
  const [U, b] = [new Variable(draw([3, 3], 1)), new Variable(draw([3], 2))];
  for (const reverse of [false, true]) {
    const f = (x: Tensor) => valueAndGrad(() => {
      const [h, y] = recurrent(U.value, b.value, x, reverse);
      return add(sum(mul(y, y)), sum(h));
    }, { U, b });
    const g = grad((x: Tensor) => sum(recurrent(U.value, b.value, x, reverse)[1]));
    for (const name of ['js', 'wasm'] as const) {
      withBackend(name, () => {
        const [fast, fastG] = [jit(f), jit(g)];
        for (let i = 0; i < 3; i++) {
          const x = draw([6, 2, 3], 10 + i);
          const [[v, dv], [w, dw]] = [f(x), fast(x)];
          close(w, v);
          close(dw.U, dv.U);
          close(dw.b, dv.b);
          close(fastG(x), g(x));
        }
      });
    }
  }
});

test('gradients of gradients, forward derivatives and checkpoints go through loops', () => {
  const [U, x] = [draw([3, 3], 1), draw([4, 2, 3], 2)];
  const value = (u: Tensor, v: Tensor) => sum(sin(recurrent(u, tensor([1, 2, 3]), v, false)[1]));
  const second = grad((u: Tensor) => sum(mul(grad(value)(u, x), draw([3, 3], 3))));
  close(jit(second)(U), second(U));
  const forward = (u: Tensor) => jvp((t) => value(t, x), [u], [draw([3, 3], 4)]);
  jit(forward)(U).forEach((v, k) => close(v, forward(U)[k]!));
  const saving = grad(checkpoint((u: Tensor) => value(u, x)));
  close(jit(saving)(U), grad((u: Tensor) => value(u, x))(U));
});

test('a loop writes where it should, however large its memory is, and what it sees may be larger', () => {
  // With 31 steps a program on js has 4096 bytes, as many as a page of small results.
  const f = (x: Tensor) => scan((s: Tensor, v: Tensor) => { const t = tanh(add(s, v)); return [t, mul(t, v)]; }, zeros([16]), x);
  const g = (x: Tensor) => scan((s: Tensor, v: Tensor) => [add(s, sum(v)), s] as const, tensor(0), x);
  for (const name of ['js', 'wasm'] as const) {
    withBackend(name, () => {
      for (let steps = 2; steps < 40; steps++) jit(f)(draw([steps, 16], 1)).forEach((v, k) => close(v, f(draw([steps, 16], 1))[k]!));
      jit(g)(draw([3, 100], 1)).forEach((v, k) => close(v, g(draw([3, 100], 1))[k]!));
    });
  }
});

test('loops nest', () => {
  const f = (x: Tensor, w: Tensor) => scan((s: Tensor, row: Tensor) => {
    const [t] = scan((r: Tensor, v: Tensor) => [tanh(add(mul(r, w), add(v, s))), null] as const, zeros([]), row);
    return [add(s, t), t];
  }, tensor(0.5), x)[1];
  const g = grad((w: Tensor, x: Tensor) => sum(f(x, w)));
  const x = draw([3, 4], 1);
  close(jit(f)(x, tensor(0.7)), f(x, tensor(0.7)));
  close(jit(g)(tensor(0.7), x), g(tensor(0.7), x));
});

test('drawn recurrences: jitted and op by op give the same', () => {
  const parts: readonly ((h: Tensor, v: Tensor, w: Tensor) => Tensor)[] = [
    (h, v) => add(h, v), (h, _, w) => matmul(h, w), (h, v) => tanh(mul(h, v)), (h, _, w) => matmul(h, transpose(w)), (h, v) => sub(v, h), (h) => transpose(transpose(h)), (h) => add(h, sum(h, { axis: 0, keepDims: true })),
  ];
  fc.assert(fc.property(fc.array(fc.nat(parts.length - 1), { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 5 }), fc.boolean(), (order, steps, reverse) => {
    const f = (w: Tensor, x: Tensor) => {
      const [h, y] = scan((s: Tensor, v: Tensor) => {
        const next = tanh(order.reduce((t, k) => parts[k]!(t, v, w), s));
        return [next, sub(next, s)];
      }, slice(x, 0), x, { reverse });
      return add(sum(mul(h, h)), sum(sin(y)));
    };
    // In float64, for some of these recurrences are chaotic.
    const [w, x] = [draw([3, 3], 5), draw([steps, 2, 3], 6)].map((t) => cast(t, 'float64')) as [Tensor, Tensor];
    close(jit(grad(f))(w, x), grad(f)(w, x), { rtol: 1e-9, atol: 1e-9 });
    close(jit(grad(f, { argnums: 1 }))(w, x), grad(f, { argnums: 1 })(w, x), { rtol: 1e-9, atol: 1e-9 });
  }), { numRuns: 60 });
});

test('a step and its gradient are traced once, whatever the number of steps', () => {
  let runs = 0;
  const U = new Variable(draw([3, 3], 1));
  const f = jit((x: Tensor) => valueAndGrad(() => sum(scan((h: Tensor, v: Tensor) => {
    runs++;
    const next = tanh(add(v, matmul(h, U.value)));
    return [next, next];
  }, zeros([2, 3]), x)[1]), [U]), { name: 'f' });
  f(draw([50, 2, 3], 1));
  assert.is(runs, 2);
  const plan = explain(f);
  assert.match(plan, /scan of 50 steps, each:/);
  assert.match(plan, /scan of 50 steps, the last first, each:/);
  // Backwards nothing of the step is computed again, and the weight's gradient is one product.
  const backwards = plan.slice(plan.indexOf('the last first'));
  assert.match(backwards, /matmul \[3, 100\] \[100, 3\] -> \[3, 3\]/);
  assert.is(backwards.match(/matmul/g)!.length, 2);
  assert.not.match(backwards, /tanh/);
});

test('other lengths compile nothing', () => {
  const backend = createWasmBackend();
  withDoor({ backend }, () => {
    const U = new Variable(draw([8, 8], 1));
    const f = jit((x: Tensor) => valueAndGrad(() => sum(scan((h: Tensor, v: Tensor) => {
      const next = tanh(add(v, matmul(h, U.value)));
      return [next, next];
    }, zeros([4, 8]), x)[1]), [U]));
    f(draw([20, 4, 8], 2));
    const { kernels } = backend.describe();
    for (const steps of [21, 33, 50]) for (let i = 0; i < 2; i++) f(draw([steps, 4, 8], 2));
    assert.is(backend.describe().kernels, kernels);
  });
});

test('many long signatures are not all kept: what they bind grows with the number of steps', () => {
  let traced = 0;
  const f = jit((x: Tensor) => {
    traced++;
    return scan((h: Tensor, v: Tensor) => [tanh(add(v, h)), null] as const, zeros([2]), x)[0];
  });
  const of = (steps: number) => f(ones([steps, 2]));
  for (const steps of [20_000, 20_001, 20_002]) of(steps);
  assert.is(traced, 3);
  of(20_002); // compared
  of(20_001);
  assert.is(traced, 5);
  of(20_000); // gone
  of(20_000);
  assert.is(traced, 7);
});

test('refuses what is no recurrence', () => {
  const x = draw([3, 2], 1);
  const pass = (s: Tensor, v: Tensor) => [add(s, v), v] as const;
  refuses(() => scan(pass, zeros([2]), zeros([0, 2])), 'scan: xs [0, 2] has no steps; it needs at least one.');
  refuses(() => scan((s: Tensor, [v]: readonly Tensor[]) => [add(s, v!), null] as const, zeros([2]), [x, zeros([4])]), 'scan: xs has [3, 2] and [4]; all must have the same first axis, of steps.');
  refuses(() => scan((s: Tensor) => [s, null] as const, zeros([2]), null), 'scan: xs has no tensor; give at least one, whose first axis says how many steps there are.');
  refuses(() => scan(pass, zeros([]), x), 'scan: the carry had float32 [] and has float32 [2] after a step; it must keep shapes and dtypes.');
  refuses(() => scan((s: readonly Tensor[], v: Tensor) => [[...s, v], null] as const, [zeros([2])], x), 'scan: the carry had 1 tensors and has 2 after a step; it must keep its form.');
  refuses(() => scan(((s: Tensor, v: Tensor) => add(s, v)) as never, zeros([2]), x), 'scan: the step must return [carry, y], the carry of the next step and what is stacked; y may be null.');
  const w = new Variable([0, 0], { name: 'w' });
  refuses(() => jit((t: Tensor) => scan((s: Tensor, v: Tensor) => { w.assign(v); return [s, v] as const; }, zeros([2]), t)[1])(x), 'scan: variable w is assigned inside, and a step may only compute; carry its value from step to step and assign it afterwards (draw random numbers before).');
  refuses(() => jit((t: Tensor) => scan((s: Tensor, v: Tensor) => [s.item() > 0 ? s : add(s, v), null] as const, zeros([]), slice(t, null, 0))[0])(x), /the value of a traced tensor \[\] was read/);
});

test('what was kept from a step, or from another trace, is refused', () => {
  const kept = 'jit: a tensor [2] was kept from the step of a scan, or from another trace, where it stands for other numbers each time; return it from there, and compute with what comes back.';
  let leak: Tensor | null = null;
  const sums = (x: Tensor) => scan((s: Tensor, v: Tensor) => { leak = add(s, v); return [leak, null] as const; }, zeros([2]), x)[0];
  const w = new Variable([0, 0]);
  for (const f of [(x: Tensor) => add(sums(x), leak!), (x: Tensor) => [sums(x), leak], (x: Tensor) => { sums(x); w.assign(leak!); }]) refuses(() => jit(f)(draw([3, 2], 1)), kept);
  let cache: Tensor | null = null;
  const f = jit((x: Tensor) => mul(x, cache ??= add(x, 1)));
  f(draw([2], 1));
  refuses(() => f(draw([1, 2], 1)), kept);
});

test('a constant in a step that changes between calls is told', () => {
  let rate = 0.001;
  const f = jit((x: Tensor) => scan((s: Tensor, v: Tensor) => [add(s, mul(v, rate)), null] as const, zeros([2]), x)[0], { name: 'f' });
  f(draw([3, 2], 1));
  rate = 0.0009;
  refuses(() => f(draw([3, 2], 1)), 'jit: 0.001 became 0.0009 between calls of f (in mul): make it a Variable or an argument.');
});

test('stacks of one step are what the step gives', () => {
  const f = (x: Tensor) => scan((s: Tensor, v: Tensor) => [add(s, v), stack([s, v])] as const, zeros([2]), x)[1];
  close(jit(f)(tensor([[1, 2]])), tensor([[[0, 0], [1, 2]]]));
});
test.run();
