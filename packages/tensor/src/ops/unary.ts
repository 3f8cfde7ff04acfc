/** Elementwise functions of one tensor. Formulas in the scalar language; gradients follow from them. Integers become float32. */
import * as e from '../scalar/expression.js';
import * as named from '../scalar/named.js';
import { tensor, type Like } from '../create.js';
import { defineOp, run1 } from '../op.js';
import type { Tensor } from '../tensor.js';
import { elementwise, elementwiseOp } from './elementwise.js';
import { withOp } from './with-op.js';

const float = (x: e.Expr): e.Expr => e.cast(x, 'f');

/** -x. */
export const neg = /* @__PURE__ */ elementwise('neg', (x: e.Expr) => e.neg(x));
/** |x|. Gradient: g sign(x), so 0 at 0. */
export const abs = /* @__PURE__ */ elementwise('abs', (x: e.Expr) => e.abs(x));
/** -1, 0 or 1; NaN of NaN. */
export const sign = /* @__PURE__ */ elementwise('sign', (x: e.Expr) => e.sign(x));
export const floor = /* @__PURE__ */ elementwise('floor', (x: e.Expr) => e.floor(x));
export const ceil = /* @__PURE__ */ elementwise('ceil', (x: e.Expr) => e.ceil(x));
/** To the nearest integer, halves to even. */
export const round = /* @__PURE__ */ elementwise('round', (x: e.Expr) => e.round(x));
/** Towards zero. */
export const trunc = /* @__PURE__ */ elementwise('trunc', (x: e.Expr) => e.where(e.less(x, 0), e.ceil(x), e.floor(x)));
/** x^2. */
export const square = /* @__PURE__ */ elementwise('square', (x: e.Expr) => e.mul(x, x));
/** 1 / x. */
export const reciprocal = /* @__PURE__ */ elementwise('reciprocal', (x: e.Expr) => e.div(1, float(x)));
export const sqrt = /* @__PURE__ */ elementwise('sqrt', (x: e.Expr) => e.sqrt(x));
/** 1 / sqrt(x). */
export const rsqrt = /* @__PURE__ */ elementwise('rsqrt', (x: e.Expr) => e.div(1, e.sqrt(x)));
/** e^x. Overflows above 88.7 in float32. */
export const exp = /* @__PURE__ */ elementwise('exp', (x: e.Expr) => e.exp(x));
/** e^x - 1, exact near 0. */
export const expm1 = /* @__PURE__ */ elementwise('expm1', (x: e.Expr) => e.expm1(x));
/** Natural logarithm. */
export const log = /* @__PURE__ */ elementwise('log', (x: e.Expr) => e.log(x));
/** log(1 + x), exact near 0. */
export const log1p = /* @__PURE__ */ elementwise('log1p', (x: e.Expr) => e.log1p(x));
export const log2 = /* @__PURE__ */ elementwise('log2', (x: e.Expr) => e.mul(e.log(x), Math.LOG2E));
export const log10 = /* @__PURE__ */ elementwise('log10', (x: e.Expr) => e.mul(e.log(x), Math.LOG10E));
export const sin = /* @__PURE__ */ elementwise('sin', (x: e.Expr) => e.sin(x));
export const cos = /* @__PURE__ */ elementwise('cos', (x: e.Expr) => e.cos(x));
export const tan = /* @__PURE__ */ elementwise('tan', (x: e.Expr) => e.div(e.sin(x), e.cos(x)));
/** Inverse sine, in [-pi/2, pi/2]: 2 arctan(x / (1 + sqrt((1 - x)(1 + x)))). */
export const arcsin = /* @__PURE__ */ elementwise('arcsin', (x: e.Expr) =>
  e.mul(2, e.arctan(e.div(float(x), e.add(1, e.sqrt(e.mul(e.sub(1, float(x)), e.add(1, float(x)))))))));
/** Inverse cosine, in [0, pi]: 2 arctan(sqrt((1 - x) / (1 + x))). */
export const arccos = /* @__PURE__ */ elementwise('arccos', (x: e.Expr) =>
  e.mul(2, e.arctan(e.sqrt(e.div(e.sub(1, float(x)), e.add(1, float(x)))))));
