import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AveragePooling2D, BatchNormalization, Concatenate, Conv2D, Dense, Flatten, GlobalAveragePooling2D, Input, LSTM, MaxPooling2D, Model, Sequential, type LayerOptions, type Symbolic,
} from '@heed/layers';
import { goldens } from './golden.js';

const test = suite('goldens: summaries');

/** The names that the script gives: the place of a layer in the model. */
const at = (i: number): LayerOptions => ({ name: `layer_${i}` });

const branches = (name: string) => {
  const [a, b] = [Input({ shape: [4], name: 'a' }), Input({ shape: [2], name: 'b' })];
  const joined = new Concatenate({ name: 'joined' }).apply([new Dense(3, { activation: 'relu', name: 'wide' }).apply(a), b]);
  const kind = new Dense(3, { activation: 'softmax', name: 'kind' }).apply(joined);
  const size = new Dense(1, { name: 'size' }).apply(new Dense(4, { activation: 'tanh', name: 'deep' }).apply(joined));
  return new Model({ inputs: [a, b], outputs: [kind, size], name });
};

const models: Record<string, (name: string) => Sequential | Model | Promise<Model>> = {
  mlp: (name) => new Sequential([Input({ shape: [4] }), new Dense(5, at(0)), new Dense(3, at(1))], { name }),
  classifier: (name) => new Sequential([
    Input({ shape: [8, 8, 1] }), new Conv2D(3, 3, at(0)), new MaxPooling2D(at(1)), new Conv2D(2, 2, { padding: 'same', ...at(2) }), new AveragePooling2D({ padding: 'same', ...at(3) }),
    new Flatten(at(4)), new Dense(3, at(5)),
  ], { name }),
  branches,
  chain: (name) => {
    const x = Input({ shape: [6], ...at(0) });
    return new Model({ inputs: x, outputs: new Dense(2, at(3)).apply(new BatchNormalization(at(2)).apply(new Dense(1200, at(1)).apply(x))), name });
  },
  shared: (name) => {
    const [a, b] = [Input({ shape: [3], ...at(0) }), Input({ shape: [3], ...at(1) })];
    const twice = new Dense(4, at(2));
    return new Model({ inputs: [a, b], outputs: new Dense(1, at(4)).apply(new Concatenate(at(3)).apply([twice.apply(a), twice.apply(b)])), name });
  },
  states: (name) => {
    const x = Input({ shape: [5, 3], ...at(0) });
    const [y, h] = new LSTM(4, { returnSequences: true, returnState: true, ...at(1) }).apply(x) as Symbolic[];
    return new Model({ inputs: x, outputs: [y!, h!], name });
  },
  trained: async (name) => {
    const model = branches(name);
    model.compile({ optimizer: 'adam', loss: ['sparse_categorical_crossentropy', 'mse'] });
    const golden = goldens(import.meta.url, 'training').cases.get('two outputs')!;
    await model.fit(golden.all('x'), golden.all('y'), { verbose: 0 });
    return model;
  },
  frozen: (name) => new Sequential([Input({ shape: [4] }), new Dense(3, { trainable: false, ...at(0) }), new Dense(2, at(1))], { name }),
  unbuilt: (name) => new Sequential([new Dense(3, at(0)), new Flatten(at(1))], { name }),
  'a model': (name) => new Sequential([Input({ shape: [28, 28, 1] }), new GlobalAveragePooling2D({ name: 'a_name_that_is_longer_than_its_column' }), new Dense(1, at(1))], { name }),
};

const texts = readFileSync(new URL('summaries.txt', import.meta.url), 'utf8').trimEnd().split('\n\n');
const recorded = new Map(texts.map((text) => [/^Model: "(.*)"/.exec(text)![1]!, text]));
for (const [name, make] of Object.entries(models)) {
  test(`the summary of ${name} is Keras's, to the letter`, async () => assert.fixture((await make(name)).summary({ print: false }), recorded.get(name)!));
}
test('every summary that was recorded is tested', () => assert.equal([...recorded.keys()].sort(), Object.keys(models).sort()));
test.run();
