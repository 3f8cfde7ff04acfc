/** @heed/tensor/scalar: the scalar language, for elementwise functions of your own. */
export { convert } from './convert.js';
export * from './expression.js';
export { binaryValue, erfinvValue, erfValue, lgammaValue, modValue, polygammaValue, powValue, roundValue, unaryValue } from './values.js';
export { gelu, geluTanh, gmul, sigmoid, silu, softplus } from './named.js';
export { derivative, partial } from './derivative.js';
export { interpret } from './interpret.js';
export { loopSource } from './to-js.js';
export { gpuLayout, kernelSource, type GpuAxes, type GpuLayout } from './to-gpu.js';
