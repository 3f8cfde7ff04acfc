import { suite } from 'uvu';
import { AxisError, ones, ShapeError, ValueError, zeros, type Padding } from '@heed/tensor';
import { refuses } from '@heed/tensor/testing';
import { Adam, BatchNormalization, Bidirectional, Conv2D, Dense, Dropout, Embedding, Flatten, Input, LayerNormalization, LSTM, MaxPooling2D, Model, RMSprop, Sequential, SGD, type ModelOptions, type Recurrent } from '../index.js';

const test = suite('refusals of layers');

test('sizes that are none', () => {
  refuses(() => new Dense(1.5), 'Dense: units is 1.5; it must be a whole number >= 1.', ValueError);
  refuses(() => new LSTM(0), 'LSTM: units is 0; it must be a whole number >= 1.', ValueError);
  refuses(() => new Embedding(0, 3), 'Embedding: inputDim is 0; it must be a whole number >= 1.', ValueError);
  refuses(() => new Conv2D(-4, 3), 'Conv2D: filters is -4; it must be a whole number >= 1.', ValueError);
  refuses(() => new Conv2D(4, 0), 'Conv2D: kernelSize is 0; give a whole number >= 1, or two of them.', ValueError);
  refuses(() => new MaxPooling2D({ poolSize: [2, 0] }), 'MaxPooling2D: poolSize is [2,0]; give a whole number >= 1, or two of them.', ValueError);
  refuses(() => Input({ shape: [-1] }), 'Input: shape [-1] has size -1; sizes must be whole numbers >= 0, or null for any size.', ValueError);
  refuses(() => Input({} as { shape: number[] }), 'Input: shape is undefined; give the sizes of one sample, null for any size.', ValueError);
});
test('groups that do not divide', () => refuses(() => new Conv2D(4, 1, { groups: 3 }).apply(ones([1, 2, 2, 3])), 'Conv2D: groups is 3; it must divide the 3 channels of x and the 4 filters.', ValueError));
test('names that nothing has', () => {
  refuses(() => new Dense(1, { activation: 'softmux' }), /^getActivation: there is no activation 'softmux'; use linear, relu, /, ValueError);
  refuses(() => new LSTM(1, { recurrentActivation: 'softmux' }), /^getActivation: there is no activation 'softmux'; use /, ValueError);
  refuses(() => new Dense(1, { kernelInitializer: 'glorot' }), /^getInitializer: there is no initializer 'glorot'; use /, ValueError);
  refuses(() => new Conv2D(4, 3, { padding: 'full' as Padding }), "Conv2D: there is no padding 'full'; use 'valid', 'same' or pairs [[before, after], [before, after]].", ValueError);
});
test('shares and rates out of range', () => {
  refuses(() => new Dropout(1.5), 'Dropout: rate is 1.5; it must be in [0, 1].', ValueError);
  refuses(() => new LSTM(2, { dropout: 1 }), 'LSTM: dropout is 1; it must be in [0, 1).', ValueError);
  refuses(() => new SGD({ learningRate: -1 }), 'SGD: learningRate is -1; it must be >= 0.', ValueError);
  refuses(() => new Adam({ beta1: 2 }), 'Adam: beta1 is 2; it must be in [0, 1).', ValueError);
  refuses(() => new RMSprop({ momentum: 3 }), 'RMSprop: momentum is 3; it must be in [0, 1].', ValueError);
});
test('axes that are not there', () => {
  refuses(() => new BatchNormalization({ axis: 7 }).apply(ones([2, 3])), 'BatchNormalization: axis 7 is out of range for x [2, 3]: rank is 2, so axis must be in [-2, 1].', AxisError);
  refuses(() => new LayerNormalization({ axis: 7 }).apply(ones([2, 3])), 'LayerNormalization: axis 7 is out of range for x [2, 3]: rank is 2, so axis must be in [-2, 1].', AxisError);
  refuses(() => new Flatten().apply(3), 'Flatten: expected x [B, ...], got a scalar.', ShapeError);
});
test('what is no layer, and what is no symbol', () => {
  refuses(() => new Bidirectional(new Dense(3) as unknown as Recurrent), 'Bidirectional: layer is a Dense; it must be recurrent: LSTM, GRU, SimpleRNN or one of your own.', ValueError);
  refuses(() => new Sequential([new Dense(2), ones([1]) as unknown as Dense], { name: 's' }), 's: a Tensor is not a layer; add layers, and an Input first.', ValueError);
  refuses(() => new Model({} as ModelOptions), 'Model: inputs has undefined; give what Input and the apply of layers return.', ValueError);
});
test('recurrent layers: masks, states and twins that do not fit', () => {
  const x = ones([2, 4, 3]);
  const state = ones([2, 5]);
  refuses(() => new LSTM(5).apply(x, { mask: ones([4], { dtype: 'bool' }) }), 'LSTM: the mask is [4]; it must be [2, 4].', ShapeError);
  refuses(() => new LSTM(5).apply(x, { initialState: [state, ones([1, 5])] }), 'LSTM: initialState[1] is [1, 5]; it must be [2, 5].', ShapeError);
  refuses(() => new Bidirectional(new LSTM(5, { name: 'l' })).apply(x, { initialState: [state, state] }), 'Bidirectional: initialState has 2 tensors, it must have 4: those of l, then those of backward_l.', ValueError);
  refuses(() => new Bidirectional(new LSTM(5), { mergeMode: 'avg' as 'ave' }), "Bidirectional: there is no mergeMode 'avg'; use concat, sum, ave, mul or null.", ValueError);
  refuses(() => new Bidirectional(new LSTM(5), { backwardLayer: new LSTM(5) }), 'Bidirectional: layer and backwardLayer both have goBackwards: false; one must read the other way.', ValueError);
  refuses(() => new Bidirectional(new LSTM(5), { backwardLayer: new LSTM(5, { goBackwards: true, returnState: true }) }), 'Bidirectional: layer has returnState: false and backwardLayer true; they must be equal.', ValueError);
});
test('training that cannot be', async () => {
  const model = new Sequential([new Dense(1)], { name: 'm' });
  model.compile({ loss: 'mse', optimizer: 'sgd' });
  await refuses(() => model.fit([[1]], [[1]], { epochs: NaN, verbose: 0 }), 'fit: epochs is NaN; it must be a whole number >= 0.', ValueError);
  await refuses(() => model.fit([[1]], [[1]], { verbose: 7 as 0 }), "fit: verbose is 7; use 0, 1, 2 or 'auto'.", ValueError);
  await refuses(() => model.predict(zeros([0, 1])), 'predict: there are no samples.', ValueError);
});
test.run();
