import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { rightPositions } from './alignment.js';
import { sample } from './dataset.js';
import { parseIso } from './locales.js';
import { characters } from './normalize.js';

const test = suite('alignment');
const ARABIC = '٠١٢٣٤٥٦٧٨٩';
const digit = (character: string): string => (ARABIC.includes(character) ? String(ARABIC.indexOf(character)) : character);

test('points at the very digits of the year and the day', () => {
  for (const { input, iso, locale, style } of sample('validation', 2000, { seed: 1 })) {
    const { year, day } = rightPositions(locale, style, parseIso(iso)!);
    const at = (positions: readonly number[]): string => positions.map((p) => digit(characters(input)[p]!)).join('');
    if (locale === 'th') for (const positions of year) assert.is(at(positions), String(Number(iso.slice(0, 4)) + 543));
    else assert.equal(year.map(at), [iso.slice(0, 2), iso.slice(0, 2), iso[2], iso[3]], input);
    assert.is(day.length, 2);
    assert.is(at(day[1]!).padStart(2, '0'), iso.slice(8), input);
    assert.equal(day[0], day[1]!.length > 1 ? day[1] : []);
  }
});

test('tells the day from an equal month', () => {
  const { day } = rightPositions('de', 'medium', parseIso('2003-03-03')!);
  assert.equal(day[0], [0, 1]);
  assert.equal(rightPositions('ja', 'medium', parseIso('2003-03-03')!).day[0], [8, 9]);
});

test('counts characters after normalization: invisible ones do not shift', () => {
  const { year } = rightPositions('ar', 'medium', parseIso('2026-03-03')!);
  assert.equal(year, [[6, 7], [6, 7], [8], [9]]);
});

test.run();
