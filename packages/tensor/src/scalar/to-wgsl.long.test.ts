import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { elementwiseOp, run, tensor, useBackend, type Tensor } from '@heed/tensor';
import * as s from '@heed/tensor/scalar';
import { close, scattered } from '@heed/tensor/testing';
import { provideGpu } from '../../../../scripts/gpu/index.js';
import { interpreted } from './testing.js';

const test = suite('expressions as WGSL');
const missing = await provideGpu();
if (!missing) await useBackend('gpu');

const [x, y] = [s.input(0), s.input(1)];
const [i, j] = [s.input(0, 'i'), s.input(1, 'i')];
const text = (v: number): string => (Object.is(v, -0) ? '-0' : String(v));
/** Every number beside every other. */
const pairs = (...v: number[]): [Float32Array, Float32Array] => [Float32Array.from(v.flatMap((p) => v.map(() => p))), Float32Array.from(v.flatMap(() => v))];
const odd = pairs(NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-7, 100, -100, 7, -7, 3e38, 0.3);
const whole = ([p, q]: [Float32Array, Float32Array]): [Tensor, Tensor] => [tensor(Int32Array.from(p)), tensor(Int32Array.from(q))];

async function compare(name: string, root: s.Expr, operands: readonly Tensor[], exact: boolean): Promise<void> {
  const [out] = run(elementwiseOp('drawn', () => root), operands, undefined);
  const got = await out!.read();
  const wanted = interpreted(root, operands, tensor(out!.dtype === 'float32' ? new Float32Array(out!.size) : new Int32Array(out!.size), { shape: out!.shape }));
  try {
    if (exact) got.forEach((v, n) => assert.is(text(v), text(wanted[n]!), `at ${n}`));
    else close(tensor(Float32Array.from(got)), tensor(Float32Array.from(wanted)), { rtol: 1e-4, atol: 1e-5 });
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

if (missing) test('agree with the interpreter', () => console.log(`SKIPPED: expressions as WGSL: ${missing}`));
else {
  test('what is exact agrees to the bit: NaN, infinities, ties and -0 too', async () => {
    const operands = odd.map((d) => tensor(d));
    const roots: Record<string, s.Expr> = {
      neg: s.neg(x), abs: s.abs(x), sign: s.sign(x), floor: s.floor(x), ceil: s.ceil(x), round: s.round(x), add: s.add(x, y), sub: s.sub(x, y), mul: s.mul(x, y),
      max: s.maximum(x, y), min: s.minimum(x, y), less: s.less(x, y), equal: s.equal(x, y), 'int of a float': s.cast(x, 'i'), 'bool of a float': s.cast(x, 'b'),
      'a select': s.where(s.less(x, 0), y, s.abs(x)), 'constants': s.where(s.less(x, 0), Infinity, s.where(s.less(0, x), -Infinity, s.where(s.equal(x, x), -0, NaN))), gmul: s.gmul(x, y),
    };
    for (const [name, root] of Object.entries(roots)) await compare(name, root, operands, true);
  });
  test('integers wrap around, saturate and divide as everywhere, beyond 2^24 too', async () => {
    const large = pairs(0, 1, -1, 2, -2, 3, 7, -7, 16777217, -2147483648, 2147483520, 46341);
    const operands = whole(large);
    operands[0] = tensor(Int32Array.from(operands[0].data(), (v) => (v === 2147483520 ? 2147483647 : v)));
    const roots: Record<string, s.Expr> = {
      add: s.add(i, j), sub: s.sub(i, j), mul: s.mul(i, j), div: s.div(i, j), mod: s.mod(i, j), neg: s.neg(i), abs: s.abs(i), sign: s.sign(i), max: s.maximum(i, j), min: s.minimum(i, j),
      less: s.less(i, j), equal: s.equal(i, j), 'a float': s.cast(i, 'f'), power: s.pow(i, s.mod(s.abs(j), 9)),
    };
    for (const [name, root] of Object.entries(roots)) await compare(name, root, operands, true);
  });
  test('what engines round differently agrees to four digits', async () => {
    const operands = [tensor(pairs(NaN, Infinity, -Infinity, 0, 1, -1, 0.5, -0.5, 1.7, 20, -20, 1e-7, 100, -100, 7, 0.03)[0]), tensor(pairs(NaN, Infinity, -Infinity, 0, 1, -1, 0.5, -0.5, 1.7, 20, -20, 1e-7, 100, -100, 7, 0.03)[1])];
    const roots = {
      div: s.div(x, y), sqrt: s.sqrt(x), exp: s.exp(x), expm1: s.expm1(x), log: s.log(x), log1p: s.log1p(x), sin: s.sin(x), cos: s.cos(x), atan: s.arctan(x), tanh: s.tanh(x), erf: s.erf(x), pow: s.pow(x, y), mod: s.mod(x, y),
      sigmoid: s.sigmoid(x), softplus: s.softplus(x), silu: s.silu(x), gelu: s.gelu(x), erfinv: s.erfinv(s.mul(x, 0.01)), lgamma: s.lgamma(x), digamma: s.digamma(x),
    };
    for (const [name, root] of Object.entries(roots)) await compare(name, root, operands, false);
  });
  test('drawn expressions over operands that broadcast', async () => {
    const rules: ((a: s.Expr, b: s.Expr, c: s.Expr) => s.Expr)[] = [
      (a) => s.neg(a), (a) => s.abs(a), (a) => s.sign(a), (a) => s.floor(a), (a) => s.round(a), (a) => s.logicalNot(a), (a) => s.cast(a, 'f'), (a) => s.cast(a, 'i'), (a) => s.cast(a, 'b'),
      s.add, s.sub, s.maximum, s.minimum, s.less, s.equal, s.lessEqual, s.notEqual, s.logicalAnd, s.logicalOr, s.logicalXor, s.where,
    ];
    const programs = fc.array(fc.tuple(fc.nat(rules.length - 1), fc.nat(40), fc.nat(40), fc.nat(40)), { minLength: 1, maxLength: 8 });
    const operands = [scattered([2, 3, 5]), scattered([3, 1]), tensor(Int32Array.of(3, -7, 0, 2147483647, 1)), tensor([[true], [false], [true]])];
    for (const [n, steps] of fc.sample(programs, { numRuns: 60, seed: 4 }).entries()) {
      const nodes = [s.input(0), s.input(1), s.input(2, 'i'), s.input(3, 'b'), s.constant(0.3), s.constant(2, 'i')];
      for (const [rule, p, q, r] of steps) nodes.push(rules[rule]!(nodes[p % nodes.length]!, nodes[q % nodes.length]!, nodes[r % nodes.length]!));
      await compare(`program ${n}`, nodes[nodes.length - 1]!, operands, true);
    }
  });
}

test.run();