export const arctan = /* @__PURE__ */ elementwise('arctan', (x: e.Expr) => e.arctan(x));
/** (e^x - e^-x) / 2, by expm1 so that it is exact near 0. */
export const sinh = /* @__PURE__ */ elementwise('sinh', (x: e.Expr) => {
  const u = e.expm1(e.abs(float(x)));
  return e.mul(e.sign(float(x)), e.mul(0.5, e.add(u, e.sub(1, e.div(1, e.add(u, 1))))));
});
/** (e^x + e^-x) / 2. */
export const cosh = /* @__PURE__ */ elementwise('cosh', (x: e.Expr) => e.mul(0.5, e.add(e.exp(x), e.exp(e.neg(float(x))))));
/** Hyperbolic tangent. Gradient: g (1 - y^2). */
export const tanh = /* @__PURE__ */ elementwise('tanh', (x: e.Expr) => e.tanh(x));
/** log(x + sqrt(x^2 + 1)), by log1p so that it is exact near 0. */
export const arcsinh = /* @__PURE__ */ elementwise('arcsinh', (x: e.Expr) => {
  const a = e.abs(float(x));
  const s = e.mul(a, a);
  return e.mul(e.sign(float(x)), e.log1p(e.add(a, e.div(s, e.add(1, e.sqrt(e.add(1, s)))))));
});
/** log(x + sqrt(x^2 - 1)), for x >= 1. */
export const arccosh = /* @__PURE__ */ elementwise('arccosh', (x: e.Expr) =>
  e.log(e.add(float(x), e.mul(e.sqrt(e.sub(float(x), 1)), e.sqrt(e.add(float(x), 1))))));
/** log((1 + x) / (1 - x)) / 2. */
export const arctanh = /* @__PURE__ */ elementwise('arctanh', (x: e.Expr) => e.mul(0.5, e.sub(e.log1p(x), e.log1p(e.neg(float(x))))));
/** 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
export const erf = /* @__PURE__ */ elementwise('erf', (x: e.Expr) => e.erf(x));
/** The y with erf(y) = x, for x in [-1, 1]. Gradient: g sqrt(pi)/2 e^(y^2). */
export const erfinv = /* @__PURE__ */ elementwise('erfinv', (x: e.Expr) => e.erfinv(x));
/** log |gamma(x)|; infinite at 0, -1, -2, ... Gradient: g digamma(x). */
export const lgamma = /* @__PURE__ */ elementwise('lgamma', (x: e.Expr) => e.lgamma(x));
/** The derivative of lgamma; NaN at -1, -2, ... */
export const digamma = /* @__PURE__ */ elementwise('digamma', (x: e.Expr) => e.digamma(x));

/** 1 / (1 + e^-x). Gradient: g y (1 - y). */
export const sigmoid = /* @__PURE__ */ elementwise('sigmoid', (x: e.Expr) => named.sigmoid(x));
/** log(1 + e^x), without overflow. Gradient: g sigmoid(x). */
export const softplus = /* @__PURE__ */ elementwise('softplus', (x: e.Expr) => named.softplus(x));
/** x sigmoid(x). */
export const silu = /* @__PURE__ */ elementwise('silu', (x: e.Expr) => named.silu(x));
/** g where y > 0, 0 elsewhere: y says where x > 0, so that nobody need keep x. */
export const reluGradientOp = /* @__PURE__ */ elementwiseOp('reluGradient', ([y, g]) => e.where(e.lessEqual(y!, 0), 0, g!), ['y', 'g']);
export const reluOp = /* @__PURE__ */ defineOp<void>({
  .../* @__PURE__ */ elementwiseOp('relu', ([x]) => e.where(e.lessEqual(x!, 0), 0, x!), ['x']),
  vjp: [([g], { y }) => run1(reluGradientOp, [y[0]!, g!], undefined)],
  reads: { inputs: [], outputs: [0] },
});
/** x where x > 0, 0 where x <= 0; NaN stays. Gradient: g where x > 0, so 0 at 0. */
export const relu = /* @__PURE__ */ withOp(reluOp, (x: Like): Tensor => run1(reluOp, [tensor(x)], undefined));

export const geluOp = /* @__PURE__ */ elementwiseOp<{ approximate: boolean }>('gelu', ([x], { approximate }) => (approximate ? named.geluTanh(float(x!)) : named.gelu(x!)), ['x']);
/**
 * x Phi(x), with Phi the normal distribution function; with `approximate`, x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)).
 *
 * Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units".
 */
export const gelu = /* @__PURE__ */ withOp(geluOp, (x: Like, { approximate = false }: { approximate?: boolean } = {}): Tensor =>
  run1(geluOp, [tensor(x)], { approximate }));
