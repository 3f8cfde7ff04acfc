import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cast, div, mul, tensor, type Tensor } from '@heed/tensor';
import {
  Activation, Adam, AveragePooling2D, BatchNormalization, Bidirectional, Concatenate, Conv2D, Dense, Embedding, Flatten, GRU, Input, LayerNormalization, LSTM, MaxPooling2D, Model,
  RMSprop, Sequential, SGD, type CompileOptions, type FitOptions, type Schedule,
} from '@heed/layers';
import { closeAll, goldens } from './golden.js';

const test = suite('goldens: training');

const mlp = (activation = 'softmax', units = 3) => new Sequential([Input({ shape: [4] }), new Dense(5, { activation: 'tanh' }), new Dense(units, { activation })]);
const normalized = () => new Sequential([Input({ shape: [4] }), new Dense(5), new BatchNormalization({ momentum: 0.5 }), new Activation('relu'), new LayerNormalization(), new Dense(2)]);
const frozen = () => new Sequential([Input({ shape: [4] }), new Dense(5, { trainable: false }), new BatchNormalization({ trainable: false }), new Dense(3, { activation: 'softmax' })]);
const words = () => [Input({ shape: [5], dtype: 'int32' }), new Embedding(6, 3, { maskZero: true })];
const tagger = () => new Sequential([...words(), new LSTM(4, { returnSequences: true }), new Dense(3, { activation: 'softmax' })]);
const reader = () => new Sequential([...words(), new Bidirectional(new GRU(3)), new Dense(1, { activation: 'sigmoid' })]);
const classifier = () => new Sequential([
  Input({ shape: [8, 8, 1] }), new Conv2D(3, 3, { activation: 'relu' }), new MaxPooling2D(), new Conv2D(2, 2, { padding: 'same', activation: 'relu' }),
  new AveragePooling2D({ padding: 'same' }), new Flatten(), new Dense(3, { activation: 'softmax' }),
]);
const branches = () => {
  const [a, b] = [Input({ shape: [4], name: 'a' }), Input({ shape: [2], name: 'b' })];
  const joined = new Concatenate({ name: 'joined' }).apply([new Dense(3, { activation: 'relu', name: 'wide' }).apply(a), b]);
  const kind = new Dense(3, { activation: 'softmax', name: 'kind' }).apply(joined);
  const size = new Dense(1, { name: 'size' }).apply(new Dense(4, { activation: 'tanh', name: 'deep' }).apply(joined));
  return new Model({ inputs: [a, b], outputs: [kind, size] });
};
const decay: Schedule = (step) => mul(tensor(0.5).pow(div(cast(step, 'float32'), 2)), 0.02);
const sparse = 'sparse_categorical_crossentropy';

type Run = readonly [make: () => Sequential | Model, compile: CompileOptions, fit?: FitOptions];
const runs: Record<string, () => Run> = {
  mlp: () => [mlp, { optimizer: new SGD({ learningRate: 0.1 }), loss: sparse, metrics: ['accuracy'] }, { validationSplit: 0.25 }],
  'mlp one-hot': () => [mlp, { optimizer: new Adam({ learningRate: 0.05 }), loss: 'categorical_crossentropy', metrics: ['accuracy', 'mse'] }],
  'mlp binary': () => [() => mlp('sigmoid', 1), { optimizer: 'rmsprop', loss: 'binary_crossentropy', metrics: ['accuracy'] }],
  'batch statistics': () => [normalized, { optimizer: new SGD({ learningRate: 0.1, momentum: 0.9 }), loss: 'mse' }, { validationSplit: 0.25 }],
  'two convolutions': () => [classifier, { optimizer: new Adam({ learningRate: 0.01 }), loss: sparse, metrics: ['acc'] }],
  'masked steps': () => [tagger, { optimizer: new Adam({ learningRate: 0.05 }), loss: sparse, metrics: ['accuracy'] }, { validationSplit: 0.3 }],
  'masked and weighted steps': () => [tagger, { optimizer: new SGD({ learningRate: 0.5 }), loss: sparse, metrics: ['accuracy'] }],
  'masked reader': () => [reader, { optimizer: new Adam({ learningRate: 0.05, globalClipnorm: 0.1 }), loss: 'binary_crossentropy', metrics: ['accuracy'] }],
  'class weights': () => [mlp, { optimizer: new SGD({ learningRate: 0.1 }), loss: sparse, metrics: ['accuracy'] }, { classWeight: { 0: 2, 2: 0.5 }, validationSplit: 0.25 }],
  'sample weights': () => [mlp, { optimizer: new SGD({ learningRate: 0.1 }), loss: sparse, metrics: ['accuracy'] }, { validationSplit: 0.25 }],
  'two outputs': () => [branches, { optimizer: new SGD({ learningRate: 0.1 }), loss: [sparse, 'mse'], lossWeights: [1, 0.5], metrics: [['accuracy'], ['mse']] }, { validationSplit: 0.25 }],
  'two outputs, one loss for both': () => [branches, { optimizer: new SGD({ learningRate: 0.1 }), loss: 'mse' }],
  'frozen layers': () => [frozen, { optimizer: new SGD({ learningRate: 0.1 }), loss: sparse }],
  'decay and schedule': () => [mlp, { optimizer: new RMSprop({ learningRate: decay, weightDecay: 0.1, clipnorm: 0.5 }), loss: sparse }],
};

const { cases, facts } = goldens(import.meta.url, 'training');

/** Numbers by name, as tensors, to compare like the others. */
const asTensors = (values: Readonly<Record<string, number | readonly number[]>>): [string[], Tensor[]] => {
  const names = Object.keys(values).sort();
  return [names, names.map((name) => tensor(values[name] as number | number[], { dtype: 'float32' }))];
};
const same = (what: string, found: Readonly<Record<string, number | readonly number[]>>, expected: Readonly<Record<string, number | readonly number[]>>) => {
  const [[names, values], [keys, wanted]] = [asTensors(found), asTensors(expected)];
  assert.equal(names, keys, what);
  closeAll(`${what} ${names.join(' ')}`, values, wanted);
};

for (const [name, given] of Object.entries(runs)) {
  for (const jitCompile of [true, false]) {
    test(`${name}: fit, evaluate and predict agree with Keras, ${jitCompile ? 'jitted' : 'op by op'}`, async () => {
      const golden = cases.get(name)!;
      const { history, evaluate } = facts[name] as { history: Record<string, number[]>; evaluate: Record<string, number> };
      const [make, compile, fit = {}] = given();
      const model = make();
      model.setWeights(golden.all('w'));
      model.compile({ ...compile, jitCompile });
      const [x, y, [sampleWeight]] = [golden.all('x'), golden.all('y'), golden.all('sw')];
      const found = await model.fit(x, y, { batchSize: 4, epochs: 3, shuffle: false, verbose: 0, sampleWeight, ...fit });
      same('history', found.history, history);
      closeAll('weight', model.getWeights(), golden.all('f'));
      same('evaluation', await model.evaluate(x, y, { batchSize: 4, sampleWeight }), evaluate);
      const predictions = (await model.predict(x, { batchSize: 4 })) as Tensor | Tensor[];
      closeAll('prediction', Array.isArray(predictions) ? predictions : [predictions], golden.all('p'));
    });
  }
}
test('every run that was recorded is tested', () => assert.equal([...cases.keys()].sort(), Object.keys(runs).sort()));
test.run();
