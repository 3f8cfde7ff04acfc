import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { GPU, type GPUInternalMode } from 'gpu.js';
import { arange, tensor } from '@heed/tensor';
import * as s from '@heed/tensor/scalar';
import { close } from '@heed/tensor/testing';
import { ran } from './testing.js';

const test = suite('the source of gpu.js kernels');
const wasm = new GPU({ mode: 'webasm' as GPUInternalMode });

const x = s.input(0);
const at = (root: s.Expr, ...values: number[]) => ran(wasm, root, [tensor(Float32Array.from(values))]);
test('tanh and sigmoid are finite at +-100', () => assert.equal([at(s.tanh(x), 100, -100), at(s.sigmoid(x), 100, -100)], [[1, -1], [1, 0]]));
test('expm1 and log1p do not cancel near 0', () => close([...at(s.expm1(x), 1e-7), ...at(s.log1p(x), 1e-7)], [Math.expm1(1e-7), Math.log1p(1e-7)], { atol: 0 }));
/** The largest error on [low, high], in units in the last place of the right value. */
function ulps(make: (e: s.Expr) => s.Expr, right: (v: number) => number, low: number, high: number): number {
  const v = Float32Array.from({ length: 20_000 }, (_, i) => low + ((high - low) * (i + 0.5)) / 20_000);
  const unit = (y: number) => 2 ** (Math.floor(Math.log2(Math.abs(y))) - 23);
  return ran(wasm, make(x), [tensor(v)]).reduce((worst, y, i) => Math.max(worst, Math.abs(y - right(v[i]!)) / unit(right(v[i]!))), 0);
}
test('expm1, log1p, tanh, erf, sin and cos are right to 2.5 units in the last place', () => {
  const worst = [ulps(s.expm1, Math.expm1, -20, 20), ulps(s.log1p, Math.log1p, -0.99, 20), ulps(s.tanh, Math.tanh, -12, 12), ulps(s.erf, s.erfValue, -5, 5), ulps(s.sin, Math.sin, -100, 100), ulps(s.cos, Math.cos, -100, 100)];
  assert.ok(worst.every((n) => n <= 2.5), String(worst));
});
test('erfinv, lgamma above 0 and trigamma are right to 5', () => {
  const worst = [ulps(s.erfinv, s.erfinvValue, -0.9999, 0.9999), ulps(s.lgamma, s.lgammaValue, 0.01, 100), ulps((e) => s.polygamma(1, e), (v) => s.polygammaValue(1, v), 0.01, 50)];
  assert.ok(worst.every((n) => n <= 5), String(worst));
});
test('a select does not look at what it leaves', () => assert.equal(at(s.where(s.less(x, 0), 1, s.sqrt(x)), -4, 4), [1, 2]));
test('constants that gpu.js cannot write come out', () => {
  const pick = [Infinity, -Infinity, NaN, -0, 3e38, 1e39, 1, -1e-3].reduceRight<s.Expr>((rest, v, i) => s.where(s.equal(x, i), v, rest), s.constant(7));
  const got = at(pick, 0, 1, 2, 3, 4, 5, 6, 7, 8);
  assert.equal(got, [Infinity, -Infinity, NaN, -0, 3e38, Infinity, 1, -1e-3, 7].map(Math.fround));
  assert.ok(Object.is(got[3], -0));
});
test('an expression of no input is a kernel of no parameter', () => assert.match(s.kernelSource(s.constant(2), []), /^function \(\) \{\n  return 2\.0;\n\}$/));
test('a shared subexpression is computed once', () => {
  const y = s.sqrt(x);
  assert.is(s.kernelSource(s.add(s.mul(y, y), y), ['yx']), `function (x0) {
  const v0 = x0[this.thread.y][this.thread.x];
  const v1 = Math.sqrt(v0);
  const v2 = v1 * v1;
  const v3 = v2 + v1;
  return v3;
}`);
});
test('integers beyond 2^24 lose digits', () => assert.equal(ran(wasm, s.add(s.input(0, 'i'), 1), [tensor(Int32Array.of(7, 2 ** 24))]), [8, 2 ** 24]));

test('dense work of any rank is one axis, repeated operands leave axes out', () => {
  assert.equal(s.gpuLayout([2, 3, 4, 5], [[2, 3, 4, 5], []]), { output: [120], operands: [{ axes: 'x', size: [120] }, { axes: '', size: [1] }] });
  assert.equal(s.gpuLayout([6, 2, 4], [[6, 1, 4], [2, 1]]), { output: [4, 2, 6], operands: [{ axes: 'zx', size: [4, 6] }, { axes: 'y', size: [2] }] });
});
test('an axis of 2^24 or more is cut in two', () => assert.equal(s.gpuLayout([20_000_000], [[20_000_000]]), { output: [10_000_000, 2], operands: [{ axes: 'yx', size: [10_000_000, 2] }] }));
test('there is no layout for four axes of repetitions, nor for a prime number of cells beyond 2^24', () =>
  assert.equal([s.gpuLayout([2, 3, 4, 5], [[2, 1, 4, 1], [1, 3, 1, 5]]), s.gpuLayout([16777259], [[16777259]])], [null, null]));
test('what was folded is found by the thread', () =>
  assert.equal(ran(wasm, s.add(s.mul(x, 100), s.input(1)), [arange(3).reshape([3, 1]), arange(2)]), [0, 1, 100, 101, 200, 201]));

test.run();
