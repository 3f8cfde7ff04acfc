import { suite } from 'uvu';
import { defineOp, matmul, mul, run, softplus, sum, tanh, tensor, type Tensor } from '@heed/tensor';
import { caseOf, opSamples, refuses } from '@heed/tensor/testing';
import { checkGradient } from './index.js';

const test = suite('checkGradient');

for (const { name, op, samples } of opSamples) {
  test(`${name} agrees with central differences to second order`, async () => {
    for (const sample of samples) {
      const { x, a } = caseOf(sample);
      await checkGradient((...v) => run(('op' in op ? op.op : op) as never, v, a as never), x);
    }
  });
}

test('takes third derivatives', () => checkGradient((x) => softplus(x), [[0.3, -0.4]], { order: 3 }));

test('takes functions of several arguments and results', () =>
  checkGradient((a, b) => [tanh(matmul(a, b)), sum(mul(a, a))], [[[0.1, 0.2]], [[0.3], [-0.4]]]));

const cube = (factor: number) => defineOp({
  name: 'cube',
  infer: ([x]) => [x!],
  compose: ([x]) => [mul(mul(x!, x!), x!)],
  vjp: [([g], { x: [x] }) => mul(g!, mul(tensor(factor, { dtype: x!.dtype }), mul(x!, x!)))],
});
test('accepts a right rule', () => checkGradient((x: Tensor) => run(cube(3), [x], undefined), [[1, 2]]));

test('refuses a wrong rule, naming argument, order and both numbers', () =>
  refuses(() => checkGradient((_, x) => run(cube(2), [x!], undefined), [0, [1, 2]]),
    /^checkGradient: argument 1, order 1: the gradient gives -?[\d.]+ along a random direction, central differences give -?[\d.]+; they may differ by [\d.e-]+\.$/));

const shy = defineOp({ ...cube(3), name: 'shy', vjp: [([g], { x: [x] }) => mul(g!, tensor(mul(mul(x!, x!), 3).data(), { shape: x!.shape }))] });
test('refuses a rule that is right but cannot be differentiated', () =>
  refuses(() => checkGradient((x: Tensor) => run(shy, [x], undefined), [[1, 2]]), /^checkGradient: argument 0, order 2: the gradient gives 0 along/));

test('refuses an order that is no order', () =>
  refuses(() => checkGradient((x) => x, [1], { order: 0 }), 'checkGradient: order 0; it must be a whole number >= 1.'));

test.run();
