/** Dates to learn from and dates to be judged by, as texts and as batches of numbers. */
import { alphabet, encodeIso, ISO_LENGTH, PADDING } from './alphabet.js';
import { dateOf, FIRST_DAY, isoOf, LAST_DAY, LOCALES, STYLES, write, type Locale, type Style } from './locales.js';
import { normalize } from './normalize.js';
import { below, mix, shuffle, uniform } from './uniform.js';

export type Split = 'train' | 'validation' | 'test';

export interface Example {
  /** The text as the platform writes it. */
  readonly text: string;
  /** The same as the model reads it: `normalize(text)`. */
  readonly input: string;
  readonly iso: string;
  readonly locale: Locale;
  readonly style: Style;
}

/** `size` texts padded to the same `length` (a multiple of 4), and their ISO dates. */
export interface Batch {
  readonly size: number;
  readonly length: number;
  /** [size, length], row by row; 0 is padding. */
  readonly inputs: Int32Array;
  /** [size, 10], row by row. */
  readonly targets: Int32Array;
  readonly examples: readonly Example[];
}

/** Never changed: a date belongs to the same split in every run, whatever its seed, so that nothing leaks between runs. */
const SPLIT_SEED = 20261123;

/** Where a day belongs, in all its locales and styles: eight in ten to training, one each to validation and test. */
export function splitOf(day: number): Split {
  const share = mix(mix(day + SPLIT_SEED) ^ SPLIT_SEED) / 2 ** 32;
  return share < 0.8 ? 'train' : share < 0.9 ? 'validation' : 'test';
}

const days: Record<Split, number[]> = { train: [], validation: [], test: [] };

/** The days of a split, ascending. */
export function daysOf(split: Split): readonly number[] {
  if (days.train.length === 0) for (let day = FIRST_DAY; day <= LAST_DAY; day++) days[splitOf(day)].push(day);
  return days[split];
}

const PAIRS = LOCALES.flatMap((locale) => STYLES.map((style) => ({ locale, style })));

/**
 * Draws `count` examples of a split, evenly over locales and styles (no pair has more than one above another), in random
 * order. With `distinct` no input comes twice: the styles of some locales coincide.
 */
export function sample(split: Split, count: number, { seed, distinct = false }: { seed: number; distinct?: boolean }): Example[] {
  const next = uniform(seed);
  const from = daysOf(split);
  const seen = new Set<string>();
  const examples: Example[] = [];
  const pairs = shuffle([...PAIRS], next);
  for (let i = 0; i < count; i++) {
    const { locale, style } = pairs[i % pairs.length]!;
    for (let attempt = 0; ; attempt++) {
      if (attempt === 1000) {
        throw new RangeError(`sample: no further distinct ${split} text for ${locale} ${style} after ${i} examples; ask for fewer.`);
      }
      const date = dateOf(from[below(from.length, next)]!);
      const text = write(date, locale, style);
      const input = normalize(text);
      if (distinct) {
        if (seen.has(input)) continue;
        seen.add(input);
      }
      examples.push({ text, input, iso: isoOf(date), locale, style });
      break;
    }
  }
  return shuffle(examples, next);
}

/**
 * Cuts examples into batches of similar length (a recurrence costs as much as its longest text): sorted by length, cut,
 * and with a `seed` the batches shuffled. The last cut, of the longest texts, may be smaller; give a multiple of
 * `batchSize` to have all alike.
 */
export function batches(examples: readonly Example[], batchSize: number, { seed }: { seed?: number } = {}): Batch[] {
  const rows = examples.map((example) => ({ example, ids: alphabet().encode(example.input) }));
  rows.sort((a, b) => a.ids.length - b.ids.length);
  const cut: Batch[] = [];
  for (let from = 0; from < rows.length; from += batchSize) {
    const part = rows.slice(from, from + batchSize);
    const length = paddedLength(part[part.length - 1]!.ids.length);
    const inputs = new Int32Array(part.length * length).fill(PADDING);
    const targets = new Int32Array(part.length * ISO_LENGTH);
    part.forEach(({ ids, example }, row) => {
      inputs.set(ids, row * length);
      targets.set(encodeIso(example.iso), row * ISO_LENGTH);
    });
    cut.push({ size: part.length, length, inputs, targets, examples: part.map(({ example }) => example) });
  }
  return seed === undefined ? cut : shuffle(cut, uniform(seed));
}

/** Lengths are rounded up to a multiple of 4, so that there are few shapes. */
export function paddedLength(length: number): number {
  return Math.ceil(length / 4) * 4;
}
