/**
 * Elementary functions on four float32 lanes, written as generators: `yield` evaluates an expression and gives it back as a local.
 * So several vectors go through a function in lockstep (`lockstep` below), which is what makes them fast: a chain of some twenty
 * dependent instructions is longer than processors look ahead. Errors in units in the last place are measured in math.test.ts.
 */
import { erfFar, erfNear, expTail, logTail, tanhTail } from '../../scalar/approximations.js';
import type { Func, Local, Operand, Value } from './assembler.js';

export type Steps = Generator<Value, Value, Local>;

/** Runs generators side by side, one step of each in turn; their results, kept. */
export function lockstep(f: Func, running: readonly Steps[]): Local[] {
  let kept: (Local | undefined)[] = running.map(() => undefined);
  for (;;) {
    let done = false;
    kept = running.map((steps, i) => {
      const next = steps.next(kept[i] as Local);
      done = next.done === true;
      return f.local('v128', next.value);
    });
    if (done) return kept as Local[];
  }
}

/** Runs one generator to its end. */
export function follow<T>(f: Func, steps: Generator<Value, T, Local>): T {
  let next = steps.next();
  while (!next.done) next = steps.next(f.local('v128', next.value));
  return next.value;
}

/** Short names for vector arithmetic. */
export const lanes = (f: Func) => ({
  add: (a: Operand, b: Operand): Value => f.op('f32x4.add', a, b),
  sub: (a: Operand, b: Operand): Value => f.op('f32x4.sub', a, b),
  mul: (a: Operand, b: Operand): Value => f.op('f32x4.mul', a, b),
  div: (a: Operand, b: Operand): Value => f.op('f32x4.div', a, b),
  abs: (a: Operand): Value => f.op('f32x4.abs', a),
  /** a where the mask is set, b elsewhere. */
  pick: (mask: Operand, a: Operand, b: Operand): Value => f.op('v128.bitselect', a, b, mask),
});

/** a b + c; `relaxed`: in one instruction, where rounding is up to the engine. */
export const multiplyAdd = (f: Func, relaxed: boolean, a: Operand, b: Operand, c: Operand): Value =>
  (relaxed ? f.op('f32x4.relaxed_madd', a, b, c) : f.op('f32x4.add', c, f.op('f32x4.mul', a, b)));

/** c[0] x^(n-1) + ... + c[n-1], by Horner's rule. */
export function* polynomial(f: Func, x: Local, coefficients: readonly number[], relaxed = false): Steps {
  let sum: Value = f.f32x4(coefficients[0]);
  for (const c of coefficients.slice(1)) sum = yield multiplyAdd(f, relaxed, sum, x, f.f32x4(c));
  return sum;
}

export const signBit = -2147483648;
/** |a| with the sign of x. */
export const withSign = (f: Func, a: Value, x: Local): Value => f.op('v128.or', a, f.op('v128.and', x, f.i32x4(signBit)));

/** 1.5 * 2^23: a float32 of size below 2^22 added to it is rounded to a whole number, which then lies in the low bits. */
const rounder = 12582912;
/** ln 2 in two parts: n times the first is exact. Source: Cephes (Moshier), expf.c and logf.c. */
const ln2High = 0.693359375;
const ln2Low = -2.12194440e-4;
/** x = n ln 2 + r: gives n + more in the low bits of a float, and e^r - 1. */
function* reduced(f: Func, x: Local, more = 0): Generator<Value, { n: Local; y: Local }, Local> {
  const { add, sub, mul } = lanes(f);
  const n = yield add(mul(x, f.f32x4(Math.LOG2E)), f.f32x4(rounder + more));
  const whole = yield sub(n, f.f32x4(rounder + more));
  const high = yield sub(x, mul(whole, f.f32x4(ln2High)));
  const r = yield sub(high, mul(whole, f.f32x4(ln2Low)));
  const square = yield mul(r, r);
  const tail = yield* polynomial(f, r, expTail);
  return { n, y: yield add(mul(tail, square), r) };
}

/** 2^(n + more) for n in the low bits of lanes, from -126 to 127. */
const powerOfTwo = (f: Func, n: Value, more = 0): Value => f.op('i32x4.add', f.op('i32x4.shl', n, 23), f.i32x4((127 + more) << 23));

/** x held between two numbers; NaN stays. */
const clamp = (f: Func, x: Value, low: number, high: number): Value =>
  f.op('f32x4.pmax', f.op('f32x4.pmin', x, f.f32x4(high)), f.f32x4(low));

/** e^x for x in [-88, 88]: 0 where it would leave the normal range, as the exponent's bits are 0 there. */
export function* boundedExp(f: Func, x: Local): Steps {
  const { n, y } = yield* reduced(f, x, 127);
  const { add, mul } = lanes(f);
  return mul(yield add(y, f.f32x4(1)), f.op('i32x4.shl', n, 23));
}

/** e^x for x <= 0, as a share of a sum that is at least 1: 0 where it would leave the normal range. */
export function* shareExp(f: Func, given: Local, relaxed: boolean): Steps {
  const x = yield f.op('f32x4.pmax', given, f.f32x4(-88));
  const n = yield multiplyAdd(f, relaxed, x, f.f32x4(Math.LOG2E), f.f32x4(rounder + 127));
  const whole = yield f.op('f32x4.sub', n, f.f32x4(rounder + 127));
  const high = yield multiplyAdd(f, relaxed, whole, f.f32x4(-ln2High), x);
  const r = yield multiplyAdd(f, relaxed, whole, f.f32x4(-ln2Low), high);
  const y = yield yield* polynomial(f, r, [...expTail, 1, 1], relaxed);
  return f.op('f32x4.mul', y, f.op('i32x4.shl', n, 23));
}

