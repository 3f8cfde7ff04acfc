/**
 * What GPUs lack, said in what they have. The result has only + - * /, comparisons, logic, select, floor, ceil, abs, sqrt, exp,
 * log, sin, cos, atan and powers of what is not negative, on floats and booleans; integers are whole floats. NaN, infinities,
 * ties and the sign of zero come out as in values.ts, because every rule below says them by comparisons and selects.
 *
 * What the rules are there for, seen through gpu.js 2.24 on WebGL 2 and WebGPU (SwiftShader): exp(NaN) is Infinity; log(0) is -88,
 * log(-1) is 0; pow(0, 1e-3) is 0.9 and pow(7, 7) is off by one; sin and cos are wrong in the fifth digit; x + 0 is x and 0 x is 0,
 * so that neither turns -0 into 0; max and min may drop a NaN, tanh(100) is NaN, round goes up at halves, log1p and expm1 cancel.
 */
import { cosTail, erfFar, erfinvFar, erfinvNear, erfNear, expTail, halfPi, logTail, sinTail, tanhTail } from './approximations.js';
import {
  abs, add, cast, ceil, constant, cos, div, equal, exp, floor, inline, input, less, log, logicalAnd, logicalNot, logicalOr, logicalXor, mul, neg, pow, rewrite,
  sin, sqrt, sub, where, type Expr, type Operand,
} from './expression.js';
import { bernoulli, cotangentDerivative, eulerGamma, lgammaSeries } from './special.js';

/** c[0] x^(n-1) + ... + c[n-1], by Horner's rule. */
const polynomial = (x: Expr, [first, ...rest]: readonly number[]): Expr => rest.reduce((sum, c) => add(mul(sum, x), c), constant(first!));

const isNumber = (x: Expr): Expr => equal(x, x);
const isWhole = (x: Expr): Expr => equal(floor(x), x);
const isOdd = (x: Expr): Expr => equal(sub(x, mul(2, floor(mul(0.5, x)))), 1);
/** x is negative, or the negative zero. */
const hasMinus = (x: Expr): Expr => logicalOr(less(x, 0), logicalAnd(equal(x, 0), less(div(1, x), 0)));
/** -1, 1 or x itself: zeros and NaN stay what they are. */
const sign = (x: Expr): Expr => where(less(x, 0), -1, where(less(0, x), 1, x));
/** x with zeros made positive: integers have one zero. (Compilers take x + 0 for x, and 0 x for 0.) */
const oneZero = (x: Expr): Expr => where(equal(x, 0), 0, x);

/** Towards 0. */
const trunc = (x: Expr): Expr => where(less(x, 0), ceil(x), floor(x));

/** The fraction dropped, held to 32 bits, NaN -> 0. */
function toInt(x: Expr): Expr {
  const whole = trunc(x);
  const held = where(less(whole, -2147483648), -2147483648, where(less(2147483647, whole), 2147483647, whole));
  return oneZero(where(isNumber(x), held, 0));
}

/** The larger (by `less`) of two; a + b where neither is: NaN of NaN, and the right one of two zeros. */
const maximum = (a: Expr, b: Expr): Expr => where(less(a, b), b, where(less(b, a), a, where(logicalAnd(equal(a, b), logicalNot(equal(a, 0))), a, add(a, b))));

/** The nearest whole number, halves to the even one. */
function round(x: Expr): Expr {
  const down = floor(x);
  const rest = sub(x, down);
  const y = where(less(rest, 0.5), down, where(logicalOr(less(0.5, rest), isOdd(down)), add(down, 1), down));
  return where(less(abs(x), 8388608), where(equal(y, 0), where(hasMinus(x), -0, 0), y), x); // from 2^23 on all floats are whole
}

/** r and b lie on different sides of 0: of a remainder, that its quotient was rounded over a whole number, or is to be rounded down. */
const wrongSide = (r: Expr, b: Expr): Expr => logicalAnd(logicalNot(equal(r, 0)), logicalXor(less(r, 0), less(b, 0)));

