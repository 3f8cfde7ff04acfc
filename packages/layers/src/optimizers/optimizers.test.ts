import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mul, sum, square, tensor, Variable } from '@heed/tensor';
import { checkOp, close, refuses } from '@heed/tensor/testing';
import { valueAndGrad } from '@heed/autograd';
import { Adam, RMSprop, SGD, type Optimizer } from '../index.js';
import { adamOp as op } from './optimizers.js';

const test = suite('optimizers');
const some = (shape: number[], from: number) => tensor(Float32Array.from({ length: shape.reduce((p, q) => p * q, 1) }, (_, i) => from + ((i * 0.618) % 1)), { shape });

test('adam holds the laws of every op', () => checkOp(op, [
  { x: [some([2, 1, 3], -1), some([2, 1, 3], -0.5), some([2, 1, 3], 0), some([2, 1, 3], 0.1), tensor(0.01)], a: { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } },
  { x: [some([0], 0), some([0], 0), some([0], 0), some([0], 0), tensor(0.01)], a: { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } },
]));

/** Two steps on 0.5 w^2 from w = 1, whose gradient is w. */
const path = (optimizer: Optimizer): number[] => {
  const w = new Variable([1]);
  return [0, 1].map(() => {
    const [, g] = valueAndGrad(() => mul(sum(square(w.value)), 0.5), [w]);
    optimizer.apply(g, [w]);
    return w.value.item();
  });
};

test('SGD steps against the gradient, with and without momentum', () => {
  close(tensor(path(new SGD({ learningRate: 0.1 }))), [0.9, 0.81]);
  // v1 = -0.1, w1 = 0.9; v2 = 0.9 * -0.1 - 0.09 = -0.18, w2 = 0.72
  close(tensor(path(new SGD({ learningRate: 0.1, momentum: 0.9 }))), [0.9, 0.72]);
  // Nesterov: w1 = 1 + 0.9 * -0.1 - 0.1 = 0.81; v2 = -0.09 - 0.081 = -0.171, w2 = 0.81 + 0.9 * -0.171 - 0.081
  close(tensor(path(new SGD({ learningRate: 0.1, momentum: 0.9, nesterov: true }))), [0.81, 0.5751]);
});

test('Adam takes a first step of the learning rate, whatever the gradient', () => {
  assert.ok(Math.abs(path(new Adam({ learningRate: 0.01 }))[0]! - 0.99) < 1e-6);
});

test('RMSprop divides by the root of the running mean square', () => {
  // v1 = 0.1, step = 0.01 / sqrt(0.1)
  assert.ok(Math.abs(path(new RMSprop({ learningRate: 0.01 }))[0]! - (1 - 0.01 / Math.sqrt(0.1))) < 1e-6);
});

test('clips by value and by norm', () => {
  close(tensor(path(new SGD({ learningRate: 1, clipvalue: 0.25 }))), [0.75, 0.5]);
  close(tensor(path(new SGD({ learningRate: 1, globalClipnorm: 0.5 }))), [0.5, 0]);
});

test('refuses two ways of clipping, and gradients that are missing', () => {
  refuses(() => new SGD({ clipnorm: 1, clipvalue: 1 }), 'SGD: give only one of clipnorm, globalClipnorm and clipvalue.');
  refuses(() => new SGD().apply([], [new Variable(1)]), 'SGD: 0 gradients for 1 variables; give one each.');
});
test.run();
