import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BatchNormalization, constant, fans, getInitializer, GRU, identity, LSTM, type Initializer, type Layer } from '@heed/layers';
import { closeAll, goldens } from './golden.js';

const test = suite('goldens: initializers');
const { cases } = goldens(import.meta.url, 'initializers');

const fixed: Record<string, Initializer> = { constant: constant({ value: 0.25 }), identity: identity({ gain: 2 }), zeros: getInitializer('zeros'), ones: getInitializer('ones') };
const layers: Record<string, () => Layer> = {
  LSTM: () => new LSTM(2),
  'LSTM without forget bias': () => new LSTM(2, { unitForgetBias: false }),
  GRU: () => new GRU(2),
  BatchNormalization: () => new BatchNormalization(),
};

for (const [name, initializer] of Object.entries(fixed)) {
  test(`${name} agrees with Keras`, () => {
    const expected = cases.get(name)!.all('y');
    closeAll('value', [initializer(expected[0]!.shape, 'float32')], expected);
  });
}
for (const [name, make] of Object.entries(layers)) {
  test(`${name} begins as Keras's does, where nothing is drawn`, () => {
    const layer = make();
    layer.ensureBuilt([1, 3, 2]);
    closeAll('weight', layer.weights.filter((w) => !w.name.includes('kernel')).map((w) => w.value), cases.get(name)!.all('y'));
  });
}
test("a shape's fans are Keras's", () => {
  const golden = cases.get('fans')!;
  golden.all('s').forEach((shape, i) => assert.equal(fans([...shape.data()]), [...golden.get(`y${i}`).data()]));
});
test.run();
