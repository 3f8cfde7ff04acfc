import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mul, ones, random, sqrt, square, sum, tensor, Variable, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { Conv2D, Dense, getConstraint, maxNorm, minMaxNorm, nonNeg, Sequential, serialize, SGD, unitNorm, type ConstraintLike } from './index.js';

const test = suite('constraints');
const w = tensor([[3, 0.3], [-4, 0.4]]); // norms 5 and 0.5 along axis 0
const norms = (t: Tensor) => sqrt(sum(square(t), { axis: 0 }));

test('nonNeg, maxNorm, unitNorm and minMaxNorm bring norms to what they allow and keep directions', () => {
  close(nonNeg()(w), [[3, 0.3], [0, 0.4]]);
  close(norms(maxNorm()(w)), [2, 0.5]);
  close(norms(unitNorm()(w)), [1, 1]);
  close(norms(minMaxNorm({ minValue: 0.8, maxValue: 2 })(w)), [2, 0.8]);
  close(norms(minMaxNorm({ minValue: 0.8, maxValue: 2, rate: 0.5 })(w)), [3.5, 0.65]);
  close(maxNorm()(w), mul(w, [[0.4, 1]]));
});

test('a norm is taken over the axes that are named', () => {
  close(sum(square(unitNorm({ axis: 1 })(w)), { axis: 1 }), [1, 1]);
  close(sum(square(unitNorm({ axis: [0, 1] })(w))), 1);
});

test('a second application changes nothing', () => {
  const v = random.normal([4, 3], { seed: 1 });
  for (const c of [nonNeg(), maxNorm(), unitNorm(), minMaxNorm({ minValue: 0.5 })]) close(c(c(v)), c(v));
});

test('a weight of zeros stays', () => {
  for (const c of [maxNorm(), unitNorm()]) close(c(tensor([[0], [0]])), [[0], [0]]);
});

test('weights are constrained after each step of the optimizer, jitted or not', async () => {
  for (const jitCompile of [true, false]) {
    const model = new Sequential([new Dense(2, { kernelConstraint: 'max_norm', biasConstraint: nonNeg() })]);
    model.compile({ loss: 'mse', optimizer: new SGD({ learningRate: 1 }), jitCompile });
    await model.fit(ones([4, 3]), mul(ones([4, 2]), [[-50, 50]]), { epochs: 1, verbose: 0 });
    const [kernel, bias] = model.getWeights() as [Tensor, Tensor];
    close(norms(kernel), [2, 2], { rtol: 1e-5 });
    assert.is(bias.data()[0], 0);
    assert.ok(bias.data()[1]! > 1);
  }
});

test('an optimizer of your own loop obeys them too', () => {
  const layer = new Dense(1, { kernelConstraint: nonNeg(), useBias: false });
  layer.apply([[1, 1]]);
  new SGD({ learningRate: 10 }).apply([tensor([[1], [-1]])], [layer.kernel]);
  assert.equal(Array.from(layer.kernel.value.data(), (v) => v > 5 || v === 0), [true, true]);
  const free = new Variable([1]);
  new SGD({ learningRate: 10 }).apply([tensor([1])], [free]);
  close(free.value, [-9]);
});

test('configurations come back, with Keras\'s keys', () => {
  assert.equal(serialize(minMaxNorm({ minValue: 0.5, axis: [0, 1] }), ''), { module: 'keras.constraints', class_name: 'MinMaxNorm', config: { min_value: 0.5, max_value: 1, rate: 1, axis: [0, 1] }, registered_name: null });
  for (const c of [nonNeg(), maxNorm({ maxValue: 1.5 }), unitNorm({ axis: 1 }), minMaxNorm({ maxValue: 0.7 })]) close(getConstraint(serialize(c, '') as ConstraintLike)!(w), c(w));
  const { kernel_constraint: written } = new Conv2D(2, 3, { kernelConstraint: maxNorm({ axis: [0, 1, 2] }) }).getConfig();
  assert.equal(written, { module: 'keras.constraints', class_name: 'MaxNorm', config: { max_value: 2, axis: [0, 1, 2] }, registered_name: null });
});

test('refuses what is none', () => {
  refuses(() => getConstraint('max'), "getConstraint: there is no constraint 'max'; use non_neg, max_norm, unit_norm, min_max_norm.");
});
test.run();
