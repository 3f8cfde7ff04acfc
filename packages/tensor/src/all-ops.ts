/** The list of ops: every public function on tensors. */
export { cast } from './ops/cast.js';
export * from './ops/unary.js';
export * from './ops/binary.js';
export { sum, broadcastTo, sumTo } from './ops/sum.js';
export { max, min, any, all, argmax, argmin, mean, variance, std, prod, logsumexp } from './ops/reduce.js';
export { reshape, transpose, expandDims, squeeze } from './ops/reshape.js';
export { slice, flip, pad, type Range } from './ops/slice.js';
export { concat, stack, split } from './ops/concat.js';
export { matmul } from './ops/matmul.js';
export { softmax, logSoftmax, type SoftmaxOptions } from './ops/softmax.js';
export { gather, scatterAdd, oneHot } from './ops/gather.js';
export { cumsum } from './ops/cumulative.js';
export { gruStep, lstmStep } from './ops/recurrent.js';
export { conv2d, maxPool2d, avgPool2d, type ConvOptions, type Padding, type PoolOptions } from './ops/conv.js';
export { windows } from './ops/windows.js';
export { layerNorm, type LayerNormOptions } from './ops/layer-norm.js';
export { einsum } from './ops/einsum.js';
export { sort, argsort, topK, type SortOptions } from './ops/sort.js';
