import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arctan, cos, div, erf, exp, expm1, input, log, log1p, mod, pow, sin, tanh, type Expr } from '../../scalar/expression.js';
import { binaryValue, erfValue, type Binary } from '../../scalar/values.js';
import { sigmoid, softplus } from '../../scalar/named.js';
import { Engine, hasRelaxed } from './engine.js';
import { lockstep, shareExp } from './math.js';
import { array, backend, dense, fastest, fill, generator, runCall } from './testing.js';

const test = suite('wasm elementary functions');

/** Distance in units in the last place of the correctly rounded value; below the normal range a unit is 2^-149. */
function ulps(got: number, exact: number): number {
  const rounded = Math.fround(exact);
  if (Object.is(got, rounded) || (Number.isNaN(got) && Number.isNaN(rounded))) return 0;
  if (!Number.isFinite(rounded) || !Number.isFinite(got)) return Infinity;
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(rounded) || 2 ** -149)));
  return Math.abs(got - exact) / 2 ** (exponent - 23);
}

/** Multiples of pi / 2, where sine or cosine is near 0 and reduction hardest: small ones and large ones. */
const turns = Array.from({ length: 600 }, (_, i) => Math.round(i < 300 ? i + 1 : 1.3 ** (i - 300 + 21)) * Math.PI / 2).filter((v) => v < 3e38);

/** Every `step`-th float32 by its bits, both signs, with neighbours of the interesting ones. */
function samples(step: number): Float32Array {
  const bits: number[] = [];
  for (let b = 0; b <= 0x7f800000; b += step) bits.push(b, b | 0x80000000);
  for (const x of [0.625, 0.93, 1, Math.LN2 / 2, 87, 88.7, 88.72283, 88.73, 103.97, 104, 9.01, 2 ** -126, 2 ** -25, Math.SQRT1_2, Math.SQRT2, 3.95, Math.SQRT2 - 1, Math.SQRT2 + 1, 2 ** 20, ...[47, 71, 95, 119].map((e) => 2 ** e), ...turns]) {
    const at = new Uint32Array(new Float32Array([x]).buffer)[0];
    for (let d = -40; d <= 40; d++) bits.push(at + d, (at + d) | 0x80000000);
  }
  bits.push(0x7fc00000, 0x7f800000, 0xff800000, 0x80000000, 0);
  return new Float32Array(Uint32Array.from(bits).buffer);
}

const x = samples(9973);
const heapX = array('float32', x.length) as Float32Array;
heapX.set(x);
const y = array('float32', x.length) as Float32Array;

function worst(e: Expr, exact: (x: number) => number, takes: (x: number) => boolean = () => true): { ulp: number; at: number } {
  runCall('map', { roots: [e] }, [dense(heapX, [x.length], 'float32')], [dense(y, [x.length], 'float32')]);
  let found = { ulp: 0, at: 0 };
  for (let i = 0; i < x.length; i++) {
    if (!takes(x[i])) continue;
    const ulp = ulps(y[i], exact(x[i]));
    if (!(ulp <= found.ulp)) found = { ulp, at: x[i] };
  }
  return found;
}

const functions: [string, Expr, (x: number) => number, number, ((x: number) => boolean)?][] = [
  ['exp', exp(input(0)), Math.exp, 2],
  ['log', log(input(0)), Math.log, 2],
  ['tanh', tanh(input(0)), Math.tanh, 2],
  ['erf', erf(input(0)), erfValue, 2],
  ['expm1', expm1(input(0)), Math.expm1, 2],
  ['log1p', log1p(input(0)), Math.log1p, 2],
  ['sin', sin(input(0)), Math.sin, 2],
  ['cos', cos(input(0)), Math.cos, 2],
  ['tan', div(sin(input(0)), cos(input(0))), Math.tan, 4],
  ['atan', arctan(input(0)), Math.atan, 2],
  // Below, e^-x overflows float32 and the result is 0, as the formula says in any engine that rounds to float32.
  ['sigmoid', sigmoid(input(0)), (v) => 1 / (1 + Math.exp(-v)), 3, (v) => !(v < -87)],
  ['softplus', softplus(input(0)), (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))), 3],
];

