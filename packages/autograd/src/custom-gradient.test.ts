import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clip, exp, jit, log, mul, sum, tensor, add, type Tensor } from '@heed/tensor';
import { close } from '@heed/tensor/testing';
import { checkGradient } from '@heed/autograd/testing';
import { customGradient } from './custom-gradient.js';
import { grad } from './grad.js';

const test = suite('custom gradient');
const clipped = customGradient((x) => x, (g) => [clip(g, -1, 1)]);

test('the value is the function\'s, the gradient the one that was given', () => {
  close(clipped([2, 3]), [2, 3]);
  close(grad((x) => sum(mul(clipped(x), [5, -0.5])))([2, 3]), [1, -0.5]);
});
/** log(1 + e^x), whose own derivative e^x / (1 + e^x) overflows. */
const softplus = customGradient((x) => log(add(exp(x), 1)), (g, { x: [x] }) => [mul(g, x!.sigmoid())]);
test('it may see arguments and value, and be differentiated again', async () => {
  assert.is(grad((x) => softplus(x))(100).item(), 1);
  await checkGradient((x) => softplus(x!), [tensor([0.3, -1])], { order: 2 });
});
test('null is no gradient', () => {
  const first = customGradient((a, b) => mul(a!, b!), (g, { x: [, b] }) => [mul(g, b!), null]);
  close(grad((a, b) => sum(first(a, b!)), { argnums: [0, 1] })([2], [3])[0]!, [3]);
  close(grad((a, b) => sum(first(a, b!)), { argnums: [0, 1] })([2], [3])[1]!, [0]);
});
test('it may read values, where it is not traced, and is traced where it does not', () => {
  const gate = customGradient((x) => (x.sum().item() > 0 ? x : mul(x, 0)), (g) => [g]);
  close(gate([1, -3]), [0, 0]);
  const f = jit((x: Tensor) => grad((v) => sum(mul(clipped(v), 7)))(x));
  for (let i = 0; i < 3; i++) close(f(tensor([1, 2])), [1, 1]);
});
test.run();
