import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cast, div, mul, slice, stack, tensor, Variable, type Tensor } from '@heed/tensor';
import { close } from '@heed/tensor/testing';
import { Adam, RMSprop, SGD, type AdamOptions, type Optimizer, type OptimizerOptions, type RMSpropOptions, type Schedule, type SGDOptions } from '@heed/layers';
import { goldens } from './golden.js';

const test = suite('goldens: optimizers');

/** 0.1 * 0.5^(step / 2). */
const decay: Schedule = (step) => mul(tensor(0.5).pow(div(cast(step, 'float32'), 2)), 0.1);

/** What every optimizer is also asked for. */
const extras: Record<string, OptimizerOptions> = {
  'weight decay': { weightDecay: 0.1 },
  clipnorm: { clipnorm: 0.5 },
  'global clipnorm': { globalClipnorm: 0.5 },
  clipvalue: { clipvalue: 0.3 },
  schedule: { learningRate: decay },
  'schedule and weight decay': { learningRate: decay, weightDecay: 0.1 },
};
const sgd = (o: SGDOptions) => () => new SGD({ learningRate: 0.1, ...o });
const rmsprop = (o: RMSpropOptions) => () => new RMSprop({ learningRate: 0.1, ...o });
const adam = (o: AdamOptions) => () => new Adam({ learningRate: 0.1, ...o });
const cases: Record<string, () => Optimizer> = {
  SGD: sgd({}),
  'SGD momentum': sgd({ momentum: 0.9 }),
  'SGD nesterov': sgd({ momentum: 0.9, nesterov: true }),
  RMSprop: rmsprop({}),
  'RMSprop rho': rmsprop({ rho: 0.5, epsilon: 1e-3 }),
  'RMSprop momentum': rmsprop({ momentum: 0.9 }),
  'RMSprop centered': rmsprop({ centered: true }),
  'RMSprop centered momentum': rmsprop({ centered: true, momentum: 0.9 }),
  Adam: adam({}),
  'Adam betas': adam({ beta1: 0.5, beta2: 0.9, epsilon: 1e-3 }),
  'Adam amsgrad': adam({ amsgrad: true }),
  'Adam amsgrad weight decay': adam({ amsgrad: true, weightDecay: 0.1 }),
  ...Object.fromEntries([['SGD', sgd], ['RMSprop', rmsprop], ['Adam', adam]].flatMap(([name, make]) =>
    Object.entries(extras).map(([title, o]) => [`${name as string} ${title}`, (make as typeof sgd)(o)]))),
};

const { cases: recorded } = goldens(import.meta.url, 'optimizers');
const given = recorded.get('given')!;
const gradients = given.all('g');

for (const [name, make] of Object.entries(cases)) {
  test(`${name} moves variables and slots as Keras does, for five steps`, () => {
    const optimizer = make();
    const variables = given.all('v').map((v, i) => new Variable(v, { name: `v${i}` }));
    optimizer.build(variables);
    const state = [...variables, ...optimizer.variables.slice(2)]; // without the step and the rate
    const seen = state.map((): Tensor[] => []);
    for (let step = 0; step < 5; step++) {
      optimizer.apply(gradients.map((g) => slice(g, step)), variables);
      state.forEach((v, i) => seen[i]!.push(v.value));
    }
    const golden = recorded.get(name)!;
    assert.equal(state.map((v) => v.name).sort(), Object.keys(golden.tensors).sort());
    state.forEach((v, i) => close(stack(seen[i]!), golden.get(v.name)));
  });
}
test('every optimizer that was recorded is tested', () => assert.equal([...recorded.keys()].filter((name) => name !== 'given').sort(), Object.keys(cases).sort()));
test.run();
