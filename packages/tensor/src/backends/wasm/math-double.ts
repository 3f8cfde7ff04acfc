/** What float32 lanes are not enough for: powers, remainders and integer division go through float64, two lanes at a time. */
import type { Func, Local, Operand, Value } from './assembler.js';
import { lanes, scaled, signBit, type Steps } from './math.js';

const double = (f: Func) => ({
  add: (a: Operand, b: Operand): Value => f.op('f64x2.add', a, b),
  sub: (a: Operand, b: Operand): Value => f.op('f64x2.sub', a, b),
  mul: (a: Operand, b: Operand): Value => f.op('f64x2.mul', a, b),
  div: (a: Operand, b: Operand): Value => f.op('f64x2.div', a, b),
});

/** Lanes 2 and 3 where 0 and 1 were. */
const upper = (f: Func, x: Local): Value => f.shuffle([2, 3, 2, 3], x, x);
/** Four float32, or int32, lanes as two times two of float64. */
export const halvesOf = (f: Func, x: Local): Value[] => [x, upper(f, x)].map((v) => f.op('f64x2.promote_low_f32x4', v));
const integerHalves = (f: Func, x: Local): Value[] => [x, upper(f, x)].map((v) => f.op('f64x2.convert_low_i32x4_s', v));
/** The way back, rounded; integers are cut off and saturate, NaN gives 0. */
export function fromHalves(f: Func, halves: readonly Value[], by: 'f32x4.demote_f64x2_zero' | 'i32x4.trunc_sat_f64x2_s_zero' = 'f32x4.demote_f64x2_zero'): Value {
  const [low, high] = halves.map((v) => f.local('v128', f.op(by, v)));
  return f.shuffle([0, 1, 4, 5], low, high);
}

/** c[0] x^(n-1) + ... + c[n-1]. */
function* polynomial(f: Func, x: Local, coefficients: readonly number[]): Steps {
  const { add, mul } = double(f);
  let sum: Value = f.f64x2(coefficients[0]);
  for (const c of coefficients.slice(1)) sum = yield add(mul(sum, x), f.f64x2(c));
  return sum;
}

/** log2((1 + s) / (1 - s)) / s in s^2, |s| <= (sqrt 2 - 1) / (sqrt 2 + 1): the series, to 2^-39. */
const log2Series = [15, 13, 11, 9, 7, 5, 3, 1].map((k) => 2 * Math.LOG2E / k);
/** 2^x on |x| <= 1/2: the series, to 2^-32. */
const exp2Series = [8, 7, 6, 5, 4, 3, 2, 1, 0].map((k) => Array.from({ length: k }, (_, i) => Math.LN2 / (i + 1)).reduce((a, b) => a * b, 1));
/** 1.5 * 2^52: a float64 of size below 2^51 added to it is rounded to a whole number, which then lies in the low bits. */
const rounder = 6755399441055744;

/** 2^x in float64 for |x| <= 1000. */
function* exp2(f: Func, x: Local): Steps {
  const { add, sub, mul } = double(f);
  const n = yield add(x, f.f64x2(rounder));
  const y = yield* polynomial(f, yield sub(x, sub(n, f.f64x2(rounder))), exp2Series);
  return mul(y, f.op('i64x2.add', f.op('i64x2.shl', n, 52), f.f64x2(1)));
}

