import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { erf, exp, expm1, input, log, log1p, tanh, type Expr } from '../../scalar/expression.js';
import { erfValue } from '../../scalar/values.js';
import { sigmoid, softplus } from '../../scalar/named.js';
import { array, dense, fastest, runCall, backend } from './testing.js';

const test = suite('wasm elementary functions');

/** Distance in units in the last place of the correctly rounded value; below the normal range a unit is 2^-149. */
function ulps(got: number, exact: number): number {
  const rounded = Math.fround(exact);
  if (Object.is(got, rounded) || (Number.isNaN(got) && Number.isNaN(rounded))) return 0;
  if (!Number.isFinite(rounded) || !Number.isFinite(got)) return Infinity;
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(rounded) || 2 ** -149)));
  return Math.abs(got - exact) / 2 ** (exponent - 23);
}

/** Every `step`-th float32 by its bits, both signs, with neighbours of the interesting ones. */
function samples(step: number): Float32Array {
  const bits: number[] = [];
  for (let b = 0; b <= 0x7f800000; b += step) bits.push(b, b | 0x80000000);
  for (const x of [0.625, 0.93, 1, Math.LN2 / 2, 87, 88.7, 88.72283, 88.73, 103.97, 104, 9.01, 2 ** -126, 2 ** -25, Math.SQRT1_2, Math.SQRT2, 3.95]) {
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
  ['log1p', log1p(input(0)), Math.log1p, 3],
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

test.run();
