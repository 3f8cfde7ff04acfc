import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { add, concat, exp, jit, logSoftmax, lstmStep, matmul, max, maximum, mean, mul, random, relu, reshape, sigmoid, slice, softmax, sub, sum, tanh, tensor, transpose, Variable, where, withBackend, type Tensor } from '@heed/tensor';
import { close } from '@heed/tensor/testing';
import { fuseMaps } from './fuse.js';
import { land } from './land.js';
import { dropUnread, shareEqual } from './simplify.js';
import { trace } from './trace.js';
import { debug, workOf } from './work.js';

const test = suite('jit passes');
test.before(() => { debug.poison = true; });
test.after(() => { debug.poison = false; });

const square = (seed: number) => random.normal([4, 4], { seed });
const traced = (f: (x: Tensor, y: Tensor) => unknown) => workOf(trace((x, y) => f(x as Tensor, y as Tensor), [square(1), square(2)]));
const namesOf = ({ nodes }: { nodes: readonly { op: { name: string } }[] }) => nodes.map((n) => n.op.name);

test('what is computed twice is computed once', () => {
  assert.equal(namesOf(shareEqual(traced((x, y) => [exp(add(x, y)), exp(add(x, y)), exp(add(y, x))]))), ['add', 'exp', 'add', 'exp']);
  assert.equal(namesOf(shareEqual(traced((x) => [mul(x, 2), mul(x, 3), mul(x, 2)]))), ['mul', 'mul']);
  assert.is(namesOf(shareEqual(traced((x) => [mul(x, 0), mul(x, -0)]))).length, 2);
});

test('what nobody reads is not computed', () => {
  assert.equal(namesOf(dropUnread(traced((x, y) => (matmul(x, exp(y)), tanh(x))))), ['tanh']);
  const v = new Variable(square(3));
  assert.equal(namesOf(dropUnread(traced((x) => (exp(x), v.assign(relu(x)), 1)))), ['relu']);
});

test('nor are the outputs of a map that nobody reads', () => {
  const { nodes } = dropUnread(traced((x, y) => lstmStep(concat([x, y, x, y], { axis: 1 }), x)[1]));
  assert.is(nodes.at(-1)!.outputs.length, 1);
});

test('elementwise chains become one kernel', () => {
  const { nodes } = fuseMaps(traced((x, y) => tanh(add(mul(sigmoid(x), y), [1, 2, 3, 4]))));
  assert.equal(nodes.map((n) => n.inputs.length), [3]);
});

test('a result that leaves, and one that two others read, stays; a cheap one goes into both', () => {
  assert.is(fuseMaps(traced((x) => { const y = exp(x); return [y, add(y, 1)]; })).nodes.length, 2);
  assert.is(fuseMaps(traced((x) => { const y = exp(x); return [tanh(y), add(y, 1)]; })).nodes.length, 3);
  assert.is(fuseMaps(traced((x) => { const y = add(x, 1); return [tanh(y), exp(y)]; })).nodes.length, 2);
  assert.is(fuseMaps(traced((x) => { const y = add(x, 1); return [tanh(y), matmul(y, y)]; })).nodes.length, 3);
});

test('no map goes where it would run more often, or see its operand turned', () => {
  assert.is(fuseMaps(traced((x, y) => add(exp(slice(x, 0)), y))).nodes.length, 2);
  assert.is(fuseMaps(traced((x, y) => add(transpose(exp(x)), y))).nodes.length, 2);
});

test('a view, and what two variables get, is copied by a kernel to where it is wanted', () => {
  const [v, w] = [new Variable(square(3)), new Variable(square(4))];
  const names = (f: (x: Tensor) => unknown) => namesOf(land(traced(f)));
  assert.equal(names((x) => (v.assign(exp(x)), v.value)), ['exp']);
  assert.equal(names((x) => transpose(exp(x))), ['exp', 'reshape']);
  assert.equal(names((x) => v.assign(transpose(x))), ['reshape']);
  assert.equal(names((x) => { const y = exp(x); v.assign(y); w.assign(y); return y; }), ['exp', 'reshape']);
  assert.equal(names((x) => { const y = exp(x); v.assign(transpose(y)); w.assign(y); return y; }), ['exp', 'reshape']);
});

