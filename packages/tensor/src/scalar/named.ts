/** Named scalar functions: numerically delicate, so each declares its derivative instead of having it derived. */
import {
  abs, add, call, constant, div, equal, erf, exp, log1p, maximum, mul, neg, sub, where, type Expr, type Named, type Operand,
} from './expression.js';

/** g d, but 0 where g is 0, whatever d is: used in the rules of singular functions, so a masked branch stays finite. */
const gmulFn: Named = {
  name: 'gmul', arity: 2,
  body: (g, d) => where(equal(g!, 0), 0, mul(g!, d!)),
  derivative: ([g, d]) => [d!, g!],
};
export const gmul = (g: Operand, d: Operand): Expr => call(gmulFn, g, d);

/** 1 / (1 + e^-x). Derivative: y (1 - y). */
const sigmoidFn: Named = {
  name: 'sigmoid', arity: 1,
  body: (x) => div(1, add(1, exp(neg(x!)))),
  derivative: (_, y) => [mul(y, sub(1, y))],
};
export const sigmoid = (x: Operand): Expr => call(sigmoidFn, x);

/** log(1 + e^x) = max(x, 0) + log1p(e^-|x|). Derivative: sigmoid(x). */
const softplusFn: Named = {
  name: 'softplus', arity: 1,
  body: (x) => add(maximum(x!, 0), log1p(exp(neg(abs(x!))))),
  derivative: ([x]) => [sigmoid(x!)],
};
export const softplus = (x: Operand): Expr => call(softplusFn, x);

/** x sigmoid(x). Derivative: s (1 + x (1 - s)), s = sigmoid(x). */
const siluFn: Named = {
  name: 'silu', arity: 1,
  body: (x) => mul(x!, sigmoid(x!)),
  derivative: ([x]) => {
    const s = sigmoid(x!);
    return [mul(s, add(1, mul(x!, sub(1, s))))];
  },
};
export const silu = (x: Operand): Expr => call(siluFn, x);

/** Standard normal distribution function: (1 + erf(x / sqrt 2)) / 2. */
const normalCdf = (x: Expr): Expr => mul(0.5, add(1, erf(mul(x, constant(Math.SQRT1_2)))));

/** x Phi(x). Derivative: Phi(x) + x phi(x). */
const geluFn: Named = {
  name: 'gelu', arity: 1,
  body: (x) => mul(x!, normalCdf(x!)),
  derivative: ([x]) => [add(normalCdf(x!), mul(x!, mul(1 / Math.sqrt(2 * Math.PI), exp(mul(-0.5, mul(x!, x!))))))],
};
export const gelu = (x: Operand): Expr => call(geluFn, x);

/** The tanh form, x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3): written so because 1 + tanh(u) cancels in the tail. */
export const geluTanh = (x: Expr): Expr =>
  mul(x, sigmoid(mul(2 * Math.sqrt(2 / Math.PI), mul(x, add(1, mul(0.044715, mul(x, x)))))));
