/** @heed/tensor: arrays, ops and backends. Importing it adds the methods to Tensor and, in Node, chooses the wasm backend. */
import './backends/default.js';
import './methods.js';

export { tensor, fromNdarray, full, zeros, ones, eye, arange, linspace, type Like } from './create.js';
export { Tensor, type Nested, type Spec } from './tensor.js';
export { isTensor, isVariable } from './brand.js';
export { Variable, type VariableOptions } from './variable.js';
export { dtypes, type DType, type TypedArray } from './dtype.js';
export type { Axis, Shape } from './shape.js';
export * from './errors.js';
export { random, SeedGenerator, type Seed } from './random.js';
export { run, defineOp, door, version, type Door, type Executor, type Joint, type Op, type Recorder, type Rule, type Saved, type Watch } from './op.js';
export { useBackend, withBackend, backendInfo } from './use-backend.js';
export { jit } from './jit/jit.js';
export { sliced } from './jit/sliced.js';
export { transaction } from './transaction.js';
export { explain } from './explain.js';
export { elementwise, elementwiseOp } from './ops/elementwise.js';
export * from './all-ops.js';
