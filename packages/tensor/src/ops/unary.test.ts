import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  abs, arccos, arccosh, arcsin, arcsinh, arctanh, cos, cosh, erf, exp, expm1, gelu, log, log10, log1p, log2, reciprocal, relu, round, rsqrt, sigmoid,
  sign, silu, sin, sinh, softplus, sqrt, square, tan, tanh, tensor, trunc, useBackend,
} from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('unary');
const x = scattered([40], -3, 3);
const positive = scattered([40], 0.1, 5);

test('exp and log undo each other', () => close(exp(log(positive)), positive));
test('expm1 and log1p undo each other near 0', () => close(log1p(expm1([1e-6, -1e-6])), [1e-6, -1e-6], { atol: 0 }));
test('sin^2 + cos^2 is 1', () => close(square(sin(x)).add(square(cos(x))), tensor(1, { shape: [40] })));
test('cosh^2 - sinh^2 is 1', () => close(square(cosh(x)).sub(square(sinh(x))), tensor(1, { shape: [40] }), { atol: 2e-5 }));
test('tan is sin over cos', () => close(tan(x), sin(x).div(cos(x)), { rtol: 1e-5 }));
test('the inverse functions undo theirs', () => {
  const small = scattered([20], -0.95, 0.95);
  close(sin(arcsin(small)), small);
  close(cos(arccos(small)), small);
  close(tanh(arctanh(small)), small);
  close(sinh(arcsinh(x)), x, { rtol: 1e-5 });
  close(cosh(arccosh(positive.add(1))), positive.add(1), { rtol: 1e-5 });
});
test('rsqrt is the reciprocal of sqrt', () => close(rsqrt(positive), reciprocal(sqrt(positive))));
test('sigmoid(x) and sigmoid(-x) add to 1', () => close(sigmoid(x).add(sigmoid(x.neg())), tensor(1, { shape: [40] })));
test('softplus(x) - softplus(-x) is x', () => close(softplus(x).sub(softplus(x.neg())), x));
test('silu is x sigmoid(x)', () => close(silu(x), x.mul(sigmoid(x))));
test('erf and tanh are odd', () => {
  close(erf(x.neg()), erf(x).neg());
  close(tanh(x.neg()), tanh(x).neg());
});

test('log2 and log10 know their powers', () => {
  close(log2([1, 8, 0.25]), [0, 3, -2]);
  close(log10([1, 1000, 0.01]), [0, 3, -2]);
});
test('erf(1) is 0.8427007929 (Abramowitz and Stegun, table 7.1)', () => close(erf(1), 0.8427007929));
test('gelu(1) is 0.8413447461, the normal distribution at 1', () => close(gelu(1), 0.8413447461));
test('gelu of both kinds differ by less than 0.001', () => close(gelu(x, { approximate: true }), gelu(x), { atol: 1e-3 }));
test('round takes halves to the even neighbour', () => assert.equal(round([0.5, 1.5, 2.5, -0.5, -1.5]).data(), Float32Array.of(0, 2, 2, -0, -2)));
test('trunc goes towards 0', () => assert.equal(trunc([1.7, -1.7]).toArray(), [1, -1]));
test('sign of NaN is NaN', () => close(sign([NaN, -3, 0, 2]), [NaN, -1, 0, 1]));
test('relu lets NaN through and stops what is not above 0', () => close(relu([NaN, -1, 0, 2]), [NaN, 0, 0, 2]));
test('is finite at +-100: sigmoid, silu, softplus', () => {
  close(sigmoid([100, -100]), [1, 0]);
  close(silu([100, -100]), [100, 0]);
  close(softplus([100, -100]), [100, 0]);
});
test('keeps int32 where the result is whole', () => assert.is(abs(tensor(Int32Array.of(-2))).dtype, 'int32'));
test('makes float32 of int32 where it is not', () => assert.is(exp(tensor(Int32Array.of(1))).dtype, 'float32'));
test('keeps float64', () => close(exp(tensor(Float64Array.of(1))), tensor(Float64Array.of(Math.E))));

test('refuses what is no tensor', () =>
  refuses(() => exp('3' as never), 'tensor: cannot make a tensor of string; give numbers, nested arrays, a typed array, an ndarray or a tensor.'));
test('refuses a backend that is not there', () =>
  refuses(() => useBackend('abacus' as never), "useBackend: there is no backend abacus here; use 'js', 'wasm' or 'gpu'."));

test.run();