for (const [name, e, exact, limit, takes] of functions) {
  test(`${name} is within ${limit} units in the last place`, () => {
    const { ulp, at } = worst(e, exact, takes);
    const n = 65536;
    const [from, to] = [array('float32', n), array('float32', n)];
    for (let i = 0; i < n; i++) from[i] = ((i % 1000) - 500) / 100;
    const run = backend.prepare({ family: { name: 'map', js() {} }, params: { roots: [e] } }, [dense(from, [n], 'float32')], [dense(to, [n], 'float32')])!;
    console.log(`${name}: ${ulp.toFixed(2)} ulp at ${at}, ${((fastest(run, 15) / n) * 1e6).toFixed(2)} ns per element`);
    assert.ok(ulp <= limit, `${ulp} at ${at}`);
  });
}

for (const relaxed of hasRelaxed() ? [false, true] : [false]) {
  test(`the e^x of shares, ${relaxed ? 'fused' : 'not fused'}, is within 2 units in the last place and 0 below the normal range`, () => {
    const engine = new Engine({ shared: false });
    const given = Float32Array.from([-Infinity, NaN, ...x.filter((v) => v <= 0)]);
    const n = Math.floor(given.length / 4) * 4;
    const place = engine.heap.reserve(4 * n);
    const run = engine.compile((module) => module.func(['i32', 'i32', 'i32'], [], (f, p, _, end) => f.while(f.op('i32.lt_u', p, end), () => {
      f.store('v128.store', p, lockstep(f, [shareExp(f, f.local('v128', f.load('v128.load', p)), relaxed)])[0]);
      f.advance(p, 16);
    }), 'run'));
    const there = engine.heap.view('float32', place, n);
    there.set(given.subarray(0, n));
    run(place, 0, place + 4 * n);
    let worst = 0;
    for (let i = 0; i < n; i++) {
      if (given[i] < -87) assert.ok(there[i] <= 2 ** -125, `${given[i]}: ${there[i]}`);
      else worst = Math.max(worst, ulps(there[i], Math.exp(given[i])));
    }
    console.log(`e^x of shares${relaxed ? ', fused' : ''}: ${worst.toFixed(2)} ulp`);
    assert.equal([there[0], there[1]], [0, NaN]);
    assert.ok(worst <= 2, String(worst));
  });
}

type Numbers = Float32Array | Int32Array;
/** What a function of two makes of pairs, and what it should. */
function ofPairs(e: Expr, op: Binary, a: Numbers, b: Numbers, each: (got: number, exact: number, a: number, b: number) => void): void {
  const dtype = a instanceof Int32Array ? 'int32' : 'float32';
  const [from, by, to] = [a, b, a].map((v, i) => { const there = array(dtype, v.length); if (i < 2) there.set(v); return there; });
  runCall('map', { roots: [e] }, [dense(from, [a.length], dtype), dense(by, [a.length], dtype)], [dense(to, [a.length], dtype)]);
  a.forEach((v, i) => each(to[i], binaryValue(op, v, b[i], dtype === 'int32' ? 'i' : 'f'), v, b[i]));
}
/** All pairs of a list's numbers. */
const square = <T extends Numbers>(list: T, make: (values: number[]) => T): [T, T] => [make([...list].flatMap((v) => [...list].map(() => v))), make([...list].flatMap(() => [...list]))];
const odd = Float32Array.of(0, -0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, -2.5, 7, 1e-45, -1e-45, 1e-40, 2 ** -126, 1e30, -1e30, 3.4e38, -3.4e38, 2 ** 24, 2 ** 24 + 2, -(2 ** 25), 8388607.5, 0.99999994, 1.0000001, Infinity, -Infinity, NaN);
const drawn = (seed: number, n: number): Float32Array => { const next = generator(seed); return Float32Array.from({ length: n }, () => (next() < 0.5 ? next() * 20 - 10 : new Float32Array(Uint32Array.of(next() * 2 ** 32).buffer)[0])); };
const same = (round: (v: number) => number) => (got: number, exact: number, a: number, b: number): void => assert.ok(Object.is(got, round(exact)), `${a}, ${b}: ${got}, should be ${exact}`);

