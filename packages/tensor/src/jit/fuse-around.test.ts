import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { add, exp, explain, jit, logSoftmax, matmul, max, mean, min, mul, random, reshape, slice, softmax, square, sub, sum, tanh, tensor, transpose, Variable, where, withBackend, type Tensor } from '@heed/tensor';
import { createWasmBackend, type WasmBackend } from '../backends/wasm/index.js';
import { crewOf } from '../backends/wasm/testing.js';
import { withDoor } from '../op.js';
import { debug } from './work.js';


const test = suite('maps in the kernels beside them');
test.before(() => { debug.poison = true; });
test.after(() => { debug.poison = false; });

const normal = (shape: readonly number[], seed: number) => random.normal(shape, { seed });
const kernelsOf = (f: unknown): string[] => explain(f as () => Tensor).split('\n').slice(3).map((line) => line.replace(/^ +\d+ +[\d.]+( [kMGT])? +[\d.]+( [kMGT])?B +/, ''));
const withBackendOf = (backend: WasmBackend, f: () => void): void => withDoor({ backend }, f);
const bits = (x: Tensor): number[] => [...new Int32Array((x.data() as Float32Array).slice().buffer)];
/** The same bits; one NaN is as good as another. */
const same = (a: Tensor, b: Tensor, what = ''): void => {
  const [p, q] = [bits(a), bits(b)];
  assert.is(p.findIndex((v, i) => v !== q[i] && !(Number.isNaN(a.data()[i]!) && Number.isNaN(b.data()[i]!))), -1, what);
};

test('a map that only a reduction reads is part of it, on wasm', () => {
  const [x, y, m] = [new Variable(normal([6, 40], 1)), new Variable(normal([6, 40], 2)), new Variable(normal([40], 3))];
  const told = (backend: 'js' | 'wasm', f: () => Tensor): string[] => withBackend(backend, () => {
    const fast = jit(f);
    fast();
    return kernelsOf(fast);
  });
  assert.equal(told('wasm', () => sum(mul(x.value, y.value), { axis: 1 })), ['sum [6, 40] [6, 40] -> [6]: of (x0 * x1)']);
  assert.equal(told('wasm', () => max(square(sub(x.value, m.value)), { axis: 0 })), ['max [6, 40] [6, 40] -> [40]: of ((x0 - x1) * (x0 - x1))']);
  assert.equal(told('wasm', () => sum(mul(x.value, 3))), ['sum [6, 40] [6, 40] -> []: of (x0 * 3)']);
  assert.is(told('js', () => sum(mul(x.value, y.value), { axis: 1 })).length, 2);
  // Read by another, too; turned; an operand that jumps; nothing reduced; in columns, arithmetic that takes long.
  assert.is(told('wasm', () => { const z = mul(x.value, y.value); return add(sum(z), tanh(z)); }).length, 3);
  assert.is(told('wasm', () => sum(transpose(exp(x.value)), { axis: 0 })).length, 2);
  assert.is(told('wasm', () => sum(mul(transpose(x.value), transpose(y.value)), { axis: 1 })).length, 2);
  assert.is(told('wasm', () => sum(mul(reshape(x.value, [1, 240]), 2), { axis: 0 })).length, 2);
  assert.is(told('wasm', () => sum(tanh(x.value), { axis: 0 })).length, 2);
  assert.is(told('wasm', () => sum(tanh(x.value), { axis: 1 })).length, 1);
});

const folds = { sum, mean, max, min };
const bodies: ((x: Tensor, y: Tensor, z: Tensor) => Tensor)[] = [
  (x, y) => mul(x, y), (x) => square(x), (x, y) => tanh(sub(x, y)), (x, y, z) => where(x.less(y), z, 0.5), (x, y) => add(exp(x).cast('int32').cast('float32'), y),
];
const lengths = [1, 2, 3, 5, 33, 130];
const drawn = fc.record({
  shape: fc.array(fc.constantFrom(...lengths), { minLength: 1, maxLength: 3 }), reduced: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), fold: fc.constantFrom(...Object.keys(folds) as (keyof typeof folds)[]),
  body: fc.nat(bodies.length - 1), looks: fc.array(fc.record({ kind: fc.constantFrom('plain', 'slice', 'turned'), still: fc.nat(7), odd: fc.boolean() }), { minLength: 3, maxLength: 3 }),
});

