/** The ops as methods of Tensor: `x.add(b).sum({ axis: 0 })`. Installed by the index, its only side effect on the class. */
import * as ops from './all-ops.js';
import type { NdArray } from 'ndarray';
import type { TypedArray } from './dtype.js';
import { Tensor } from './tensor.js';
import { toNdarray } from './to-ndarray.js';

const names = [
  'add', 'sub', 'mul', 'div', 'floorDivide', 'mod', 'pow', 'maximum', 'minimum', 'equal', 'notEqual', 'less', 'lessEqual', 'greater',
  'greaterEqual', 'logicalAnd', 'logicalOr', 'logicalXor', 'logicalNot', 'clip',
  'neg', 'abs', 'sign', 'floor', 'ceil', 'round', 'square', 'reciprocal', 'sqrt', 'rsqrt', 'exp', 'expm1', 'log', 'log1p', 'sin', 'cos', 'tan',
  'tanh', 'erf', 'sigmoid', 'softplus', 'silu', 'relu', 'gelu',
  'sum', 'mean', 'prod', 'max', 'min', 'any', 'all', 'argmax', 'argmin', 'logsumexp', 'variance', 'std', 'cumsum',
  'softmax', 'logSoftmax', 'matmul', 'cast', 'reshape', 'transpose', 'expandDims', 'squeeze', 'broadcastTo', 'slice', 'flip', 'pad', 'split',
  'gather', 'scatterAdd', 'oneHot', 'sort', 'argsort', 'topK',
] as const;

type Method<F> = F extends (x: infer _X, ...rest: infer R) => infer T ? (...rest: R) => T : never;
type Methods = { [K in (typeof names)[number]]: Method<(typeof ops)[K]> };

declare module './tensor.js' {
  interface Tensor extends Methods {
    /** The same memory as an `ndarray`; nothing is copied. */
    view(): NdArray<TypedArray>;
  }
}

Object.defineProperty(Tensor.prototype, 'view', { value(this: Tensor) { return toNdarray(this); }, configurable: true, writable: true });
for (const name of names) {
  const f = ops[name] as (...args: unknown[]) => unknown;
  Object.defineProperty(Tensor.prototype, name, { value(this: Tensor, ...rest: unknown[]) { return f(this, ...rest); }, configurable: true, writable: true });
}
