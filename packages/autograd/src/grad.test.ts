import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, defineOp, exp, logsumexp, matmul, max, mul, ones, prod, run, softmax, softplus, sqrt, square, sum, tanh, tensor, Variable, where, type Tensor } from '@heed/tensor';
import { checkOp, close, refuses } from '@heed/tensor/testing';
import { grad, identityOp, jvp, stopGradient, stopOp, valueAndGrad, vjp } from './grad.js';
import { noGrad } from './tape.js';

const test = suite('grad');

test('keeps the levels of nested gradients apart', () => {
  assert.is(grad((x) => mul(x, grad((y) => add(x, y))(x)))(3).item(), 1);
});

test('differentiates a chain of 100,000 ops', () => {
  const slope = grad((x) => {
    let y = x;
    for (let i = 0; i < 100_000; i++) y = add(y, 0.5);
    return y;
  })(1);
  assert.is(slope.item(), 1);
});

test('is finite where a singular branch is not taken', () => {
  assert.is(grad((x) => where(x.greater(0), sqrt(x), 0))(-1).item(), 0);
});

test('gives softplus the second derivative 1/4 at 0', () => {
  assert.is(grad((x) => grad((y) => softplus(y))(x))(0).item(), 0.25);
});

test('gives products with zeros their gradient', () => {
  close(grad((x) => prod(x))([2, 0, 3, 4, 5]), [0, 120, 0, 0, 0]);
});

test('splits the gradient of a maximum equally among ties', () => {
  close(grad((x) => max(x))([1, 5, 5]), [0, 0.5, 0.5]);
});

test('gives logsumexp the gradient softmax, and a Hessian whose rows sum to 0', () => {
  const x = tensor([0.3, -1, 2]);
  close(grad((v) => logsumexp(v))(x), softmax(x));
  close(grad((v) => sum(grad((w) => logsumexp(w))(v)))(x), [0, 0, 0], { atol: 1e-6 });
});

test('jvp and vjp are transposes of each other', () => {
  const f = (x: Tensor) => tanh(matmul(x, [[1, 2], [3, -1]]));
  const [x, v, g] = [tensor([[0.1, -0.2]]), tensor([[0.5, 0.7]]), tensor([[1.5, -0.4]])];
  const forward = jvp(f, [x], [v])[1];
  const [, back] = vjp(f, x);
  close(sum(mul(forward, g)), sum(mul(back(g)[0]!, v)));
});

test('jvp twice backwards gives softplus its 1/4', () => {
  close(jvp((x) => grad((y) => softplus(y))(x), [0], [1])[1], 0.25);
});

test('gives gradients in the form of the tree of variables', () => {
  const net = { w: new Variable([[1, 2], [3, 4]]), rest: [new Variable(2), new Variable(5)] as const };
  const [value, g] = valueAndGrad(() => mul(sum(square(net.w.value)), net.rest[0].value), net);
  assert.is(value.item(), 60);
  close(g.w, [[4, 8], [12, 16]]);
  close(g.rest[0], 30);
  close(g.rest[1], 0);
});

test('stops where it is told to', () => {
  assert.is(grad((x) => mul(x, stopGradient(x)))(3).item(), 3);
  assert.is(grad((x) => add(x, noGrad(() => mul(x, 10))))(3).item(), 1);
});

test('hands a rule of `reads` no more than it lists', () => {
  const greedy = defineOp({ name: 'greedy', infer: ([x]) => [x!], compose: ([x]) => [exp(x!)], vjp: [([g], { y }) => mul(g!, y[0]!)], reads: { inputs: [], outputs: [] } });
  refuses(() => grad((x) => sum(run(greedy, [x], undefined)[0]!))(ones([2])), 'autograd: a gradient rule read a tensor that its op does not list in `reads`; list it there.');
});

test('refuses functions that return more than a number', () => {
  refuses(() => grad((x) => x)([1, 2]), 'grad: the function returned y [2]; it must return one number, so reduce it (sum, mean) first.');
});

test('refuses functions that return no tensor', () => {
  refuses(() => grad(() => 3 as unknown as Tensor)(1), 'grad: the function returned number; it must return a tensor.');
});

for (const op of [identityOp, stopOp]) {
  test(`${op.name} holds the laws of every op`, () => checkOp(op, [[ones([2, 1, 3])], [ones([0, 3])]]));
}

test.run();