/** An operand that broadcasts to the shape: dense, part of a larger one, or transposed. */
function operand(shape: readonly number[], { kind, still, odd }: { kind: string; still: number; odd: boolean }, seed: number): () => Tensor {
  const own = shape.map((n, i) => (still & (1 << i) ? 1 : n));
  const x = normal(kind === 'slice' ? own.map((n) => n + 1) : kind === 'turned' ? [...own].reverse() : own, seed);
  const v = new Variable(odd ? where(x.less(-2), NaN, where(x.greater(2), Infinity, x)) : x);
  return () => (kind === 'slice' ? slice(v.value, ...own.map((n): [number, number] => [1, n + 1])) : kind === 'turned' ? transpose(v.value) : v.value);
}

test('a reduction has the same bits with its operand computed as it goes and computed before', () => {
  let fused = 0;
  withBackend('wasm', () => fc.assert(fc.property(drawn, ({ shape, reduced, fold, body, looks }) => {
    const axis = shape.flatMap((_, i) => (reduced[i] ? [i] : []));
    const [first, second, third] = looks.map((look, k) => operand(shape, look, k + 1));
    const mapped = (): Tensor => bodies[body]!(first!(), second!(), third!()).broadcastTo(shape);
    const together = jit(() => folds[fold](mapped(), { axis }));
    const apart = jit(() => { const m = mapped(); return [folds[fold](m, { axis }), m]; });
    same(together(), apart()[0]!, `${fold} of ${shape} over ${axis}`);
    if (kernelsOf(together).some((line) => line.includes(': of '))) fused++;
  }), { numRuns: 250, seed: 3 }));
  assert.ok(fused > 40, `only ${fused} were fused`);
});

test('a softmax has the same bits with its operand computed as it goes and computed before', () => {
  withBackend('wasm', () => {
    for (const rows of [softmax, logSoftmax]) {
      for (const shape of [[7, 33], [2, 3, 130], [1, 1], [5]]) {
        bodies.forEach((body, k) => {
          for (const still of [0, 1, 2, 3]) {
            const [x, y, z] = [1, 2, 3].map((seed) => operand(shape, { kind: seed === 2 ? 'slice' : 'plain', still: seed === 3 ? still : 0, odd: k === 3 }, seed)) as [() => Tensor, () => Tensor, () => Tensor];
            const mapped = (): Tensor => body(x(), y(), z());
            const together = jit(() => rows(mapped()));
            same(together(), jit(() => { const m = mapped(); return [rows(m), m]; })()[0]!, `${rows.name} ${k} of ${shape}`);
            assert.match(kernelsOf(together).at(-1)!, /^(log)?softmax .*: of /i);
          }
        });
      }
    }
    const [x, m] = [new Variable(normal([6, 40], 1)), new Variable(normal([6, 40], 2))];
    const scaled = jit(() => softmax(mul(x.value, 0.5)));
    scaled();
    assert.equal(kernelsOf(scaled), ['softmax [6, 40] [6, 40] -> [6, 40]: of (x0 * 0.5)']);
    // Along another axis, and under a mask.
    for (const f of [() => softmax(mul(x.value, 0.5), { axis: 0 }), () => softmax(mul(x.value, 0.5), { mask: m.value.greater(0) })]) {
      const apart = jit(f);
      apart();
      assert.ok(kernelsOf(apart).length >= 2);
    }
  });
});

test('long reductions are cut into the same pieces', () => withBackend('wasm', () => {
  for (const shape of [[40001], [300, 200], [20000, 3], [3, 20000], [2, 130, 256]]) {
    const [x, y] = [new Variable(normal(shape, 1)), new Variable(normal(shape, 2))];
    for (const axis of [undefined, 0]) {
      const together = jit(() => sum(mul(x.value, y.value), { axis }));
      same(together(), jit(() => { const m = mul(x.value, y.value); return [sum(m, { axis }), m]; })()[0]!, `${shape} over ${axis}`);
      assert.is(kernelsOf(together).length, 1);
    }
  }
}));

test('a reduction with a constant operand and a number reads them where they are', () => withBackend('wasm', () => {
  const f = (x: Tensor): Tensor => sum(mul(add(x, tensor([[1], [2]])), 0.5), { axis: 1 });
  assert.equal(jit(f)(tensor([[1, 2, 3], [4, 5, 6]])).toArray(), [4.5, 10.5]);
}));

