import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ones, random, ShapeError, tensor, zeros, type Tensor } from '@heed/tensor';
import { refuses } from '@heed/tensor/testing';
import { attachMask, BatchNormalization, Dense, Input, LSTM, MeanSquaredError, Model, Sequential, setRandomSeed } from './index.js';

const test = suite('training');

const twoOutputs = (metrics: string[] = []) => {
  const x = Input({ shape: [2] });
  const model = new Model({ inputs: x, outputs: [new Dense(1, { name: 'a' }).apply(x), new Dense(1, { name: 'b' }).apply(x)], name: 'm' });
  model.compile({ optimizer: 'sgd', loss: 'mse', metrics });
  return model;
};

test('validates with the weights that come with validationData', async () => {
  const [x, y, w] = [random.normal([6, 2], { seed: 1 }), random.normal([6, 1], { seed: 2 }), tensor([0, 1, 2, 0.5, 0, 3])];
  const model = new Sequential([new Dense(1)]);
  model.compile({ optimizer: 'sgd', loss: 'mse' });
  const { history } = await model.fit(x, y, { verbose: 0, validationData: [x, y, w] });
  assert.equal(history.val_loss, [(await model.evaluate(x, y, { sampleWeight: w })).loss]);
});

test('logs a loss for each output, where there are several', async () => {
  const [x, y] = [ones([2, 2]), zeros([2, 1])];
  const found = await twoOutputs(['mse', 'mse']).evaluate(x, [y, y]);
  assert.equal(Object.keys(found), ['loss', 'a_loss', 'b_loss', 'a_mse', 'b_mse']);
  assert.is(found.loss, Math.fround(found.a_loss! + found.b_loss!));
});

test('refuses weights that fit no sample, and metrics that fit no output', async () => {
  const [x, y] = [ones([2, 2]), zeros([2, 1])];
  const model = new Sequential([new Dense(1)]);
  model.compile({ optimizer: 'sgd', loss: 'mse' });
  await refuses(() => model.fit(x, y, { sampleWeight: [1, 2, 3] }), 'fit: sampleWeight [3] must be [2], one weight per sample, or [2, ...], one per step.', ShapeError);
  await refuses(() => twoOutputs().fit(x, [y, y], { classWeight: { 0: 2 } }), 'fit: classWeight is for models with one output; give sampleWeight.');
  refuses(() => twoOutputs(['mse']), 'compile: metrics has 1 for the 2 outputs of m; give one for each, a metric or a list of them.');
});

test('refuses masks of another shape, and unknown reductions', () => {
  const x = ones([2, 3, 4]);
  attachMask(x, tensor([[true], [false]]));
  refuses(() => new BatchNormalization().apply(x, { training: true }), 'BatchNormalization: mask [2, 1] does not fit x [2, 3, 4]; it must be [2, 3].', ShapeError);
  // @ts-expect-error: not a reduction
  refuses(() => new MeanSquaredError({ reduction: 'average' }), "MeanSquaredError: there is no reduction 'average'; use sum_over_batch_size, mean, mean_with_sample_weight, sum, none.");
});

test('in slices it learns and answers the same, and others have their turn', async () => {
  const [x, y] = [random.normal([64, 20, 8], { seed: 1 }), random.normal([64, 1], { seed: 2 })];
  const trained = async (sliceMs?: number, jitCompile = true) => {
    setRandomSeed(1);
    const model = new Sequential([new LSTM(16, { dropout: 0.2 }), new Dense(1)]);
    model.compile({ optimizer: 'adam', loss: 'mse', jitCompile });
    const { history } = await model.fit(x, y, { epochs: 2, verbose: 0, sliceMs, validationSplit: 0.25, seed: 3 });
    return { history, answers: ((await model.predict(x, { sliceMs })) as Tensor).toArray() };
  };
  const wanted = await trained();
  let [turns, over] = [0, false];
  const work = trained(1).finally(() => { over = true; });
  for (; !over; turns++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(await work, wanted);
  assert.ok(turns > 10, `${turns} turns`);
  await refuses(() => trained(1, false), 'sliceMs: steps that run op by op (jitCompile: false) are not sliced; leave one of the two out.');
});

test.run();
