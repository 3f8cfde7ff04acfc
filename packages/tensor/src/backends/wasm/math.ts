/**
 * Elementary functions on four float32 lanes. Each takes a kept value (a local: it is read more than once) and gives an expression.
 * Measured errors over all of float32, in units in the last place, are in math.test.ts.
 */
import type { Func, Local, Operand, Value } from './assembler.js';

/** Short names for vector arithmetic. */
export function lanes(f: Func) {
  return {
    add: (a: Operand, b: Operand): Value => f.op('f32x4.add', a, b),
    sub: (a: Operand, b: Operand): Value => f.op('f32x4.sub', a, b),
    mul: (a: Operand, b: Operand): Value => f.op('f32x4.mul', a, b),
    div: (a: Operand, b: Operand): Value => f.op('f32x4.div', a, b),
    abs: (a: Operand): Value => f.op('f32x4.abs', a),
    /** a where the mask is set, b elsewhere. */
    pick: (mask: Operand, a: Operand, b: Operand): Value => f.op('v128.bitselect', a, b, mask),
    /** Evaluated now, to be read several times. */
    keep: (value: Operand): Local => f.local('v128', value),
    /** c[0] x^(n-1) + ... + c[n-1], by Horner's rule. */
    poly: (x: Value, coefficients: readonly number[]): Value => coefficients.slice(1).reduce<Value>(
      (sum, c) => f.op('f32x4.add', f.op('f32x4.mul', sum, x), f.f32x4(c)), f.f32x4(coefficients[0]!)),
  };
}

const log2e = Math.LOG2E;
/** ln 2 in two parts: n times the first is exact. Source: Cephes (Moshier), expf.c and logf.c. */
const ln2High = 0.693359375;
const ln2Low = -2.12194440e-4;
/** (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2. Source: Cephes, expf.c. */
const expTail = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];

/** x = n ln 2 + r. */
function reduceByLn2(f: Func, x: Local): { n: Local; r: Local } {
  const { sub, mul, keep } = lanes(f);
  const n = keep(f.op('f32x4.nearest', mul(x, f.f32x4(log2e))));
  const r = keep(sub(sub(x, mul(n, f.f32x4(ln2High))), mul(n, f.f32x4(ln2Low))));
  return { n, r };
}

/** 2^n for int32 lanes from -126 to 127, from the bits. */
const powerOfTwo = (f: Func, n: Value): Value => f.op('i32x4.shl', f.op('i32x4.add', n, f.i32x4(127)), 23);

/** x held between two numbers; NaN stays. */
const clamp = (f: Func, x: Value, low: number, high: number): Value =>
  f.op('f32x4.pmax', f.op('f32x4.pmin', x, f.f32x4(high)), f.f32x4(low));

/** e^x. `bounded`: x is known to lie in [-87, 88], so one power of two is enough. */
export function exp(f: Func, given: Local, bounded = false): Value {
  const { add, mul, keep, poly } = lanes(f);
  const x = bounded ? given : keep(clamp(f, given, -104, 89));
  const { n, r } = reduceByLn2(f, x);
  const y = add(add(mul(poly(r, expTail), mul(r, r)), r), f.f32x4(1));
  const i = keep(f.op('i32x4.trunc_sat_f32x4_s', n));
  if (bounded) return mul(y, powerOfTwo(f, i));
  // Two factors, because 2^n alone leaves the normal range before the result does.
  const half = keep(f.op('i32x4.shr_s', i, 1));
  return mul(mul(y, powerOfTwo(f, half)), powerOfTwo(f, f.op('i32x4.sub', i, half)));
}

/** e^x - 1 = 2 (2^(n-1) (e^r - 1) + (2^(n-1) - 1/2)). */
export function expm1(f: Func, given: Local): Value {
  const { add, sub, mul, abs, keep, pick, poly } = lanes(f);
  const x = keep(clamp(f, given, -20, 89));
  const { n, r } = reduceByLn2(f, x);
  const y = keep(add(mul(poly(r, expTail), mul(r, r)), r));
  const scale = keep(powerOfTwo(f, f.op('i32x4.sub', f.op('i32x4.trunc_sat_f32x4_s', n), f.i32x4(1))));
  const result = keep(add(mul(scale, y), sub(scale, f.f32x4(0.5))));
  return pick(f.op('f32x4.lt', abs(x), f.f32x4(2 ** -25)), x, add(result, result));
}

/** Source: Cephes, logf.c. */
const logTail = [
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
];