/** a - trunc(a / b) b on a's side of 0 and below b, then on b's side. */
function remainder(a: Expr, b: Expr): Expr {
  const r = sub(a, mul(trunc(div(a, b)), b));
  const step = where(less(a, 0), neg(abs(b)), abs(b));
  const held = where(wrongSide(r, a), add(r, step), where(less(abs(r), abs(b)), r, sub(r, step)));
  return where(wrongSide(held, b), add(held, b), held);
}

function mod(a: Expr, b: Expr): Expr {
  const endless = logicalAnd(equal(abs(b), Infinity), less(abs(a), Infinity));
  const y = where(endless, where(wrongSide(a, b), b, a), remainder(a, b));
  return where(equal(y, 0), where(less(b, 0), -0, 0), y);
}

/** The quotient of integers, rounded down. */
function floorDivide(a: Expr, b: Expr): Expr {
  const q = floor(div(a, b));
  const r = sub(a, mul(q, b));
  return toInt(where(wrongSide(r, b), sub(q, 1), where(less(abs(r), abs(b)), q, add(q, 1))));
}

/** |a|^b, and the sign that a gives it: minus for odd b, none for other whole b, and no number is a root of a negative one. */
function power(a: Expr, b: Expr): Expr {
  const size = abs(a);
  const known = logicalAnd(isNumber(a), isNumber(b));
  const one = logicalOr(equal(b, 0), logicalOr(equal(a, 1), logicalAnd(equal(a, -1), equal(abs(b), Infinity))));
  const usual = where(equal(size, 0), where(less(b, 0), Infinity, 0), pow(size, b)); // GPUs take the logarithm of 0 for a large number
  const y = where(one, 1, where(known, usual, NaN));
  const noRoot = logicalAnd(logicalNot(isWhole(b)), logicalAnd(less(a, 0), less(size, Infinity)));
  return where(logicalAnd(isOdd(b), hasMinus(a)), neg(y), where(noRoot, NaN, y));
}

/** By squaring, which is exact where a GPU's pow is not. Beyond exponents of 31 only -1, 0 and 1 stay below 2^24: parity is enough. */
function integerPower(a: Expr, b: Expr): Expr {
  const e = abs(b);
  const held = where(less(31, e), where(isOdd(e), 31, 30), e);
  let [y, square]: [Expr, Expr] = [where(isOdd(held), a, 1), a];
  for (let bit = 1; bit < 5; bit++) {
    square = mul(square, square);
    y = mul(y, where(isOdd(floor(mul(held, 2 ** -bit))), square, 1));
  }
  return toInt(where(logicalAnd(less(b, 0), logicalNot(equal(abs(a), 1))), where(equal(a, 0), Infinity, 0), y));
}

/** e^x and log x where GPUs compute something else: of NaN, zeros, infinities and negative numbers. */
const safeExp = (x: Expr): Expr => where(isNumber(x), exp(x), x);
const safeLog = (x: Expr): Expr => where(less(x, 0), NaN, where(equal(x, 0), -Infinity, where(less(x, Infinity), log(x), x)));

const third = (x: Expr): Expr => mul(mul(x, x), x);
const isNear = (x: Expr, low: number, high: number): Expr => logicalAnd(less(low, x), less(x, high));

/** e^x - 1: a polynomial near 0, where the difference would cancel. */
const expm1 = (x: Expr): Expr => where(isNear(x, -0.34, 0.34), add(x, mul(mul(x, x), polynomial(x, expTail))), sub(safeExp(x), 1));

/** log(1 + x): a polynomial near 0, where the sum would round x away. */
const log1p = (x: Expr): Expr =>
  where(isNear(x, -0.29, 0.41), add(x, sub(mul(third(x), polynomial(x, logTail)), mul(0.5, mul(x, x)))), safeLog(add(1, x)));

