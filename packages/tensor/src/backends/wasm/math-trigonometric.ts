/** Sine, cosine and inverse tangent on four float32 lanes; arguments are reduced in float64. */
import { atanTail, cosTail, halfPiDouble, sinTail, twoOverPi } from '../../scalar/approximations.js';
import type { Func, Local, Value } from './assembler.js';
import { fromHalves, halvesOf } from './math-double.js';
import { lanes, polynomial, signBit, withSign, type Steps } from './math.js';

/** Up to here the number of quarter turns times the first part of pi / 2 is exact. */
const near = 2 ** 20;

/** a = n pi / 2 + r with |r| <= pi / 4, for a >= 0: gives n, a whole number of which the low two bits are right, and r. NaN of an infinity. */
function* quarters(f: Func, a: Local): Generator<Value, { n: Local; r: Local }, Local> {
  const [sub, mul] = [(x: Value, y: Value) => f.op('f64x2.sub', x, y), (x: Value, y: Value) => f.op('f64x2.mul', x, y)];
  const halves: Local[] = [];
  for (const half of halvesOf(f, a)) halves.push(yield half);
  const [turns, rest]: [Local[], Local[]] = [[], []];
  for (const x of halves) turns.push(yield f.op('f64x2.nearest', mul(x, f.f64x2(2 / Math.PI))));
  for (const [i, x] of halves.entries()) rest.push(yield sub(sub(x, mul(turns[i], f.f64x2(halfPiDouble[0]))), mul(turns[i], f.f64x2(halfPiDouble[1]))));
  f.if(f.op('v128.any_true', f.op('f32x4.ge', a, f.f32x4(near))), () => halves.forEach((x, i) => farQuarters(f, x, turns[i], rest[i])));
  const whole = turns.map((n) => f.local('v128', f.op('i32x4.trunc_sat_f64x2_s_zero', n)));
  return { n: yield f.shuffle([0, 1, 4, 5], whole[0], whole[1]), r: yield fromHalves(f, rest) };
}

/**
 * The same for x of any size, in float64: x / (pi / 2) modulo 4 from the digits of 2 / pi that matter. With x = y 2^(24 q), y a
 * whole number below 2^47 for q > 0, those before digit 24 q - 2 give multiples of 4 and are left out. y has 24 digits, so each
 * product with 26 others is exact. Source: Payne and Hanek 1983, "Radian Reduction for Trigonometric Functions".
 */
function farQuarters(f: Func, x: Local, turns: Local, rest: Local): void {
  const [add, sub, mul] = (['add', 'sub', 'mul'] as const).map((op) => (a: Value, b: Value): Value => f.op(`f64x2.${op}`, a, b));
  const keep = (v: Value) => f.local('v128', v);
  const far = [1, 2, 3, 4].map((q) => keep(f.op('f64x2.ge', x, f.f64x2(2 ** (24 * q + 23)))));
  /** What depends on q, from its value for each. */
  const by = (value: (q: number) => number): Value => far.reduce<Value>((v, mask, i) => f.op('v128.bitselect', f.f64x2(value(i + 1)), v, mask), f.f64x2(value(0)));
  const y = keep(mul(x, by((q) => 2 ** (-24 * q))));
  const digits = (k: number) => by((q) => (k === 0 && q > 0 ? twoOverPi[q - 1] % 4 : 0) + twoOverPi[q + k] * 2 ** (-24 * (k + 1)));
  const [p0, p1, ...low] = [0, 1, 2, 3, 4].map((k) => keep(mul(y, digits(k))));
  const modulo4 = (p: Local): Value => sub(p, mul(f.op('f64x2.floor', mul(p, f.f64x2(0.25))), f.f64x2(4)));
  const high = keep(add(modulo4(p0), modulo4(p1)));
  const tail = keep(add(low[1], low[2]));
  f.set(turns, f.op('f64x2.nearest', add(high, low[0])));
  f.set(rest, mul(add(add(sub(high, turns), low[0]), tail), f.f64x2(Math.PI / 2)));
}

/** Sine and cosine of r, |r| <= pi / 4. */
export function* circle(f: Func, r: Local): Generator<Value, { sine: Local; cosine: Local }, Local> {
  const { add, sub, mul } = lanes(f);
  const z = yield mul(r, r);
  const sine = yield add(mul(yield* polynomial(f, z, sinTail), mul(z, r)), r);
  const cosine = yield sub(f.f32x4(1), sub(mul(z, f.f32x4(0.5)), mul(yield* polynomial(f, z, cosTail), mul(z, z))));
  return { sine, cosine };
}
/** sin(r + n pi / 2). */
export function turned(f: Func, { sine, cosine }: { sine: Local; cosine: Local }, n: Local): Value {
  const y = f.op('v128.bitselect', cosine, sine, f.op('i32x4.eq', f.op('v128.and', n, f.i32x4(1)), f.i32x4(1)));
  return f.op('v128.xor', y, f.op('v128.and', f.op('i32x4.shl', n, 30), f.i32x4(signBit)));
}

export function* sin(f: Func, x: Local): Steps {
  const { n, r } = yield* quarters(f, yield f.op('f32x4.abs', x));
  return f.op('v128.xor', turned(f, yield* circle(f, r), n), f.op('v128.and', x, f.i32x4(signBit)));
}
export function* cos(f: Func, x: Local): Steps {
  const { n, r } = yield* quarters(f, yield f.op('f32x4.abs', x));
  return turned(f, yield* circle(f, r), yield f.op('i32x4.add', n, f.i32x4(1)));
}

/** atan(x) = c + atan(t), c a multiple of pi / 4 (in two parts) that brings t into [-tan(pi / 8), tan(pi / 8)]. Source: Cephes, atanf.c. */
export function* atan(f: Func, x: Local): Steps {
  const { add, sub, mul, div, pick } = lanes(f);
  const a = yield f.op('f32x4.abs', x);
  const large = yield f.op('f32x4.gt', a, f.f32x4(1 + Math.SQRT2));
  const middle = yield f.op('f32x4.gt', a, f.f32x4(Math.SQRT2 - 1));
  const by = (far: Value, between: Value, close: Value): Value => pick(large, far, pick(middle, between, close));
  const one = f.f32x4(1);
  const t = yield div(by(f.f32x4(-1), sub(a, one), a), by(a, add(a, one), one));
  const [high, low] = [Math.fround(Math.PI / 2), Math.PI / 2 - Math.fround(Math.PI / 2)];
  const z = yield mul(t, t);
  const tail = yield mul(yield* polynomial(f, z, atanTail), mul(z, t));
  const rest = yield add(t, add(tail, by(f.f32x4(low), f.f32x4(low / 2), f.f32x4(0))));
  return withSign(f, add(by(f.f32x4(high), f.f32x4(high / 2), f.f32x4(0)), rest), x);
}