/** a^b = 2^(b log2 |a|), with the sign of a where b is odd; what has no limit there is set afterwards. */
export function* pow(f: Func, a: Local, b: Local): Steps {
  const { mul, pick } = lanes(f);
  const d = double(f);
  const [and, or, not] = [(x: Value, y: Value) => f.op('v128.and', x, y), (x: Value, y: Value) => f.op('v128.or', x, y), (x: Value) => f.op('v128.not', x)];
  const [one, zero, infinity] = [1, 0, Infinity].map((v) => f.f32x4(v));
  const size = yield f.op('f32x4.abs', a);
  const { m, e } = yield* scaled(f, size);
  const [mantissas, exponents, factors] = [m, e, b].map((x) => halvesOf(f, x));
  const powers: Local[] = [];
  for (const i of [0, 1]) {
    const x = yield mantissas[i];
    const s = yield d.div(d.sub(x, f.f64x2(1)), d.add(x, f.f64x2(1)));
    const series = yield* polynomial(f, yield d.mul(s, s), log2Series);
    const t = yield d.mul(d.add(d.mul(series, s), exponents[i]), factors[i]);
    powers.push(yield yield* exp2(f, yield f.op('f64x2.pmax', f.op('f64x2.pmin', t, f.f64x2(200)), f.f64x2(-200)))); // NaN stays
  }
  const y = yield fromHalves(f, powers);
  const nothing = yield f.op('f32x4.eq', size, zero);
  const edge = yield or(nothing, f.op('f32x4.eq', size, infinity));
  const grows = f.op('v128.xor', f.op('f32x4.gt', b, zero), nothing);
  const plain = yield pick(edge, and(infinity, grows), y);
  const whole = yield f.op('f32x4.eq', f.op('f32x4.trunc', b), b);
  const half = yield mul(b, f.f32x4(0.5));
  const odd = and(whole, f.op('f32x4.ne', f.op('f32x4.floor', half), half));
  const signed = yield f.op('v128.xor', plain, and(odd, and(a, f.i32x4(signBit))));
  const negative = and(f.op('f32x4.lt', a, zero), f.op('f32x4.gt', a, f.f32x4(-Infinity)));
  const invalid = or(and(negative, not(whole)), or(f.op('f32x4.ne', a, a), f.op('f32x4.ne', b, b)));
  const kept = yield or(signed, invalid); // all bits set are a NaN
  const turning = and(f.op('f32x4.eq', size, one), f.op('f32x4.eq', f.op('f32x4.abs', b), infinity)); // (-1)^infinity
  return pick(or(or(f.op('f32x4.eq', b, zero), f.op('f32x4.eq', a, one)), turning), one, kept);
}

/**
 * The remainder of a / b with the sign of b, exactly. |a| loses multiples of |b|: each time the quotient's first 28 digits, rounded
 * down so that the rest is never negative. Their product with b is exact, and so is what is left, as it has no more digits than a and b.
 */
export function* mod(f: Func, a: Local, b: Local): Steps {
  const { add, pick } = lanes(f);
  const d = double(f);
  const [rests, sizes]: [Local[], Local[]] = [[], []];
  for (const half of halvesOf(f, yield f.op('f32x4.abs', a))) rests.push(yield half);
  for (const half of halvesOf(f, yield f.op('f32x4.abs', b))) sizes.push(yield half);
  const digits = f.vector(Int32Array.of(-1 << 25, -1, -1 << 25, -1));
  rests.forEach((rest, i) => {
    const more = f.local('v128', f.op('f64x2.ge', rest, sizes[i]));
    f.while(f.op('v128.any_true', more), () => {
      const quotient = f.op('f64x2.floor', d.mul(d.div(rest, sizes[i]), f.f64x2(1 - 2 ** -52)));
      const some = f.op('f64x2.pmax', f.op('v128.and', quotient, digits), f.f64x2(1));
      f.set(rest, d.sub(rest, f.op('v128.and', d.mul(some, sizes[i]), more)));
      f.set(more, f.op('f64x2.ge', rest, sizes[i]));
    });
  });
  const [signA, signB] = [a, b].map((x) => f.op('v128.and', x, f.i32x4(signBit)));
  const rest = yield f.op('v128.or', fromHalves(f, rests), signA);
  const opposite = f.op('i32x4.lt_s', f.op('v128.xor', a, b), f.i32x4(0));
  const nonzero = yield pick(opposite, add(rest, b), rest);
  const result = pick(f.op('f32x4.eq', rest, f.f32x4(0)), signB, nonzero);
  return f.op('v128.or', result, f.op('f32x4.ne', b, b)); // all bits set are a NaN
}

/** floor(a / b) in float64, which is exact for 32-bit integers. */
function* quotients(f: Func, a: Local, b: Local): Generator<Value, { x: Local; y: Local; q: Local }[], Local> {
  const [xs, ys] = [integerHalves(f, a), integerHalves(f, b)];
  const results = [];
  for (const i of [0, 1]) {
    const [x, y] = [yield xs[i], yield ys[i]];
    results.push({ x, y, q: yield f.op('f64x2.floor', double(f).div(x, y)) });
  }
  return results;
}

/** a / b rounded down; of 0 / 0, 0, and otherwise as large as can be where it is too large. */
export function* divInteger(f: Func, a: Local, b: Local): Steps {
  return fromHalves(f, (yield* quotients(f, a, b)).map(({ q }) => q), 'i32x4.trunc_sat_f64x2_s_zero');
}
/** a - floor(a / b) b; 0 where b is. */
export function* modInteger(f: Func, a: Local, b: Local): Steps {
  const { sub, mul } = double(f);
  return fromHalves(f, (yield* quotients(f, a, b)).map(({ x, y, q }) => sub(x, mul(q, y))), 'i32x4.trunc_sat_f64x2_s_zero');
}