/**
 * sin x (or cos x, a quarter of a turn on) by quarters: GPUs are four digits off. `far` is the target's own, for |x| where float32
 * has no digits left for a reduction of our own.
 */
function wave(x: Expr, quarter: number, far: Expr): Expr {
  const n = round(mul(x, 2 / Math.PI));
  const r = halfPi.reduce((rest, part) => sub(rest, mul(n, part)), x);
  const z = mul(r, r);
  const sine = add(r, mul(mul(r, z), polynomial(z, sinTail)));
  const cosine = add(sub(1, mul(0.5, z)), mul(mul(z, z), polynomial(z, cosTail)));
  const turned = add(n, quarter);
  const y = where(isOdd(turned), cosine, sine);
  const lower = isOdd(floor(mul(0.5, turned)));
  return where(less(abs(x), 1e5), where(lower, neg(y), y), where(less(abs(x), Infinity), far, NaN));
}

/** A polynomial near 0, 1 - 2 / (e^2|x| + 1) elsewhere, with |x| held so that no infinity arises on the way. */
function tanh(x: Expr): Expr {
  const a = abs(x);
  const far = sub(1, div(2, add(exp(mul(2, where(less(10, a), 10, a))), 1)));
  return where(less(a, 0.625), add(x, mul(third(x), polynomial(mul(x, x), tanhTail))), mul(sign(x), far));
}

/** x (1 + P(x^2)) near 0, 1 - e^(-t Q(t)) with t = |x| elsewhere, and 1 in float32 from 3.92 on. */
function erf(x: Expr): Expr {
  const t = abs(x);
  const far = where(less(t, 3.92), sub(1, exp(neg(mul(t, polynomial(t, erfFar))))), 1);
  return where(less(t, 0.93), add(x, mul(x, polynomial(mul(x, x), erfNear))), mul(sign(x), far));
}

function erfinv(x: Expr): Expr {
  const w = neg(safeLog(mul(sub(1, x), add(1, x))));
  const ratio = where(less(w, 5), polynomial(sub(w, 2.5), erfinvNear), polynomial(sub(sqrt(w), 3), erfinvFar));
  return where(equal(abs(x), 1), mul(x, Infinity), mul(x, ratio));
}

/** Taylor's series at 2, reached by the recurrence, below 7.5; Stirling's above; reflection below 1/2. */
function lgamma(x: Expr): Expr {
  const reflected = less(x, 0.5);
  const above = where(reflected, sub(1, x), x);
  let [y, product]: [Expr, Expr] = [above, constant(1)];
  for (let k = 0; k < 5; k++) {
    const down = less(2.5, y);
    y = where(down, sub(y, 1), y);
    product = where(down, mul(product, y), product);
  }
  const low = less(y, 1.5);
  const z = sub(y, where(low, 1, 2));
  const near = add(mul(z, polynomial(z, lgammaSeries(14))), where(low, neg(log1p(z)), log(product)));
  const r = div(1, above);
  const far = add(sub(mul(sub(above, 0.5), log(above)), above), add(0.5 * Math.log(2 * Math.PI), mul(r, polynomial(mul(r, r), [1 / 1260, -1 / 360, 1 / 12]))));
  const size = where(less(above, 7.5), near, far);
  const sine = abs(wave(mul(Math.PI, sub(x, round(x))), 0, constant(0)));
  const tiny = neg(add(safeLog(abs(x)), mul(eulerGamma, x)));
  const below = where(less(abs(x), 1e-4), tiny, sub(sub(Math.log(Math.PI), safeLog(sine)), size));
  return where(less(above, Infinity), where(reflected, below, size), abs(x));
}

