import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import * as layers from './index.js';
import { Adam, Bidirectional, Conv2D, Dense, getInitializer, getOptimizer, LSTM, MaxPooling2D, RMSprop, serialize, SGD, type Initializer, type InitializerLike, type Optimizer, type Written } from './index.js';

const test = suite('configurations');

const initializers: Initializer[] = [
  layers.initZeros(), layers.initOnes(), layers.constant({ value: 3 }), layers.identity({ gain: 2 }), layers.randomUniform({ minval: 1, maxval: 2, seed: 1 }), layers.randomNormal({ mean: 5, seed: 2 }),
  layers.truncatedNormal({ stddev: 2, seed: 3 }), layers.varianceScaling({ scale: 3, mode: 'fan_out', distribution: 'uniform', seed: 4 }), layers.glorotUniform({ seed: 5 }), layers.glorotNormal({ seed: 5 }),
  layers.heUniform({ seed: 5 }), layers.heNormal({ seed: 5 }), layers.lecunUniform({ seed: 5 }), layers.lecunNormal({ seed: 5 }), layers.orthogonal({ gain: 3, seed: 5 }),
];
test('every initializer comes back, and gives the same values', () => {
  for (const make of initializers) close(getInitializer(JSON.parse(JSON.stringify(serialize(make, ''))) as InitializerLike)([3, 3], 'float32'), make([3, 3], 'float32'));
});
test('initializers are written as Keras writes them', () => {
  assert.equal(serialize(layers.heNormal(), ''), { module: 'keras.initializers', class_name: 'HeNormal', config: { seed: null }, registered_name: null });
  assert.equal(serialize(layers.varianceScaling({ scale: 2 }), ''), { module: 'keras.initializers', class_name: 'VarianceScaling', config: { scale: 2, mode: 'fan_in', distribution: 'truncated_normal', seed: null }, registered_name: null });
});
test('what Keras writes of an initializer is read, arguments of none included', () => {
  close(getInitializer({ class_name: 'HeNormal', config: { seed: 5, input_axes: null, output_axes: null } })([3, 3], 'float32'), layers.heNormal({ seed: 5 })([3, 3], 'float32'));
  refuses(() => getInitializer({ class_name: 'HeNormal', config: { seeds: 5 } }), 'HeNormal: there is no argument seeds; there are seed.');
  refuses(() => getInitializer({ class_name: 'Hermite', config: {} }), /^getInitializer: there is no initializer 'Hermite'; use zeros, /);
});

test('a configuration has a value for every argument, with Keras\'s keys', () => {
  assert.equal(new Dense(3, { name: 'd', activation: 'relu' }).getConfig(), {
    name: 'd', trainable: true, dtype: 'float32', units: 3, activation: 'relu', use_bias: true, kernel_initializer: 'glorot_uniform', bias_initializer: 'zeros',
    kernel_regularizer: null, bias_regularizer: null, activity_regularizer: null, kernel_constraint: null, bias_constraint: null,
  });
  assert.equal(new MaxPooling2D({ name: 'p', poolSize: 3 }).getConfig(), { name: 'p', trainable: true, dtype: 'float32', pool_size: [3, 3], strides: [3, 3], padding: 'valid' });
  const { kernel_size, strides, dilation_rate } = new Conv2D(2, 3, { strides: [1, 2] }).getConfig();
  assert.equal([kernel_size, strides, dilation_rate], [[3, 3], [1, 2], [1, 1]]);
});

test('a layer in a layer is written with its class', () => {
  const { layer, backward_layer: backward } = new Bidirectional(new LSTM(2, { name: 'l' }), { backwardLayer: new LSTM(3, { name: 'b', goBackwards: true }) }).getConfig() as Record<string, Written>;
  assert.equal([layer!.class_name, layer!.config.units, backward!.class_name, backward!.config.name], ['LSTM', 2, 'LSTM', 'b']);
});

const optimizers: Optimizer[] = [new SGD({ learningRate: 0.5, momentum: 0.9, nesterov: true, clipvalue: 3 }), new RMSprop({ rho: 0.8, centered: true, globalClipnorm: 1 }), new Adam({ beta1: 0.8, beta2: 0.99, epsilon: 1e-3, amsgrad: true, weightDecay: 0.1, name: 'mine' })];
test('every optimizer comes back, with its learning rate as it is now', () => {
  for (const o of optimizers) {
    o.learningRate.assign(tensor(0.25));
    const again = getOptimizer(JSON.parse(JSON.stringify(serialize(o, ''))) as Written);
    assert.is(again.constructor, o.constructor);
    assert.equal(again.getConfig(), o.getConfig());
    assert.is(again.learningRate.value.item(), 0.25);
  }
  assert.equal(optimizers[2]!.getConfig(), { name: 'mine', learning_rate: 0.25, clipnorm: null, global_clipnorm: null, clipvalue: null, weight_decay: 0.1, beta_1: 0.8, beta_2: 0.99, epsilon: 1e-3, amsgrad: true });
  refuses(() => Adam.fromConfig({ beta1: 0.9 }), 'Adam: a configuration has no key beta1; there are name, learning_rate, clipnorm, global_clipnorm, clipvalue, weight_decay, beta_1, beta_2, epsilon, amsgrad.');
});
test('refuses a class that nobody knows, and values that are no JSON', () => {
  refuses(() => getOptimizer({ class_name: 'Lion', config: {} }), 'getOptimizer: there is no class Lion here; pass { Lion } in customObjects, or registerLayer(Lion) first.');
  refuses(() => serialize(NaN, 'x'), 'x: NaN cannot be written as JSON; it must be a finite number.');
  refuses(() => serialize({ a: [new Map()] }, 'x'), 'x.a[0]: a Map cannot be written as JSON; it needs a getConfig.');
});
test.run();
