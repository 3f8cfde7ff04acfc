/** Special functions to double precision: the gamma function's relatives, the error function and its inverse. */

/** The Bernoulli numbers B_2, B_4, ... B_20. */
export const bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330];

/** sum_k (q + k)^-s for whole s >= 2 and q > 0. Source: Euler-Maclaurin summation, DLMF 25.11.28 and 2.10.1. */
function hurwitzZeta(s: number, q: number): number {
  let sum = 0;
  for (; q < 10 + s; q++) sum += q ** -s;
  sum += q ** (1 - s) / (s - 1) + q ** -s / 2;
  let term = (s / 2) * q ** (-s - 1); // s (s + 1) ... (s + 2j - 2) / (2j)! q^(-s - 2j + 1)
  for (const [i, b] of bernoulli.entries()) {
    const j = i + 1;
    sum += b * term;
    term *= ((s + 2 * j - 1) * (s + 2 * j)) / ((2 * j + 1) * (2 * j + 2)) / (q * q);
  }
  return sum;
}

const tables = new Map<number, number[]>();
/** zeta(k, q), the sum over (q + i)^-k, for k = 2 ... 40, remembered. */
function zetas(q: number): number[] {
  let table = tables.get(q);
  if (!table) tables.set(q, (table = Array.from({ length: 39 }, (_, i) => hurwitzZeta(i + 2, q))));
  return table;
}

/** x less the nearest whole number, in [-1/2, 1/2]: exact. */
const fraction = (x: number): number => x - Math.round(x);

export const eulerGamma = 0.5772156649015329;

/** The Taylor series of log gamma at 2, highest power first and without its z^0, which is 0. Source: DLMF 5.7.3. */
export const lgammaSeries = (terms: number): number[] =>
  zetas(2).slice(0, terms - 1).map((value, i) => ((i % 2 ? -1 : 1) * value) / (i + 2)).reverse().concat(1 - eulerGamma);

let series: number[] | undefined;
/** log gamma(2 + z) for |z| <= 1/2. */
const lgammaNear2 = (z: number): number => (series ??= lgammaSeries(30)).reduce((sum, c) => (sum + c) * z, 0);

/**
 * log |gamma(x)|; infinite at 0, -1, -2, ... Taylor's series around 1 and 2, where it is 0; Stirling's from 12 on, the recurrence
 * between, reflection below 1/2. Source: DLMF 5.5.1, 5.5.3, 5.11.1.
 */
export function lgammaValue(x: number): number {
  if (Math.abs(x) === Infinity) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * fraction(x)))) - lgammaValue(1 - x);
  if (x < 1.5) return lgammaNear2(x - 1) - Math.log1p(x - 1);
  if (x < 12) {
    let product = 1;
    while (x > 2.5) product *= --x;
    return Math.log(product) + lgammaNear2(x - 2);
  }
  let [sum, power] = [(x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI), 1 / x];
  for (const [i, b] of bernoulli.slice(0, 8).entries()) {
    sum += (b * power) / ((2 * i + 2) * (2 * i + 1));
    power /= x * x;
  }
  return sum;
}

/** digamma's zero above 0, and digamma of that float64. */
const zero = 1.4616321449683622;
const atZero = -9.241265521729427e-17;

function digammaAbove0(x: number): number {
  if (Math.abs(x - zero) < 0.25) {
    let [sum, power] = [atZero, -1];
    for (const value of zetas(zero)) sum += value * (power *= zero - x);
    return sum;
  }
  let sum = 0;
  for (; x < 12; x++) sum -= 1 / x;
  sum += Math.log(x) - 0.5 / x;
  let power = 1;
  for (const [i, b] of bernoulli.slice(0, 8).entries()) sum -= (b * (power /= x * x)) / (2 * i + 2);
  return sum;
}

/** The derivative of order n of cot(pi x) as a polynomial in c = cot(pi x), lowest power first: d/dx c = -pi (1 + c^2). */
export function cotangentDerivative(n: number): number[] {
  let p = [0, 1];
  for (; n > 0; n--) {
    const next = new Array<number>(p.length + 1).fill(0);
    p.forEach((v, k) => {
      if (!k) return;
      next[k - 1]! -= Math.PI * k * v;
      next[k + 1]! -= Math.PI * k * v;
    });
    p = next;
  }
  return p;
}

/**
 * The derivative of order n + 1 of log gamma: digamma for n = 0, trigamma for 1. Series in 1/x after the recurrence, Taylor's
 * around digamma's zero, reflection below 0. Source: DLMF 5.5.2, 5.5.4, 5.11.2, 5.15.
 */
export function polygammaValue(n: number, x: number): number {
  if (Number.isNaN(x) || x === -Infinity) return NaN;
  if (x === 0) return n % 2 ? Infinity : -1 / x;
  if (x < 0) {
    const f = fraction(x);
    if (f === 0) return n % 2 ? Infinity : NaN;
    const c = Math.abs(f) === 0.5 ? 0 : 1 / Math.tan(Math.PI * f);
    const turn = Math.PI * cotangentDerivative(n).reduceRight((sum, k) => sum * c + k, 0);
    return (n % 2 ? -1 : 1) * polygammaValue(n, 1 - x) - turn;
  }
  if (n === 0) return digammaAbove0(x);
  if (x === Infinity) return 0;
  let factorial = n % 2 ? 1 : -1;
  for (let k = 2; k <= n; k++) factorial *= k;
  return factorial * hurwitzZeta(n + 1, x);
}

/** Error function, to double precision (Abramowitz and Stegun 7.1.5 below 3, the continued fraction of 7.1.14 above). */
export function erfValue(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(x) ? NaN : Math.sign(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let tail = a;
  for (let n = 60; n >= 1; n--) tail = a + n / 2 / tail;
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / tail);
}

/** 1 - erf(x) for x >= 1, by the continued fraction. Source: Abramowitz and Stegun 7.1.14. */
function erfcTail(x: number): number {
  let tail = x;
  for (let n = 200; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/** y with erf(y) = x: Winitzki's approximation, made exact by three steps of Halley's method; infinite at +-1. */
export function erfinvValue(x: number): number {
  const size = Math.abs(x);
  if (!(size < 1)) return size === 1 ? x * Infinity : NaN;
  const [a, l] = [0.147, Math.log1p(-x * x)];
  const t = 2 / (Math.PI * a) + l / 2;
  let y = Math.sqrt(-l / a / (Math.sqrt(t * t - l / a) + t));
  for (let k = 0; k < 3; k++) {
    const off = y < 1 ? erfValue(y) - size : 1 - size - erfcTail(y);
    const step = off / ((2 / Math.sqrt(Math.PI)) * Math.exp(-y * y));
    y -= step / (1 + y * step);
  }
  return x < 0 ? -y : x === 0 ? x : y;
}
