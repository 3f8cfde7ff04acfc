import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { random, slice, type Tensor } from '@heed/tensor';
import { refuses } from '@heed/tensor/testing';
import { Adam, BatchNormalization, Dense, Dropout, Sequential, setRandomSeed, type DatasetBatch, type FitOptions } from './index.js';

const test = suite('batches');
const [x, y] = [random.normal([12, 3], { seed: 1 }), random.normal([12, 1], { seed: 2 })];
const make = () => {
  setRandomSeed(4);
  const model = new Sequential([new Dense(4, { activation: 'tanh' }), new BatchNormalization(), new Dropout(0.2, { seed: 1 }), new Dense(1)]);
  model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: 'mse' });
  return model;
};
const bits = (model: Sequential) => [...model.getWeights(), ...model.optimizer.variables.map((v) => v.value)].map((w: Tensor) => Array.from(w.data()));
const straight = async (o: FitOptions) => {
  const model = make();
  const { history } = await model.fit(x, y, { batchSize: 4, shuffle: false, verbose: 0, ...o });
  return { history, bits: bits(model) };
};
function* batches(): Generator<DatasetBatch> {
  for (let from = 0; from < 12; from += 4) yield [slice(x, [from, from + 4]), slice(y, [from, from + 4])];
}

test('a dataset trains as the arrays that it is cut from', async () => {
  const expected = await straight({ epochs: 2 });
  const kinds = { sync: { [Symbol.iterator]: batches }, async: { async *[Symbol.asyncIterator]() { yield* batches(); } } };
  for (const data of Object.values(kinds)) {
    const model = make();
    const { history } = await model.fit(data, { epochs: 2, verbose: 0 });
    assert.equal(history, expected.history);
    assert.equal(bits(model), expected.bits);
  }
  const model = make();
  await model.fit(kinds.sync, null, { epochs: 2, verbose: 0 });
  assert.equal(bits(model), expected.bits);
});

test('with stepsPerEpoch a dataset goes on where it stopped, and begins again at its end', async () => {
  const model = make();
  const { history } = await model.fit({ [Symbol.iterator]: batches }, { epochs: 3, stepsPerEpoch: 2, verbose: 0 });
  assert.is(history.loss!.length, 3);
  assert.equal(bits(model), (await straight({ epochs: 2 })).bits);
});

test('with stepsPerEpoch arrays give that many batches', async () => {
  const model = make();
  await model.fit(x, y, { batchSize: 4, shuffle: false, stepsPerEpoch: 2, epochs: 1, verbose: 0 });
  const short = make();
  await short.fit(slice(x, [0, 8]), slice(y, [0, 8]), { batchSize: 4, shuffle: false, verbose: 0 });
  assert.equal(bits(model), bits(short));
});

test('weights of samples come with the batches', async () => {
  const w = [1, 2, 0, 1];
  const model = make();
  await model.fit({ *[Symbol.iterator]() { for (const [bx, by] of batches()) yield [bx, by, w] as const; } }, { verbose: 0 });
  assert.equal(bits(model), (await straight({ sampleWeight: [...w, ...w, ...w] })).bits);
});

test('an abort between steps leaves a model that goes on as if nothing had happened', async () => {
  const model = make();
  const controller = new AbortController();
  const { epoch } = await model.fit(x, y, { batchSize: 4, shuffle: false, epochs: 5, verbose: 0, signal: controller.signal, callbacks: [{ onBatchEnd: () => { if (model.optimizer.iterations.value.item() === 5) controller.abort(); } }] });
  assert.equal(epoch, [0]);
  const stopped = make();
  await stopped.fit({ [Symbol.iterator]: batches }, { epochs: 1, stepsPerEpoch: 5, verbose: 0 });
  assert.equal(bits(model), bits(stopped));
  await model.fit([...batches()].at(-1)![0], [...batches()].at(-1)![1], { verbose: 0, batchSize: 4, shuffle: false });
  assert.equal(bits(model), (await straight({ epochs: 2 })).bits);
});

test('an abort closes the dataset', async () => {
  const controller = new AbortController();
  let closed = false;
  function* endless(): Generator<DatasetBatch> {
    try {
      for (;;) yield* batches();
    } finally {
      closed = true;
    }
  }
  await make().fit(endless(), { epochs: 1, verbose: 0, signal: controller.signal, callbacks: [{ onBatchEnd: (step) => { if (step === 4) controller.abort(); } }] });
  assert.ok(closed);
});

test('predictOnBatch gives what predict gives', async () => {
  const model = make();
  assert.equal(Array.from((model.predictOnBatch(x) as Tensor).data()), Array.from(((await model.predict(x, { batchSize: 12 })) as Tensor).data()));
});

test('refuses datasets that are spent, and what does not go with them', async () => {
  await refuses(() => make().fit(batches(), { epochs: 2, verbose: 0 }), 'fit: the dataset gave no batch in epoch 2; a generator can be walked only once, so pass what gives a new iterator each time, or { stepsPerEpoch }.');
  await refuses(() => make().fit([][Symbol.iterator]() as never, { verbose: 0, stepsPerEpoch: 2 }), /^fit: the dataset gave no batch in epoch 1; /);
  await refuses(() => make().fit(batches() as never, y, {}), 'fit: a dataset was given with y; its batches [x, y] have the targets, so leave y out.');
  await refuses(() => make().fit(batches(), { validationSplit: 0.5 }), 'fit: a dataset takes no validationSplit and no sampleWeight; give validationData, and weights in its batches [x, y, sampleWeight].');
  await refuses(() => make().fit(x, undefined as never), 'fit: there is no y; give the targets, or a dataset of batches [x, y] as x.');
  await refuses(() => make().fit(x, y, { stepsPerEpoch: 0 }), 'fit: stepsPerEpoch is 0; it must be a whole number >= 1.');
});
test.run();
