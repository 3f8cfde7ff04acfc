import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digamma, elementwise, erf, erfinv, lgamma, tensor } from '@heed/tensor';
import { polygamma } from '@heed/tensor/scalar';
import { close, refuses, scattered } from '@heed/tensor/testing';
import { goldens } from './special-goldens.js';
import { erfinvValue, erfValue, lgammaValue, polygammaValue } from './special.js';

const test = suite('special functions');
const values: Record<string, (x: number) => number> = {
  lgamma: lgammaValue, digamma: (x) => polygammaValue(0, x), trigamma: (x) => polygammaValue(1, x), psi2: (x) => polygammaValue(2, x), psi3: (x) => polygammaValue(3, x),
  erf: erfValue, erfinv: erfinvValue,
};
const x = scattered([40], 0.1, 9);

test('lgamma(x + 1) - lgamma(x) is log x', () => close(lgamma(x.add(1)).sub(lgamma(x)), x.log()));
test('digamma(x + 1) - digamma(x) is 1 / x', () => close(digamma(x.add(1)).sub(digamma(x)), x.reciprocal()));
test('erfinv undoes erf', () => close(erfinv(erf(tensor([-2, -0.5, 0, 1e-7, 1], { dtype: 'float64' }))), tensor([-2, -0.5, 0, 1e-7, 1], { dtype: 'float64' }), { rtol: 1e-13, atol: 0 }));

for (const [name, rows] of Object.entries(goldens)) {
  test(`${name} has 13 digits`, () => {
    const [at, wanted] = [0, 1].map((k) => Float64Array.from(rows, (row) => row[k]!));
    close(tensor(at!.map(values[name]!)), tensor(wanted!), { rtol: 1e-13, atol: 0 });
  });
}
test('float32 results are rounded once', () => {
  const single = goldens.digamma!.filter(([at]) => Object.is(Math.fround(at), at));
  assert.ok(single.length > 5);
  close(digamma(tensor(Float32Array.from(single, ([at]) => at))), tensor(Float32Array.from(single, ([, y]) => y)), { rtol: 0, atol: 0 });
});
test('the poles are those of SciPy', () => {
  assert.equal([0, -0, -1, -2].map(lgammaValue), [Infinity, Infinity, Infinity, Infinity]);
  assert.equal([0, -0, -1].map(values.digamma!), [-Infinity, Infinity, NaN]);
  assert.equal([0, -1, -2].map(values.trigamma!), [Infinity, Infinity, Infinity]);
  assert.equal([1, -1, 1.1, -2, NaN].map(erfinvValue), [Infinity, -Infinity, NaN, NaN, NaN]);
});
test('far out: lgamma and digamma grow, trigamma vanishes', () =>
  assert.equal([lgammaValue(Infinity), values.digamma!(Infinity), values.trigamma!(Infinity), values.digamma!(-Infinity)], [Infinity, Infinity, 0, NaN]));
test('polygamma refuses an order that is none', () =>
  refuses(() => elementwise('half', (v) => polygamma(0.5, v))([1]), 'polygamma: order 0.5; it must be a whole number >= 0.'));

test.run();