/** log(x), by x = m 2^e with m in [1/sqrt 2, sqrt 2). */
export function log(f: Func, given: Local): Value {
  const { add, sub, mul, keep, pick, poly } = lanes(f);
  const tiny = keep(f.op('f32x4.lt', given, f.f32x4(2 ** -126)));
  const x = keep(pick(tiny, mul(given, f.f32x4(2 ** 23)), given));
  // The exponent counts from 1/sqrt 2 (0x3f3504f3 in bits) up, so that m comes out in its interval.
  const e = keep(f.op('i32x4.shr_s', f.op('i32x4.sub', x, f.i32x4(0x3f3504f3)), 23));
  const m = keep(sub(f.op('i32x4.sub', x, f.op('i32x4.shl', e, 23)), f.f32x4(1)));
  const n = keep(sub(f.op('f32x4.convert_i32x4_s', e), f.op('v128.and', tiny, f.f32x4(23))));
  const square = keep(mul(m, m));
  const tail = add(mul(mul(poly(m, logTail), m), square), mul(n, f.f32x4(ln2Low)));
  const y = keep(add(add(m, sub(tail, mul(square, f.f32x4(0.5)))), mul(n, f.f32x4(ln2High))));
  const finite = pick(f.op('f32x4.lt', given, f.f32x4(Infinity)), y, given); // Infinity and NaN stay
  const atZero = pick(f.op('f32x4.eq', given, f.f32x4(0)), f.f32x4(-Infinity), finite);
  return pick(f.op('f32x4.lt', given, f.f32x4(0)), f.f32x4(NaN), atZero);
}

/** log(1 + x) = log(u) x / (u - 1), u = 1 + x as rounded. Source: Kahan's device, see Higham 2002, section 1.14.1. */
export function log1p(f: Func, x: Local): Value {
  const { add, sub, mul, div, keep, pick } = lanes(f);
  const u = keep(add(x, f.f32x4(1)));
  const y = keep(log(f, u));
  const exact = f.op('v128.or', f.op('f32x4.eq', u, f.f32x4(1)), f.op('f32x4.eq', x, f.f32x4(Infinity)));
  return pick(exact, x, mul(y, div(x, sub(u, f.f32x4(1)))));
}

/** (tanh x - x) / x^3 in x^2 below 0.625. Source: Cephes, tanhf.c. */
const tanhTail = [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1];

/** tanh(x): a polynomial near 0, 1 - 2 / (e^2|x| + 1) elsewhere. */
export function tanh(f: Func, x: Local): Value {
  const { add, sub, mul, div, abs, keep, pick, poly } = lanes(f);
  const a = keep(abs(x));
  const twice = keep(f.op('f32x4.pmin', add(a, a), f.f32x4(20)));
  const far = keep(sub(f.f32x4(1), div(f.f32x4(2), add(exp(f, twice, true), f.f32x4(1)))));
  const signed = f.op('v128.or', far, f.op('v128.and', x, f.i32x4(-2147483648)));
  const square = keep(mul(x, x));
  const near = add(mul(mul(poly(square, tanhTail), square), x), x);
  return pick(f.op('f32x4.lt', a, f.f32x4(0.625)), near, signed);
}

/** erf(x)/x - 1 in x^2 below 0.95; relative error 2.2e-8. Own least-squares fit, reweighted towards minimax. */
const erfNear = [-5.862079560756683e-4, 4.967506043612957e-3, -2.6748863980174065e-2, 1.1281320452690125e-1, -3.7612447142601013e-1, 1.2837913632392883e-1];
/** -log(erfc t)/t from 0.9 to 3.95; relative error of the erf made from it 3.1e-9. Own fit, as above. */
const erfFar = [-2.145948517e-4, 3.219974485e-3, -2.290602894e-2, 1.052868525e-1, 6.35699369e-1, 1.128519953];

/** Error function: x (1 + P(x^2)) near 0, 1 - e^(-t Q(t)) with t = |x| elsewhere. */
export function erf(f: Func, x: Local): Value {
  const { add, sub, mul, abs, keep, pick, poly } = lanes(f);
  const a = keep(abs(x));
  const t = keep(f.op('f32x4.pmin', a, f.f32x4(3.95)));
  const exponent = keep(f.op('f32x4.neg', mul(t, poly(t, erfFar))));
  const far = keep(sub(f.f32x4(1), exp(f, exponent, true)));
  const signed = f.op('v128.or', far, f.op('v128.and', x, f.i32x4(-2147483648)));
  const near = add(mul(poly(keep(mul(x, x)), erfNear), x), x);
  return pick(f.op('f32x4.lt', a, f.f32x4(0.93)), near, signed);
}

/** -1, 0, 1 by the sign; zeros and NaN stay what they are. */
export function sign(f: Func, x: Local): Value {
  const { abs, pick } = lanes(f);
  const one = f.op('v128.or', f.op('v128.and', x, f.i32x4(-2147483648)), f.f32x4(1));
  return pick(f.op('f32x4.gt', abs(x), f.f32x4(0)), one, x);
}
