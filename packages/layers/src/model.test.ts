import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { random, tensor, Variable, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { Adam, BatchNormalization, Concatenate, Conv2D, Dense, Dropout, Embedding, Flatten, GRU, Input, LSTM, MaxPooling2D, Model, Sequential, setRandomSeed } from './index.js';

const test = suite('model');

const xor = { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [[0], [1], [1], [0]] };

test('learns XOR', async () => {
  setRandomSeed(7);
  const model = new Sequential([new Dense(8, { activation: 'tanh' }), new Dense(1, { activation: 'sigmoid' })]);
  model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: 'binary_crossentropy', metrics: ['accuracy'] });
  const { history } = await model.fit(xor.x, xor.y, { epochs: 200, verbose: 0, seed: 1 });
  assert.is(history.accuracy!.at(-1), 1);
  assert.ok(history.loss!.at(-1)! < 0.1);
  const p = await model.predict(xor.x);
  assert.equal(Array.from((p as Tensor).data(), Math.round), [0, 1, 1, 0]);
});

/** A network with every kind of state: dropout, batch statistics, recurrence. */
const everything = () => {
  setRandomSeed(3);
  const image = Input({ shape: [6, 6, 1] });
  const words = Input({ shape: [4], dtype: 'int32' });
  const seen = new Flatten().apply(new MaxPooling2D().apply(new Conv2D(3, 3, { activation: 'relu' }).apply(image)));
  const read = new GRU(5).apply(new LSTM(4, { returnSequences: true }).apply(new Embedding(9, 3, { maskZero: true }).apply(words)));
  const joined = new Dropout(0.3, { seed: 5 }).apply(new BatchNormalization().apply(new Concatenate().apply([seen, read])));
  return new Model({ inputs: [image, words], outputs: new Dense(3, { activation: 'softmax' }).apply(joined) });
};

test('trains the same jitted and eager, with dropout, batch statistics and recurrence', async () => {
  const x = [random.normal([16, 6, 6, 1], { seed: 1 }), tensor(Int32Array.from({ length: 64 }, (_, i) => (i * 7) % 9), { shape: [16, 4] })];
  const y = tensor(Int32Array.from({ length: 16 }, (_, i) => i % 3));
  const runs = [];
  for (const jitCompile of [true, false]) {
    const model = everything();
    model.compile({ optimizer: new Adam({ learningRate: 0.01, globalClipnorm: 1, epsilon: 1e-3 }), loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'], jitCompile });
    const { history } = await model.fit(x, y, { batchSize: 6, epochs: 4, validationSplit: 0.25, verbose: 0, seed: 2 });
    runs.push({ history, weights: model.getWeights() });
  }
  const [jitted, eager] = runs as [(typeof runs)[0], (typeof runs)[0]];
  assert.equal(Object.keys(jitted.history), ['accuracy', 'loss', 'val_accuracy', 'val_loss']);
  for (const key of Object.keys(jitted.history)) jitted.history[key]!.forEach((v, i) => assert.ok(Math.abs(v - eager.history[key]![i]!) < 1e-4, `${key} ${i}: ${v} ${eager.history[key]![i]}`));
  jitted.weights.forEach((w, i) => close(w, eager.weights[i]!, { rtol: 1e-3, atol: 1e-4 }));
});

test('keeps a value that was held across a step', async () => {
  setRandomSeed(1);
  const model = new Sequential([new Dense(1)]);
  model.compile({ optimizer: 'sgd', loss: 'mse' });
  await model.fit(xor.x, xor.y, { epochs: 1, verbose: 0 });
  const held = model.weights[0]!.value;
  const before = Array.from(held.data());
  await model.fit(xor.x, xor.y, { epochs: 3, verbose: 0 });
  assert.equal(Array.from(held.data()), before);
  assert.not.equal(Array.from(model.weights[0]!.value.data()), before);
});

test('prints shapes and parameters', () => {
  const model = new Sequential([Input({ shape: [28, 28, 1] }), new Conv2D(32, 3, { name: 'c' }), new MaxPooling2D({ name: 'p' }), new Flatten({ name: 'f' }), new Dense(10, { name: 'd' })], { name: 'digits' });
  const text = model.summary({ print: false });
  for (const part of ['Model: "digits"', '(None, 26, 26, 32)', '(None, 13, 13, 32)', '(None, 5408)', '(None, 10)', '320', '54,090', 'Total params: 54,410 (212.54 KB)']) assert.ok(text.includes(part), `${part} in\n${text}`);
});

test('stops when it is told to, between steps', async () => {
  const model = new Sequential([new Dense(1)]);
  model.compile({ optimizer: 'sgd', loss: 'mse' });
  const controller = new AbortController();
  const { epoch } = await model.fit(xor.x, xor.y, { epochs: 50, verbose: 0, signal: controller.signal, callbacks: [{ onEpochEnd: (e) => { if (e === 2) controller.abort(); } }] });
  assert.equal(epoch, [0, 1, 2]);
});

test('refuses to learn before it is compiled, and samples that differ in number', async () => {
  const model = new Sequential([new Dense(1)], { name: 'm' });
  refuses(() => model.fit(xor.x, xor.y), 'm: call compile({ loss, optimizer }) before fit or evaluate.');
  model.compile({ optimizer: 'sgd', loss: 'mse' });
  await refuses(() => model.fit([[1], [2]], [[1]]), 'fit: x has 2 samples, another input or target has shape [1, 1]; all must have as many.');
  assert.ok(new Variable(1).trainable);
});

test.run();