test('pow is within 2 units in the last place', () => {
  let found = { ulp: 0, a: 0, b: 0 };
  const each = (got: number, exact: number, a: number, b: number) => { const ulp = ulps(got, exact); if (!(ulp <= found.ulp)) found = { ulp, a, b }; };
  const n = 300_000;
  ofPairs(pow(input(0), input(1)), 'pow', drawn(1, n), drawn(2, n), each);
  // Results of every size: b = t / log2 |a| for t in [-150, 128].
  const bases = drawn(3, n).map((v) => Math.abs(v));
  ofPairs(pow(input(0), input(1)), 'pow', bases, drawn(4, n).map((_, i) => (i / n * 278 - 150) / Math.log2(bases[i])), each);
  ofPairs(pow(input(0), input(1)), 'pow', bases.map((_, i) => 1 + (i - n / 2) * 2 ** -23), drawn(5, n).map((v) => v * 1000), each);
  console.log(`pow: ${found.ulp.toFixed(2)} ulp at ${found.a}, ${found.b}`);
  assert.ok(found.ulp <= 2, JSON.stringify(found));
});
test('pow of special numbers is what IEEE 754 says, with small whole powers exact', () => {
  ofPairs(pow(input(0), input(1)), 'pow', ...square(odd, (v) => Float32Array.from(v)), (got, exact, a, b) => assert.ok(ulps(got, exact) <= (Number.isInteger(b) && Math.abs(exact) < 2 ** 24 && Number.isInteger(exact) ? 0 : 1), `${a} ^ ${b} is ${got}, should be ${exact}`));
});
test('mod is exact', () => {
  ofPairs(mod(input(0), input(1)), 'mod', ...square(odd, (v) => Float32Array.from(v)), same(Math.fround));
  ofPairs(mod(input(0), input(1)), 'mod', drawn(6, 100_000), drawn(7, 100_000), same(Math.fround));
});
test('division and remainder of integers are exact', () => {
  const whole = Int32Array.of(0, 1, -1, 2, -2, 3, -3, 7, -7, 10, 46341, -46341, 2 ** 31 - 1, 2 - 2 ** 31, -(2 ** 31), 2 ** 30, 123456789);
  const next = generator(8);
  const any = () => Int32Array.from({ length: 50_000 }, () => (next() - 0.5) * 2 ** (1 + 31 * next()));
  for (const [op, make] of [['div', div], ['mod', mod]] as const) {
    const e = make(input(0, 'i'), input(1, 'i'));
    ofPairs(e, op, ...square(whole, (v) => Int32Array.from(v)), same((v) => v | 0));
    ofPairs(e, op, any(), any(), same((v) => v | 0));
  }
});
test('functions of two print their speed', () => {
  const n = 65536;
  for (const [name, make, kind] of [['pow', pow, 'f'], ['mod', mod, 'f'], ['mod of integers', mod, 'i'], ['div of integers', div, 'i']] as const) {
    const dtype = kind === 'f' ? 'float32' : 'int32';
    const [a, b, to] = [1, 2, 3].map((seed) => dense(fill(array(dtype, n), generator(seed)), [n], dtype));
    a.data.forEach((v, i) => { a.data[i] = Math.abs(v); });
    const run = backend.prepare({ family: { name: 'map', js() {} }, params: { roots: [make(input(0, kind), input(1, kind))] } }, [a, b], [to])!;
    console.log(`${name}: ${((fastest(run, 15) / n) * 1e6).toFixed(2)} ns per element`);
  }
});

test.run();