test('variables may swap their values, turn them and keep them', () => {
  const [a, b] = [square(3), square(4)];
  for (const backend of ['js', 'wasm'] as const) withBackend(backend, () => {
    const [v, w, u] = [new Variable(a), new Variable(b), new Variable(a)];
    const step = jit(() => {
      const x = v.value;
      v.assign(w.value);
      w.assign(transpose(x));
      u.assign(v.value);
      return [transpose(w.value), v.value];
    });
    let [p, q] = [a, b];
    for (let t = 0; t < 5; t++) {
      const results = step();
      [p, q] = [q, transpose(p)];
      [v.value, w.value, u.value, ...results].forEach((got, i) => assert.equal(got.toArray(), [p, q, p, transpose(q), p][i]!.toArray(), `${backend}, step ${t}, ${i}`));
    }
  });
});

/** Drawn functions: values of shape [4, 4] (and rows and sums, broadcast back), step after step from what is there. */
type Make = (a: Tensor, b: Tensor, v: Variable) => Tensor;
const steps: Make[] = [
  (a, b) => add(a, b), (a, b) => sub(a, b), (a, b) => mul(tanh(a), tanh(b)), (a) => tanh(a), (a) => sigmoid(a), (a) => relu(a), (a, b) => maximum(a, b),
  (a, b) => where(a.less(b), a, b), (a) => transpose(a), (a) => slice(a, [null, null, -1]), (a) => reshape(transpose(a), [4, 4]),
  (a, b) => mul(matmul(a, b), 0.2), (a) => softmax(a), (a) => logSoftmax(a, { axis: 0 }).mul(0.1), (a, b) => sub(a, mean(b, { axis: 0, keepDims: true })),
  (a, b) => add(a, max(b, { axis: 1, keepDims: true })), (a, b) => sub(a, sum(b).mul(0.05)), (a, b) => slice(concat([a, b]), [2, 6]), (a) => add(a, 1), (a) => mul(a, 0.5),
  (a, b, v) => add(a, v.value), (a, _, v) => { v.assign(tanh(a)); return a; }, (a) => add(slice(a, 1), slice(a, 2)).add(a), (a) => exp(tanh(a)).cast('int32').cast('float32'),
];
const program = fc.array(fc.tuple(fc.nat(steps.length - 1), fc.nat(30), fc.nat(30)), { minLength: 2, maxLength: 14 });

test('drawn functions do the same jitted and not, whatever is fused, shared, dropped or overwritten', () => {
  fc.assert(fc.property(program, fc.array(fc.nat(30), { minLength: 1, maxLength: 3 }), (list, picks) => {
    const make = () => {
      const v = new Variable(square(9));
      return { v, f: (x: Tensor, y: Tensor): Tensor[] => {
        const values = [x, y, tensor([[0.5], [1], [-1], [2]])];
        for (const [k, i, j] of list) values.push(steps[k]!(values[i % values.length]!.broadcastTo([4, 4]), values[j % values.length]!.broadcastTo([4, 4]), v));
        return picks.map((p) => values[values.length - 1 - (p % values.length)]!);
      } };
    };
    for (const backend of ['js', 'wasm'] as const) {
      withBackend(backend, () => {
        const [plain, jitted] = [make(), make()];
        const fast = jit(jitted.f);
        for (let call = 0; call < 3; call++) {
          const x = [square(10 + call), square(20 + call)] as const;
          const [got, wanted] = [fast(...x), plain.f(...x)];
          got.forEach((y, k) => close(y, wanted[k]!, backend === 'js' ? { rtol: 0, atol: 0 } : { rtol: 1e-5, atol: 1e-5 }));
          close(jitted.v.value, plain.v.value, backend === 'js' ? { rtol: 0, atol: 0 } : { rtol: 1e-5, atol: 1e-5 });
        }
      });
    }
  }), { numRuns: 300, seed: 11 });
});

test.run();
