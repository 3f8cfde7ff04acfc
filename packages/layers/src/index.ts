/** @heed/layers: layers, optimizers and what trains and stores them. Names and numbers are Keras's. */
export { Layer, maskOf, attachMask, type CallOptions, type Config, type LayerOptions, type WeightOptions } from './layer.js';
export { Input, Symbolic, type SymbolicShape } from './symbolic.js';
export { getActivation, type ActivationLike } from './activations.js';
export * from './initializers.js';
export { Dense, type DenseOptions } from './layers/dense.js';
export { Embedding, type EmbeddingOptions } from './layers/embedding.js';
export { Bidirectional, GRU, LSTM, Recurrent, SimpleRNN, type BidirectionalOptions, type GRUOptions, type LSTMOptions, type MergeMode, type RecurrentOptions } from './layers/recurrent.js';
export { Optimizer, type OptimizerOptions, type Schedule } from './optimizers/optimizer.js';
export { Adam, RMSprop, SGD, type AdamOptions, type RMSpropOptions, type SGDOptions } from './optimizers/optimizers.js';
export { getOptimizer, type OptimizerLike } from './optimizers/get-optimizer.js';
export { Activation, Concatenate, Dropout, Flatten, Reshape } from './layers/core.js';
export { AveragePooling2D, Conv2D, GlobalAveragePooling2D, MaxPooling2D, type Conv2DOptions, type Pooling2DOptions } from './layers/convolution.js';
export { BatchNormalization, LayerNormalization, type LayerNormalizationOptions, type NormalizationOptions } from './layers/normalization.js';
export * from './losses.js';
export * from './metrics.js';
export { Model, Sequential, type ModelOptions } from './model.js';
export type { Callback, Logs } from './callback.js';
export type { CompileOptions, EvaluateOptions, FitOptions, History, TrainingData } from './training.js';
