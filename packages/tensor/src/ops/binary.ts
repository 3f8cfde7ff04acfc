/** Elementwise functions of two or three tensors, which broadcast. Formulas in the scalar language; gradients follow from them. */
import * as e from '../scalar/expression.js';
import { tensor, type Like } from '../create.js';
import { ValueError } from '../errors.js';
import { run1 } from '../op.js';
import type { Tensor } from '../tensor.js';
import { elementwise, elementwiseOp, operands } from './elementwise.js';
import { withOp } from './with-op.js';

const float = (x: e.Expr): e.Expr => e.cast(x, 'f');

/** a + b. */
export const add = /* @__PURE__ */ elementwise('add', (a: e.Expr, b: e.Expr) => e.add(a, b));
/** a - b. */
export const sub = /* @__PURE__ */ elementwise('sub', (a: e.Expr, b: e.Expr) => e.sub(a, b));
/** a b. */
export const mul = /* @__PURE__ */ elementwise('mul', (a: e.Expr, b: e.Expr) => e.mul(a, b));
/** a / b, as a float: of integers too. */
export const div = /* @__PURE__ */ elementwise('div', (a: e.Expr, b: e.Expr) => e.div(float(a), float(b)));
/** a / b rounded down; of integers an integer. No gradient but 0. */
export const floorDivide = /* @__PURE__ */ elementwise('floorDivide', (a: e.Expr, b: e.Expr) => (a.type === 'f' || b.type === 'f' ? e.floor(e.div(a, b)) : e.div(a, b)));
/** a - floor(a / b) b: the remainder with the sign of b. */
export const mod = /* @__PURE__ */ elementwise('mod', (a: e.Expr, b: e.Expr) => e.mod(a, b));
/** a^b. pow(1, NaN) = 1; pow(x, 0) = 1. */
export const pow = /* @__PURE__ */ elementwise('pow', (a: e.Expr, b: e.Expr) => e.pow(a, b));
/** The larger of two; NaN if either is. At a tie the gradient is split half and half. */
export const maximum = /* @__PURE__ */ elementwise('maximum', (a: e.Expr, b: e.Expr) => e.maximum(a, b));
/** The smaller of two; NaN if either is. At a tie the gradient is split half and half. */
export const minimum = /* @__PURE__ */ elementwise('minimum', (a: e.Expr, b: e.Expr) => e.minimum(a, b));
/** The angle of the point (x = b, y = a), in radians in [-pi, pi]. */
export const arctan2 = /* @__PURE__ */ elementwise('arctan2', (a: e.Expr, b: e.Expr) => {
  const [y, x] = [float(a), float(b)];
  const quotient = e.arctan(e.div(y, x));
  const left = e.where(e.less(y, 0), e.sub(quotient, Math.PI), e.add(quotient, Math.PI));
  const vertical = e.mul(e.sign(y), Math.PI / 2);
  return e.where(e.less(0, x), quotient, e.where(e.less(x, 0), left, vertical));
});
/** sqrt(a^2 + b^2), without overflow. */
export const hypot = /* @__PURE__ */ elementwise('hypot', (a: e.Expr, b: e.Expr) => {
  const [p, q] = [e.abs(float(a)), e.abs(float(b))];
  const [large, small] = [e.maximum(p, q), e.minimum(p, q)];
  const ratio = e.div(small, large);
  return e.where(e.equal(large, 0), large, e.mul(large, e.sqrt(e.add(1, e.mul(ratio, ratio)))));
});
/** log(e^a + e^b), without overflow. */
export const logaddexp = /* @__PURE__ */ elementwise('logaddexp', (a: e.Expr, b: e.Expr) =>
  e.add(e.maximum(float(a), float(b)), e.where(e.equal(a, b), Math.LN2, e.log1p(e.exp(e.neg(e.abs(e.sub(float(a), float(b)))))))));

/** a = b, elementwise, as bool. NaN equals nothing. */
export const equal = /* @__PURE__ */ elementwise('equal', (a: e.Expr, b: e.Expr) => e.equal(a, b));
export const notEqual = /* @__PURE__ */ elementwise('notEqual', (a: e.Expr, b: e.Expr) => e.notEqual(a, b));
export const less = /* @__PURE__ */ elementwise('less', (a: e.Expr, b: e.Expr) => e.less(a, b));
export const lessEqual = /* @__PURE__ */ elementwise('lessEqual', (a: e.Expr, b: e.Expr) => e.lessEqual(a, b));
export const greater = /* @__PURE__ */ elementwise('greater', (a: e.Expr, b: e.Expr) => e.greater(a, b));
export const greaterEqual = /* @__PURE__ */ elementwise('greaterEqual', (a: e.Expr, b: e.Expr) => e.greaterEqual(a, b));
/** Both are true (not 0). */
export const logicalAnd = /* @__PURE__ */ elementwise('logicalAnd', (a: e.Expr, b: e.Expr) => e.logicalAnd(a, b));
export const logicalOr = /* @__PURE__ */ elementwise('logicalOr', (a: e.Expr, b: e.Expr) => e.logicalOr(a, b));
export const logicalXor = /* @__PURE__ */ elementwise('logicalXor', (a: e.Expr, b: e.Expr) => e.logicalXor(a, b));
export const logicalNot = /* @__PURE__ */ elementwise('logicalNot', (x: e.Expr) => e.logicalNot(x));

export const whereOp = /* @__PURE__ */ elementwiseOp('where', ([c, a, b]) => e.where(c!, a!, b!), ['condition', 'a', 'b']);
/**
 * a where the condition is true, b elsewhere; a select, so what is not chosen may be anything, NaN too.
 *
 * Gradient: g where chosen, 0 elsewhere.
 */
export const where = /* @__PURE__ */ withOp(whereOp, (condition: Like, a: Like, b: Like): Tensor =>
  run1(whereOp, [tensor(condition), ...operands([a, b])], undefined));

export const clipOp = /* @__PURE__ */ elementwiseOp<{ low: number; high: number }>('clip', ([x], { low, high }) => {
  const y = e.where(e.less(x!, low), low, x!);
  return e.where(e.less(high, x!), high, y);
}, ['x']);
/**
 * x held between two bounds: min(max(x, low), high). NaN stays.
 *
 * Gradient: g inside and on the bounds, 0 outside.
 */
export const clip = /* @__PURE__ */ withOp(clipOp, (x: Like, low: number, high: number): Tensor => {
  if (!(low <= high)) throw new ValueError(`clip: low ${low} and high ${high}; low must be a number not above high.`);
  return run1(clipOp, [tensor(x)], { low, high });
});

