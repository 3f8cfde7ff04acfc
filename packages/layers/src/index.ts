/** @heed/layers: layers, optimizers and what trains and stores them. Names and numbers are Keras's. */
export { Layer, maskOf, attachMask, type CallOptions, type Config, type LayerOptions, type WeightOptions } from './layer.js';
export { Input, Symbolic, type SymbolicShape } from './symbolic.js';
export { getActivation, type Activation, type ActivationLike } from './activations.js';
export * from './initializers.js';
export { Dense, type DenseOptions } from './layers/dense.js';
export { Embedding, type EmbeddingOptions } from './layers/embedding.js';
export { Bidirectional, GRU, LSTM, Recurrent, SimpleRNN, type BidirectionalOptions, type GRUOptions, type LSTMOptions, type RecurrentOptions } from './layers/recurrent.js';
export { Optimizer, type OptimizerOptions, type Schedule } from './optimizers/optimizer.js';
export { Adam, RMSprop, SGD, type AdamOptions, type RMSpropOptions, type SGDOptions } from './optimizers/optimizers.js';
