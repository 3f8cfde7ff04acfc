import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { below, mix, shuffle, uniform } from './uniform.js';

const test = suite('uniform');

test('equal seeds give equal streams, other seeds others', () => {
  const draw = (seed: number): number[] => Array.from({ length: 5 }, uniform(seed));
  assert.equal(draw(1), draw(1));
  assert.not.equal(draw(1), draw(2));
});

test('numbers lie in [0, 1), evenly', () => {
  for (const seed of [0, 1, 2, -1, 2 ** 31 - 1]) {
    const next = uniform(seed);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) counts[below(10, next)]!++;
    for (const count of counts) assert.ok(Math.abs(count - 2000) < 250, `${seed}: ${counts}`);
  }
});

test('neighbouring numbers are unrelated', () => {
  const next = uniform(3);
  const list = Array.from({ length: 20_000 }, () => next() - 0.5);
  const together = list.slice(1).reduce((sum, value, i) => sum + value * list[i]!, 0) / list.length;
  assert.ok(Math.abs(together) < 0.003, String(together));
});

test('mixing loses nothing', () => {
  assert.is(new Set(Array.from({ length: 10_000 }, (_, i) => mix(i))).size, 10_000);
});

test('shuffling keeps every entry', () => {
  const list = Array.from({ length: 50 }, (_, i) => i);
  const shuffled = shuffle([...list], uniform(1));
  assert.not.equal(shuffled, list);
  assert.equal([...shuffled].sort((a, b) => a - b), list);
});

test.run();
