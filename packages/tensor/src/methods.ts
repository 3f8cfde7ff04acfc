/** The ops as methods of Tensor: `x.add(b).sum({ axis: 0 })`. Installed by the index, its only side effect on the class. */
import * as ops from './all-ops.js';
import { Tensor } from './tensor.js';

const names = [
  'add', 'sub', 'mul', 'div', 'floorDivide', 'mod', 'pow', 'maximum', 'minimum', 'equal', 'notEqual', 'less', 'lessEqual', 'greater',
  'greaterEqual', 'logicalAnd', 'logicalOr', 'logicalXor', 'logicalNot', 'clip',
  'neg', 'abs', 'sign', 'floor', 'ceil', 'round', 'square', 'reciprocal', 'sqrt', 'rsqrt', 'exp', 'expm1', 'log', 'log1p', 'sin', 'cos', 'tan',
  'tanh', 'erf', 'sigmoid', 'softplus', 'silu', 'relu', 'gelu',
  'sum', 'mean', 'prod', 'max', 'min', 'any', 'all', 'argmax', 'argmin', 'logsumexp', 'variance', 'std', 'cumsum',
  'softmax', 'logSoftmax', 'matmul', 'cast', 'reshape', 'transpose', 'expandDims', 'squeeze', 'broadcastTo', 'slice', 'flip', 'pad', 'split',
  'gather', 'scatterAdd', 'oneHot',
] as const;

type Method<F> = F extends (x: infer _X, ...rest: infer R) => infer T ? (...rest: R) => T : never;
type Methods = { [K in (typeof names)[number]]: Method<(typeof ops)[K]> };

declare module './tensor.js' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface Tensor extends Methods {}
}

for (const name of names) {
  const f = ops[name] as (...args: unknown[]) => unknown;
  Object.defineProperty(Tensor.prototype, name, { value(this: Tensor, ...rest: unknown[]) { return f(this, ...rest); }, configurable: true, writable: true });
}
