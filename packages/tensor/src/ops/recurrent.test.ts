import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gruStep, lstmStep, sigmoid, tanh, zeros, run } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';
import { lstmStepOp } from './recurrent.js';

const test = suite('recurrent');

test('gruStep keeps the state where the update gate is open', () => {
  const h = scattered([2, 3], -1, 1);
  const x = zeros([2, 9]).toArray() as number[][];
  x.forEach((row) => row.fill(50, 0, 3));
  close(gruStep(x, zeros([2, 9]), h), h);
});

test('gruStep halves the state where everything else is 0', () => close(gruStep([[0, 0, 0]], [[0, 0, 0]], [[0.5]]), [[0.25]]));

test('lstmStep gives the hidden state as the gated tanh of the cell', () => {
  const gates = scattered([2, 12]);
  const [h, c] = lstmStep(gates, scattered([2, 3], -1, 1, 4));
  close(h, sigmoid(gates.slice(null, [9, 12])).mul(tanh(c)));
});

test('lstmStep has a gradient of the cell alone, 0 for the output gate', () => {
  const gates = scattered([1, 8]);
  const x = [gates, zeros([1, 2])];
  const saved = { x, y: run(lstmStepOp, x, undefined), a: undefined };
  const { joint } = lstmStepOp.vjp as Exclude<typeof lstmStepOp.vjp, 'compose' | readonly unknown[]>;
  const [gx] = joint([null, scattered([1, 2]), null, null, null, null, null], saved, [true, false]);
  assert.equal(gx!.slice(null, [6, 8]).toArray(), [[0, 0]]);
});

test('gruStep and lstmStep take the largest dtype of what they are given', () => {
  assert.is(gruStep(zeros([1, 3], { dtype: 'float64' }), zeros([1, 3]), zeros([1, 1])).dtype, 'float64');
  assert.equal(lstmStep(zeros([1, 4], { dtype: 'int32' }), zeros([1, 1])).map((y) => y.dtype), ['float32', 'float32']);
});

test('gruStep refuses a state without an axis', () => refuses(() => gruStep(1, 1, 1), 'gruStep: h [] has no axis of units; it must be [..., units].'));
test('lstmStep refuses gates that are not four times as wide as the cell', () =>
  refuses(() => lstmStep([[1, 2, 3]], [[1]]), 'lstmStep: gates [1, 3] does not fit c [1, 1]; it must be [1, 4].'));

test.run();