/** The recurrence up to 6 + n, the asymptotic series there; reflection below 1/2. Near digamma's zeros only absolutely as good as float32. */
function polygamma(order: Expr, x: Expr): Expr {
  const n = order.value;
  const reflected = less(x, 0.5);
  let y = where(reflected, sub(1, x), x);
  const inverse = (v: Expr, k: number): Expr => { // v^-k
    const r = div(1, v);
    return Array.from({ length: k }, () => r).reduce<Expr>((p, q) => mul(p, q), constant(1));
  };
  let sum: Expr = constant(0);
  for (let k = 0; k < 6 + n; k++, y = add(y, 1)) sum = add(sum, inverse(y, n + 1));
  sum = add(sum, add(mul(0.5, inverse(y, n + 1)), n ? div(inverse(y, n), n) : neg(safeLog(y))));
  let weight = (n + 1) / 2; // (n + 1) ... (n + 2j - 1) / (2j)!
  for (let j = 1; j < 5; j++) {
    sum = add(sum, mul(bernoulli[j - 1]! * weight, inverse(y, n + 2 * j)));
    weight *= ((n + 2 * j) * (n + 2 * j + 1)) / ((2 * j + 1) * (2 * j + 2));
  }
  let factorial = n % 2 ? 1 : -1;
  for (let k = 2; k <= n; k++) factorial *= k;
  const above = mul(factorial, sum);
  const f = sub(x, round(x));
  const angle = mul(Math.PI, f);
  const cotangent = div(wave(angle, 1, constant(0)), wave(angle, 0, constant(0)));
  const turn = mul(Math.PI, polynomial(cotangent, cotangentDerivative(n).reverse()));
  const pole: Operand = n % 2 ? Infinity : where(equal(x, 0), div(-1, x), NaN);
  return where(reflected, where(equal(f, 0), pole, sub(n % 2 ? neg(above) : above, turn)), above);
}

/** By operation; of integers, whose arguments are whole floats, by `operation i`. Operations that are not here every GPU has. */
const rules: Partial<Record<string, (a: Expr, b: Expr) => Expr>> = {
  sign, round, expm1, log1p, tanh, erf, erfinv, lgamma, polygamma, mod,
  exp: safeExp,
  log: safeLog,
  sin: (x) => wave(x, 0, sin(x)),
  cos: (x) => wave(x, 1, cos(x)),
  pow: power,
  max: maximum,
  min: (a, b) => neg(maximum(neg(a), neg(b))),
  'neg i': (a) => sub(0, a),
  'mul i': (a, b) => oneZero(mul(a, b)),
  'div i': floorDivide,
  'mod i': (a, b) => where(equal(b, 0), 0, oneZero(remainder(a, b))),
  'pow i': integerPower,
};

/** The same operation on other arguments, which may be floats now where they were integers. */
const again: Partial<Record<string, (a: Expr, b: Expr, c: Expr) => Operand>> = {
  add, sub, mul, div, less, equal, where, neg, abs, and: logicalAnd, or: logicalOr, not: logicalNot,
};

/**
 * The expression in the operations that a GPU has, on floats and booleans. Approximations hold to float32 precision. Integers become
 * whole floats, unless the target has them (`integers`): then what is said of them stays as it is.
 */
export const lowered = (root: Expr, integers = false): Expr => rewrite(inline(root), (node, [a, b, c]) => {
  const { op, type } = node;
  if (integers && (type === 'i' || node.args[0]?.type === 'i')) return null;
  if (op === 'in') return type === 'i' ? input(node.value) : node;
  if (op === 'const') return type === 'i' ? constant(node.value) : node;
  if (op === 'cast') {
    if (type === 'b') return logicalNot(equal(a!, 0));
    return type === 'i' && node.args[0]!.type === 'f' ? toInt(a!) : cast(a!, 'f');
  }
  const rule = (type === 'i' && rules[`${op} i`]) || rules[op];
  return rule ? rule(a!, b!) : ((again[op]?.(a!, b!, c!) as Expr | undefined) ?? null);
});