test('a map of a product is applied to its parts, on wasm', () => withBackend('wasm', () => {
  const [x, w, b, r] = [new Variable(normal([6, 5], 1)), new Variable(normal([5, 9], 2)), new Variable(normal([9], 3)), new Variable(normal([6, 9], 4))];
  const told = (f: () => unknown): string[] => {
    const fast = jit(f);
    fast();
    return kernelsOf(fast);
  };
  const product = () => matmul(x.value, w.value);
  assert.equal(told(() => tanh(add(product(), b.value))), ['matmul [6, 5] [5, 9] [6, 9] -> [6, 9]: then tanh((y + x2))']);
  assert.equal(told(() => add(r.value, mul(product(), 0.5))), ['matmul [6, 5] [5, 9] [6, 9] [6, 9] -> [6, 9]: then (x3 + (y * 0.5))']);
  assert.equal(told(() => square(product())), ['matmul [6, 5] [5, 9] -> [6, 9]: then (y * y)']);
  // Read by another, too; turned; cut; an operand that jumps; one column.
  assert.is(told(() => { const y = product(); return [tanh(y), y]; }).length, 2);
  assert.is(told(() => tanh(transpose(product()))).length, 2);
  assert.is(told(() => tanh(slice(product(), [1, 4]))).length, 2);
  assert.is(told(() => add(product(), transpose(reshape(r.value, [9, 6])))).length, 2);
  assert.is(told(() => tanh(matmul(x.value, slice(w.value, null, [0, 1])))).length, 2);
}));

const finishes: ((y: Tensor, r: Tensor) => Tensor)[] = [
  (y, r) => add(y, r), (y) => tanh(y), (y, r) => max2(add(y, r)), (y, r) => where(r.less(0), y, mul(y, r)), (y, r) => add(mul(r, 2), square(y)), (y, r) => where(y.less(r), NaN, r),
];
const max2 = (x: Tensor): Tensor => where(x.lessEqual(0), 0, x);
const sizes = fc.constantFrom(1, 2, 3, 4, 7, 8, 9, 31, 33, 40, 130);
const products = fc.record({
  m: sizes, n: sizes, k: fc.constantFrom(1, 3, 64, 257, 600), batch: fc.constantFrom([], [3], [2, 3]), shared: fc.boolean(), turned: fc.boolean(), finish: fc.nat(finishes.length - 1),
  look: fc.record({ kind: fc.constantFrom('plain', 'slice', 'turned'), still: fc.nat(15), odd: fc.boolean() }),
});

test('a product has the same bits with a map of it applied to its parts and to the whole, on one thread and on three', async () => {
  const threaded = createWasmBackend({ threads: 3 });
  await crewOf(threaded);
  for (const backend of [createWasmBackend({ threads: 1 }), threaded]) {
    if (backend.pool) backend.pool.always = backend === threaded;
    let fused = 0;
    withBackendOf(backend, () => fc.assert(fc.property(products, ({ m, n, k, batch, shared, turned, finish, look }) => {
      const [x, w] = [new Variable(normal([...batch, m, k], 1)), new Variable(normal([...(shared ? [] : batch), ...(turned ? [n, k] : [k, n])], 2))];
      const other = operand([...batch, m, n], look, 3);
      const product = () => matmul(x.value, w.value, { transposeB: turned });
      const together = jit(() => finishes[finish]!(product(), other()));
      const apart = jit(() => { const y = product(); return [finishes[finish]!(y, other()), y]; });
      same(together(), apart()[0]!, `${batch} ${m} ${k} ${n}`);
      if (kernelsOf(together).some((line) => line.includes(': then '))) fused++;
    }), { numRuns: 150, seed: 5 }));
    assert.ok(fused > 80, `only ${fused} were fused`);
  }
});

test('wide and tall products are finished block by block', () => withBackend('wasm', () => {
  for (const [m, k, n] of [[400, 300, 130], [33, 20, 2100], [2, 50, 1000], [2100, 8, 24]] as const) {
    const [x, w, b] = [new Variable(normal([m, k], 1)), new Variable(normal([k, n], 2)), new Variable(normal([n], 3))];
    const f = () => add(matmul(x.value, w.value), b.value);
    same(jit(f)(), jit(() => { const y = matmul(x.value, w.value); return [add(y, b.value), y]; })()[0]!, `${m} ${k} ${n}`);
  }
}));

test.run();