/** e^x, 2^n in two factors because it leaves the normal range before the result does. */
export function* exp(f: Func, x: Local): Steps {
  const { add, mul } = lanes(f);
  const { n, y } = yield* reduced(f, yield clamp(f, x, -104, 89));
  const i = yield f.op('i32x4.sub', n, f.vector(new Float32Array(4).fill(rounder)));
  const half = yield f.op('i32x4.shr_s', i, 1);
  const first = yield mul(add(y, f.f32x4(1)), powerOfTwo(f, half));
  return mul(first, powerOfTwo(f, f.op('i32x4.sub', i, half)));
}

/** e^x - 1 = 2 (2^(n-1) (e^r - 1) + (2^(n-1) - 1/2)). */
export function* expm1(f: Func, given: Local): Steps {
  const { add, sub, mul, abs, pick } = lanes(f);
  const x = yield clamp(f, given, -20, 89);
  const { n, y } = yield* reduced(f, x);
  const scale = yield powerOfTwo(f, n, -1);
  const half = yield add(mul(scale, y), sub(scale, f.f32x4(0.5)));
  return pick(f.op('f32x4.lt', abs(x), f.f32x4(2 ** -25)), x, add(half, half));
}

/** x = m 2^e with m in [1/sqrt 2, sqrt 2), for x > 0: gives m and e, a whole number as float32. */
export function* scaled(f: Func, given: Local): Generator<Value, { m: Local; e: Local }, Local> {
  const { sub, mul, pick } = lanes(f);
  const tiny = yield f.op('f32x4.lt', given, f.f32x4(2 ** -126));
  const x = yield pick(tiny, mul(given, f.f32x4(2 ** 23)), given);
  // The exponent counts from 1/sqrt 2 (0x3f3504f3 in bits) up, so that m comes out in its interval.
  const e = yield f.op('i32x4.shr_s', f.op('i32x4.sub', x, f.i32x4(0x3f3504f3)), 23);
  const m = yield f.op('i32x4.sub', x, f.op('i32x4.shl', e, 23));
  return { m, e: yield sub(f.op('f32x4.convert_i32x4_s', e), f.op('v128.and', tiny, f.f32x4(23))) };
}

/** log(x + c), by x = m 2^e; c / x is below half an ulp of 1, and `more` is that quotient. */
export function* logOf(f: Func, given: Local, more?: Local): Steps {
  const { add, sub, mul, pick } = lanes(f);
  const { m: mantissa, e } = yield* scaled(f, given);
  const m = yield sub(mantissa, f.f32x4(1));
  const square = yield mul(m, m);
  const series = yield* polynomial(f, m, logTail);
  const tail = yield add(mul(mul(series, m), square), mul(e, f.f32x4(ln2Low)));
  const low = yield sub(more ? add(tail, more) : tail, mul(square, f.f32x4(0.5)));
  const y = yield add(add(m, low), mul(e, f.f32x4(ln2High)));
  const large = yield pick(f.op('f32x4.eq', given, f.f32x4(Infinity)), given, y);
  const zero = yield pick(f.op('f32x4.eq', given, f.f32x4(0)), f.f32x4(-Infinity), large);
  return f.op('v128.or', zero, f.op('v128.not', f.op('f32x4.ge', given, f.f32x4(0)))); // all bits set are a NaN
}
export const log = (f: Func, x: Local): Steps => logOf(f, x);

/** log(1 + x) = log(u) + c / u, u = 1 + x as rounded and c what the rounding lost. Source: FreeBSD's s_log1pf.c. */
export function* log1p(f: Func, x: Local): Steps {
  const { add, sub, div, pick } = lanes(f);
  const one = f.f32x4(1);
  const u = yield add(x, one);
  const lost = yield pick(f.op('f32x4.lt', x, one), sub(x, sub(u, one)), sub(one, sub(u, x)));
  const y = yield yield* logOf(f, u, yield div(lost, u));
  return pick(f.op('f32x4.eq', u, one), x, y);
}

/** tanh(x): a polynomial near 0, 1 - 2 / (e^2|x| + 1) elsewhere. */
export function* tanh(f: Func, x: Local): Steps {
  const { add, sub, mul, div, abs, pick } = lanes(f);
  const a = yield abs(x);
  const square = yield mul(x, x);
  const tail = yield* polynomial(f, square, tanhTail);
  const near = yield add(mul(mul(tail, square), x), x);
  const e = yield yield* boundedExp(f, yield f.op('f32x4.pmin', add(a, a), f.f32x4(20)));
  const far = yield sub(f.f32x4(1), div(f.f32x4(2), add(e, f.f32x4(1))));
  return pick(f.op('f32x4.lt', a, f.f32x4(0.625)), near, withSign(f, far, x));
}

/** Error function: x (1 + P(x^2)) near 0, 1 - e^(-t Q(t)) with t = |x| elsewhere. */
export function* erf(f: Func, x: Local): Steps {
  const { add, sub, mul, abs, pick } = lanes(f);
  const a = yield abs(x);
  const near = yield add(mul(yield* polynomial(f, yield mul(x, x), erfNear), x), x);
  const t = yield f.op('f32x4.pmin', a, f.f32x4(3.95));
  const exponent = yield mul(t, yield* polynomial(f, t, erfFar));
  const far = yield sub(f.f32x4(1), yield* boundedExp(f, yield f.op('f32x4.neg', exponent)));
  return pick(f.op('f32x4.lt', a, f.f32x4(0.93)), near, withSign(f, far, x));
}

/** -1, 0, 1 by the sign; zeros and NaN stay what they are. */
export function* sign(f: Func, x: Local): Steps {
  const { abs, pick } = lanes(f);
  return pick(f.op('f32x4.gt', abs(x), f.f32x4(0)), withSign(f, f.f32x4(1), x), x);
}
