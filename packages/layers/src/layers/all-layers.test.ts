import { suite } from 'uvu';
import { tensor, zeros } from '@heed/tensor';
import { scattered } from '@heed/tensor/testing';
import { checkLayer, type CheckLayerOptions, type LayerSample, type Maker } from '@heed/layers/testing';
import {
  Activation, AveragePooling2D, BatchNormalization, Bidirectional, Concatenate, Conv2D, Dense, Dropout, Embedding, Flatten, GlobalAveragePooling2D, GRU, LayerNormalization, LSTM,
  MaxPooling2D, Reshape, Sequential, SimpleRNN,
} from '../index.js';

const test = suite('every layer');
const images = { masks: 'images have no mask' };
const mask = tensor([[true, true, false, true], [true, false, false, false]]);
const sequence = scattered([2, 4, 3]);
const masked = { x: sequence, mask };

const rows: [string, Maker, readonly LayerSample[], CheckLayerOptions?][] = [
  ['Dense', (o) => new Dense(2, o), [scattered([2, 3]), scattered([1, 2, 3]), masked], { weights: { kernel: [3, 2], bias: [2] } }],
  ['Dense with an activation and penalties', (o) => new Dense(2, { ...o, activation: 'tanh', useBias: false, kernelRegularizer: 'l2', activityRegularizer: 'l1', kernelConstraint: 'unit_norm' }), [masked], { weights: { kernel: [3, 2] } }],
  ['Embedding', (o) => new Embedding(5, 2, { ...o, maskZero: true }), [tensor([[1, 2, 0], [4, 3, 0]], { dtype: 'int32' })], { weights: { embeddings: [5, 2] }, without: { masks: 'the mask comes from the input', 'last axis': 'any number of indices will do' } }],
  ['Conv2D', (o) => new Conv2D(2, [2, 3], { ...o, strides: [1, 2], padding: 'same', activation: 'sigmoid' }), [scattered([2, 4, 5, 3])], { weights: { kernel: [2, 3, 3, 2], bias: [2] }, without: images }],
  ['Conv2D in groups, dilated', (o) => new Conv2D(4, 2, { ...o, groups: 2, dilationRate: 2, useBias: false }), [scattered([1, 5, 5, 2])], { weights: { kernel: [2, 2, 1, 4] }, without: images }],
  ['MaxPooling2D', (o) => new MaxPooling2D(o), [scattered([2, 4, 5, 3])], { without: images }],
  ['AveragePooling2D', (o) => new AveragePooling2D({ ...o, poolSize: 2, strides: 1, padding: 'same' }), [scattered([2, 4, 5, 3])], { without: images }],
  ['GlobalAveragePooling2D', (o) => new GlobalAveragePooling2D(o), [scattered([2, 4, 5, 3])], { without: images }],
  ['Activation', (o) => new Activation('gelu', o), [scattered([2, 3]), masked]],
  ['Flatten', (o) => new Flatten(o), [sequence, scattered([2, 1, 2, 3])], { without: { masks: 'the axis that it is along is gone' } }],
  ['Reshape', (o) => new Reshape([3, -1], o), [sequence], { without: { masks: 'the axis that it is along is gone' } }],
  ['Concatenate', (o) => new Concatenate(o), [[scattered([2, 3]), scattered([2, 1])], { x: [sequence, sequence], mask: [mask, mask] }]],
  ['Dropout', (o) => new Dropout(0.4, { ...o, seed: 3 }), [scattered([2, 3]), masked], { training: true }],
  ['LayerNormalization', (o) => new LayerNormalization(o), [scattered([2, 3]), masked], { weights: { gamma: [3], beta: [3] } }],
  ['LayerNormalization along another axis', (o) => new LayerNormalization({ ...o, axis: 1, center: false, epsilon: 0.1 }), [sequence], { weights: { gamma: [4] }, without: { masks: 'a normalized axis mixes what it hides with the rest', 'last axis': 'it is not the one that has weights' } }],
  ['BatchNormalization', (o) => new BatchNormalization(o), [scattered([4, 3]), masked, scattered([2, 2, 2, 3])], { training: true, weights: { gamma: [3], beta: [3], moving_mean: [3], moving_variance: [3] } }],
  ['SimpleRNN', (o) => new SimpleRNN(2, o), [sequence, masked], { weights: { kernel: [3, 2], recurrent_kernel: [2, 2], bias: [2] } }],
  ['SimpleRNN with dropout', (o) => new SimpleRNN(2, { ...o, dropout: 0.3, recurrentDropout: 0.3, seed: 2, returnSequences: true }), [masked], { training: true }],
  ['LSTM', (o) => new LSTM(2, { ...o, returnSequences: true }), [masked], { weights: { kernel: [3, 8], recurrent_kernel: [2, 8], bias: [8] } }],
  ['LSTM with other activations and dropout', (o) => new LSTM(2, { ...o, activation: 'sigmoid', recurrentActivation: 'tanh', unitForgetBias: false, returnState: true, dropout: 0.3, recurrentDropout: 0.3, seed: 2 }), [masked], { training: true }],
  ['LSTM from a state', (o) => new LSTM(2, { ...o, goBackwards: true }), [{ ...masked, options: { initialState: [zeros([2, 2]), scattered([2, 2])] } }]],
  ['GRU', (o) => new GRU(2, o), [sequence, masked], { weights: { kernel: [3, 6], recurrent_kernel: [2, 6], bias: [2, 6] } }],
  ['GRU with its reset before', (o) => new GRU(2, { ...o, resetAfter: false, recurrentDropout: 0.3, seed: 2, returnSequences: true }), [masked], { training: true, weights: { kernel: [3, 6], recurrent_kernel: [2, 6], bias: [6] } }],
  ['Bidirectional', (o) => new Bidirectional(new GRU(2, { ...o, returnSequences: true, returnState: true }), o), [sequence, masked]],
  ['Bidirectional of two, in sum', (o) => new Bidirectional(new LSTM(2, o), { ...o, mergeMode: 'sum', backwardLayer: new LSTM(2, { ...o, goBackwards: true, activation: 'relu' }) }), [masked]],
  ['Bidirectional with both outputs', (o) => new Bidirectional(new SimpleRNN(2, o), { ...o, mergeMode: null }), [masked]],
  ['Sequential', (o) => new Sequential([new Dense(2, { ...o, activation: 'tanh' }), new Dropout(0.5, { ...o, seed: 1 }), new Dense(1, o)], o), [scattered([2, 3])], { training: true, without: { masks: 'a model gives none' } }],
];
for (const [title, make, samples, o] of rows) test(`${title} holds the laws of every layer`, () => checkLayer(make, samples, o));
test.run();
