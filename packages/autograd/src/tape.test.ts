import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, attention, defineOp, exp, gather, jit, lstmStep, matmul, mul, ones, run, softmax, square, sub, sum, tensor, transpose, ValueError, Variable, where, type Tensor } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';
import { checkGradient } from '@heed/autograd/testing';
import { grad, valueAndGrad, vjp } from './grad.js';
import { recorded, Tape } from './tape.js';

const test = suite('tape');

test('the gradient is linear', () => {
  const [f, g] = [grad((x) => sum(exp(x))), grad((x) => sum(square(x)))];
  const x = scattered([5]);
  close(grad((v) => add(mul(sum(exp(v)), 2), mul(sum(square(v)), 3)))(x), add(mul(f(x), 2), mul(g(x), 3)));
});
test('a value used twice gets both gradients', () => assert.is(grad((x) => add(mul(x, x), x))(3).item(), 7));
test('a value that nothing uses has gradient 0', () => assert.equal(grad((_, y) => sum(y!), { argnums: [0, 1] })([1, 2], [3]).map((g) => g.toArray()), [[0, 0], [1]]));
test('broadcast arguments get gradients of their own shape', () => {
  const [ga, gb] = grad((a, b) => sum(mul(a, b!)), { argnums: [0, 1] })([[1], [2]], [3, 4, 5]);
  assert.equal([ga!.toArray(), gb!.toArray()], [[[12], [12]], [3, 3, 3]]);
});
test('integers are constants', () => assert.equal(grad((x) => sum(gather(x, [0, 0, 2])))([1, 2, 3]).toArray(), [2, 0, 1]));
test('views pass gradients back to where they look', () => assert.equal(grad((x) => sum(mul(transpose(x).slice(1), [1, 10])))([[1, 2], [3, 4]]).toArray(), [[0, 1], [0, 10]]));
test('several outputs take a list of cotangents', () => {
  const [y, back] = vjp((c) => lstmStep(ones([1, 8]), c), [[0.1, 0.2]]);
  assert.is(y.length, 2);
  assert.equal(back([ones([1, 2]), ones([1, 2])])[0]!.shape, [1, 2]);
});
test('aux comes along with the value', () => {
  const v = new Variable(3);
  const [[value, more], g] = valueAndGrad(() => [square(v.value), 'more'] as const, v, { aux: true });
  assert.equal([value.item(), more, g.item()], [9, 'more', 6]);
});
test('nothing is recorded that does not depend on what is watched', () => {
  const tape = new Tape();
  recorded(tape, () => exp(ones([2])));
  assert.is(tape.length, 0);
});
test('what was computed on the way can be a source, too', () => {
  const [tape, x] = [new Tape(), tensor(3)];
  tape.watch(x);
  const [y, z] = recorded(tape, () => { const between = mul(x, 2); return [between, square(between)] as const; });
  assert.equal(tape.backward([z], [tensor(1)], [y, x]).map((g) => g!.item()), [12, 24]);
});
test('an op that gives an input back as it came passes gradients through', () => {
  const op = defineOp({ name: 'pass', infer: ([x]) => [x!, x!], compose: ([x]) => [x!, mul(x!, 2)], vjp: [([g, h]) => (g && h ? add(g, mul(h, 2)) : g ?? mul(h!, 2))] });
  const f = (x: Tensor) => { const [y, z] = run(op, [x], undefined); return sum(add(mul(y!, 3), z!)); };
  for (const g of [grad(f), jit(grad(f))]) assert.equal(g([1, 2]).toArray(), [5, 5]);
});
test('attention has derivatives to second order', () =>
  checkGradient((q, k, v) => matmul(softmax(matmul(q, k!, { transposeB: true })), v!), [scattered([2, 3], -1, 1, 1), scattered([4, 3], -1, 1, 2), scattered([4, 2], -1, 1, 3)]));
test('attention of a tensor to itself has derivatives to second order', () =>
  checkGradient((x) => attention(x, x, x), [scattered([1, 3, 2, 2], -1, 1, 1)]));
test('a masked division by 0 leaves gradients finite', () =>
  assert.equal(grad((x) => sum(where(x.equal(0), 0, tensor(1).div(x))))([0, 2]).toArray(), [0, -0.25]));

test('refuses to read a tape twice', () => {
  const [, back] = vjp((x) => sub(x, 1), 2);
  back(1);
  refuses(() => back(1), 'vjp: the tape was already read backwards; call vjp again for another cotangent.', ValueError);
});
test('refuses an argument that is not there', () =>
  refuses(() => grad((x) => x, { argnums: 1 })(2), 'grad: argnums has 1, the function was called with 1 arguments; count from 0.', ValueError));
test('refuses to differentiate whole numbers', () =>
  refuses(() => grad(() => tensor(Int32Array.of(1)).sum())(2), 'grad: the function returned int32; it must return float32 or float64.', ValueError));

test.run();
