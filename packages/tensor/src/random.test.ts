import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mean, random, SeedGenerator, std, ValueError, withBackend } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { philox } from './backends/js/random.js';
import { loaded, type BackendName } from './use-backend.js';

const test = suite('random');
const n = 40_000;

test('Philox4x32-10 gives the known answer of the Random123 distribution', () =>
  assert.equal([...philox(0, 0, 0, 0)], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]));

test('the same seed gives the same numbers, on every backend', () => {
  const draw = () => [random.normal([3, 5], { seed: 4 }), random.uniform([7], { seed: 4 })].map((x) => [...x.data()]);
  const first = draw();
  for (const name of loaded.keys()) assert.equal(withBackend(name as BackendName, draw), first);
});
test('the first numbers do not depend on how many are drawn', () =>
  assert.equal([...random.uniform([100], { seed: 2 }).data().slice(0, 10)], [...random.uniform([10], { seed: 2 }).data()]));
test('other seeds give other numbers', () => {
  const draws = [0, 1, -1, 2 ** 32, 2 ** 40].map((seed) => random.uniform([4], { seed }).data().join());
  assert.is(new Set(draws).size, draws.length);
});
test('a SeedGenerator goes on, and repeats from its seed', () => {
  const draw = (seed: SeedGenerator) => [random.uniform([3], { seed }), random.uniform([3], { seed })].map((x) => x.data().join());
  const [first, again] = [draw(new SeedGenerator(5)), draw(new SeedGenerator(5))];
  assert.equal(first, again);
  assert.is.not(first[0], first[1]);
});

// Tolerances: four standard errors of 40,000 draws.
test('uniform has mean 1/2, variance 1/12, and stays in [0, 1)', () => {
  const x = random.uniform([n], { seed: 1 });
  close(mean(x), 0.5, { atol: 4 * Math.sqrt(1 / 12 / n) });
  close(std(x).square(), 1 / 12, { atol: 4 * Math.sqrt(1 / 180 / n) });
  assert.ok(x.min().item() >= 0 && x.max().item() < 1);
});
test('uniform fills [low, high)', () => {
  const x = random.uniform([n], { seed: 1, low: -2, high: 6 });
  assert.ok(x.min().item() >= -2 && x.min().item() < -1.99 && x.max().item() < 6 && x.max().item() > 5.99);
});
test('normal has mean 0, standard deviation 1 and kurtosis 3', () => {
  const x = random.normal([n], { seed: 1 });
  close(mean(x), 0, { atol: 4 / Math.sqrt(n) });
  close(std(x), 1, { atol: 4 / Math.sqrt(2 * n) });
  close(mean(x.square().square()), 3, { atol: 4 * Math.sqrt(96 / n) });
});
test('neighbouring normals are uncorrelated', () => {
  const x = random.normal([n], { seed: 8 });
  close(mean(x.slice([0, -1]).mul(x.slice([1, null]))), 0, { atol: 4 / Math.sqrt(n) });
});
test('normal takes mean and std', () => {
  const x = random.normal([n], { seed: 1, mean: 10, std: 0.1 });
  close(mean(x), 10, { atol: 0.4 / Math.sqrt(n) });
  close(std(x), 0.1, { atol: 0.4 / Math.sqrt(2 * n) });
});
test('a permutation has every number once, in another order', () => {
  const order = [...random.permutation(100, { seed: 3 }).data()];
  assert.equal([...order].sort((p, q) => p - q), Array.from({ length: 100 }, (_, i) => i));
  assert.ok(order.some((v, i) => v !== i));
});

test('refuses to draw without a seed', () => {
  for (const options of [{}, undefined]) {
    refuses(() => random.normal([2], options as never), 'random: there is no seed; pass { seed: number } or a SeedGenerator, so that the run can be repeated.', ValueError);
  }
});
test('refuses a seed that is a fraction', () => refuses(() => random.uniform([1], { seed: 0.5 }), 'random: seed 0.5; it must be a whole number.', ValueError));
test('refuses intervals that are empty or endless', () => {
  refuses(() => random.uniform([1], { seed: 1, low: 2, high: 2 }), 'random.uniform: low 2 and high 2; low must be below high, and both finite.', ValueError);
  refuses(() => random.uniform([1], { seed: 1, high: Infinity }), 'random.uniform: low 0 and high Infinity; low must be below high, and both finite.', ValueError);
});
test('refuses means and deviations that are none', () =>
  refuses(() => random.normal([1], { seed: 1, mean: NaN }), 'random.normal: mean NaN and std 1; both must be finite and std >= 0.', ValueError));

test.run();
