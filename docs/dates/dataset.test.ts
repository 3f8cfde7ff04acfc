import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { alphabet, decodeIso, ISO_LENGTH, PADDING } from './alphabet.js';
import { batches, daysOf, paddedLength, sample, splitOf, type Split } from './dataset.js';
import { FIRST_DAY, LAST_DAY, LOCALES, parseIso, STYLES } from './locales.js';
import { characters, normalize } from './normalize.js';

const test = suite('dataset');
const SPLITS: readonly Split[] = ['train', 'validation', 'test'];
const dayOf = (iso: string): number => parseIso(iso)!.getTime() / 86_400_000;

test('every day belongs to one split: about eight, one and one in ten', () => {
  const sizes = SPLITS.map((split) => daysOf(split).length);
  assert.is(sizes[0]! + sizes[1]! + sizes[2]!, LAST_DAY - FIRST_DAY + 1);
  [0.8, 0.1, 0.1].forEach((share, i) => assert.ok(Math.abs(sizes[i]! / 73_049 - share) < 0.005, String(sizes)));
});

test('the split never changes: a saved model must not have met its test dates in training', () => {
  assert.equal(daysOf('test').slice(0, 5), [-25_563, -25_560, -25_558, -25_545, -25_541]);
});

test('each split meets every month, weekday and decade', () => {
  for (const split of SPLITS) {
    const dates = daysOf(split).map((day) => new Date(day * 86_400_000));
    assert.is(new Set(dates.map((d) => d.getUTCMonth())).size, 12);
    assert.is(new Set(dates.map((d) => d.getUTCDay())).size, 7);
    assert.is(new Set(dates.map((d) => d.getUTCDate())).size, 31);
    assert.is(new Set(dates.map((d) => Math.floor(d.getUTCFullYear() / 10))).size, 20);
  }
});

test('no date of one split is drawn in another, in any locale', () => {
  for (const split of SPLITS) {
    for (const { iso } of sample(split, 3000, { seed: 5 })) assert.is(splitOf(dayOf(iso)), split);
  }
});

test('equal seeds draw equal examples, other seeds others', () => {
  assert.equal(sample('train', 60, { seed: 1 }), sample('train', 60, { seed: 1 }));
  assert.not.equal(sample('train', 60, { seed: 1 }), sample('train', 60, { seed: 2 }));
});

test('draws evenly over locales and styles', () => {
  const counts = new Map<string, number>();
  for (const { locale, style } of sample('test', 2000, { seed: 1, distinct: true })) {
    counts.set(`${locale} ${style}`, (counts.get(`${locale} ${style}`) ?? 0) + 1);
  }
  assert.is(counts.size, LOCALES.length * STYLES.length);
  for (const count of counts.values()) assert.ok(count === 39 || count === 40);
});

test('draws distinct texts where asked, and refuses more than there are', () => {
  const examples = sample('test', 2000, { seed: 1, distinct: true });
  assert.is(examples.length, 2000);
  assert.is(new Set(examples.map(({ input }) => input)).size, 2000);
});

test('an example holds its text as written and as the model reads it', () => {
  for (const { text, input, iso } of sample('validation', 200, { seed: 1 })) {
    assert.is(input, normalize(text));
    assert.ok(parseIso(iso));
  }
});

test('batches hold every example once, with its ids and its date', () => {
  const examples = sample('train', 500, { seed: 1 });
  const all = batches(examples, 64, { seed: 1 });
  assert.is(all.length, 8);
  assert.equal(all.flatMap((batch) => batch.examples.map(({ text, iso }) => text + iso)).sort(), examples.map(({ text, iso }) => text + iso).sort());
  for (const { size, length, inputs, targets, examples: rows } of all) {
    assert.is(inputs.length, size * length);
    assert.is(targets.length, size * ISO_LENGTH);
    rows.forEach(({ input, iso }, row) => {
      const ids = inputs.slice(row * length, (row + 1) * length);
      const text = alphabet().encode(input);
      assert.equal([...ids], [...text, ...new Array<number>(length - text.length).fill(PADDING)]);
      assert.is(decodeIso(targets.slice(row * ISO_LENGTH, (row + 1) * ISO_LENGTH)), iso);
    });
  }
});

test('batches have few lengths, multiples of four, and little padding', () => {
  const examples = sample('train', 64 * 100, { seed: 1 });
  const all = batches(examples, 64, { seed: 1 });
  assert.ok(all.every(({ size, length }) => size === 64 && length % 4 === 0));
  assert.ok(new Set(all.map(({ length }) => length)).size <= 10);
  const filled = examples.reduce((sum, { input }) => sum + characters(input).length, 0);
  assert.ok(all.reduce((sum, { inputs }) => sum + inputs.length, 0) / filled < 1.2);
});

test('batches come sorted without a seed, shuffled with one', () => {
  const examples = sample('train', 1000, { seed: 1 });
  const lengths = (seed?: number): number[] => batches(examples, 10, seed === undefined ? {} : { seed }).map(({ length }) => length);
  const sorted = lengths();
  assert.equal(sorted, [...sorted].sort((a, b) => a - b));
  assert.not.equal(lengths(1), sorted);
  assert.equal(lengths(1), lengths(1));
});

test('padded lengths round up to a multiple of four', () => {
  assert.equal([1, 4, 5, 38].map(paddedLength), [4, 4, 8, 40]);
});

test.run();
