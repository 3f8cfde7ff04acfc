import { Activation, Concatenate, Dense, Dropout, Embedding, Flatten, Reshape } from '@heed/layers';
import { agree, type Layers } from './golden.js';

const each = (names: readonly string[], prefix: string, make: (name: string) => () => ReturnType<Layers[string]>): Layers =>
  Object.fromEntries(names.map((name) => [`${prefix} ${name}`, make(name)]));

agree(import.meta.url, 'core', {
  ...each(['linear', 'relu', 'sigmoid', 'tanh', 'softmax', 'gelu'], 'Dense', (activation) => () => new Dense(3, { activation })),
  'Dense without bias': () => new Dense(3, { useBias: false }),
  'Dense rank 3': () => new Dense(2, { activation: 'tanh' }),
  ...each(['linear', 'relu', 'sigmoid', 'tanh', 'softmax', 'log_softmax', 'softplus', 'silu', 'swish', 'gelu', 'exponential'], 'Activation', (a) => () => new Activation(a)),
  'Activation mask': () => new Activation('tanh'),
  'Dropout at inference': () => new Dropout(0.5),
  Flatten: () => new Flatten(),
  'Flatten rank 1': () => new Flatten(),
  Reshape: () => new Reshape([3, -1]),
  Concatenate: () => new Concatenate(),
  'Concatenate axis 1': () => new Concatenate({ axis: 1 }),
  'Concatenate masks': () => new Concatenate(),
  'Concatenate masks axis 1': () => new Concatenate({ axis: 1 }),
  Embedding: () => new Embedding(5, 3),
  'Embedding mask zero': () => new Embedding(5, 3, { maskZero: true }),
});
