import { suite } from 'uvu';
import { matmul, mul, softmax, sum, tensor, tanh, ValueError, type Tensor } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';
import { checkGradient } from '@heed/autograd/testing';
import { grad, vjp } from './grad.js';
import { hessian, jacobian } from './jacobian.js';

const test = suite('jacobian');
const x = scattered([3], -1, 1);

test('of a linear map is its matrix', () => {
  const a = scattered([2, 3], -1, 1, 2);
  close(jacobian((v) => matmul(a, v))(x), a);
});
test('of softmax is diag(p) - p p^T', () => {
  const p = softmax(x);
  const row = p.reshape([1, 3]);
  close(jacobian((v) => softmax(v))(x), mul(tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]]), row).sub(mul(p.reshape([3, 1]), row)), { atol: 1e-6 });
});
test('has the shape of the value, then that of the argument', () => {
  const f = (v: Tensor) => tanh(matmul(v, scattered([3, 2])));
  const m = scattered([4, 3]);
  const J = jacobian(f)(m);
  close(tensor(J.shape.map(Number)), [4, 2, 4, 3]);
  const g = scattered([4, 2], -1, 1, 5);
  close(sum(mul(J, g.reshape([4, 2, 1, 1])), { axis: [0, 1] }), vjp(f, m)[1](g)[0]!, { atol: 1e-5 });
});
test('differentiates with respect to the first argument', () => close(jacobian((v, w) => mul(v, w!))([2, 3], [4, 5]), [[4, 0], [0, 5]]));
test('of a function that does not depend on its argument is 0', () => close(jacobian(() => tensor([1, 2]))([3, 4, 5]), [[0, 0, 0], [0, 0, 0]]));
test('hessian of a quadratic form is a + a^T, and symmetric of any function', () => {
  const a = scattered([3, 3], -1, 1, 3);
  close(hessian((v) => sum(mul(v, matmul(a, v))))(x), a.add(a.transpose()), { atol: 1e-5 });
  const H = hessian((v) => sum(softmax(mul(v, v)).mul(tanh(v))))(x);
  close(H, H.transpose(), { atol: 1e-5 });
});
test('can be differentiated itself', () => checkGradient((v) => jacobian((u) => softmax(u))(v!), [x], { order: 1 }));
test('leaves tapes outside undisturbed', () => close(grad((v) => sum(jacobian((u) => mul(u, mul(u, v)))(v)))(tensor([2])), [8])); // d/dv (2 v v), the outer v counting in both
test('refuses a call without arguments', () => refuses(() => jacobian((v) => v)(), 'jacobian: the function was called without arguments; it is differentiated with respect to the first.', ValueError));
test.run();
