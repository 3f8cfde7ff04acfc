import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sample } from './dataset.js';
import { LOCALES, parseIso, write } from './locales.js';
import { normalize } from './normalize.js';
import { matches } from './verify.js';

const test = suite('verify');

test('a date as it is written matches, and names a style that writes it so', () => {
  for (const { text, input, iso } of sample('validation', 300, { seed: 1 })) {
    const found = matches(text, iso)!;
    assert.is(normalize(write(parseIso(iso)!, found.locale, found.style)), input);
  }
});

test('another date does not match', () => {
  for (const { text, iso } of sample('validation', 300, { seed: 2 })) {
    const other = iso.endsWith('15') ? `${iso.slice(0, 8)}16` : `${iso.slice(0, 8)}15`;
    assert.is(matches(text, other), null, text);
  }
});

test('capitals, full-width digits and odd spaces match', () => {
  assert.equal(matches('MARDI ３\u00A0MARS  2026', '2026-03-03'), { locale: 'fr', style: 'full' });
});

test('a wrong weekday does not match', () => {
  const iso = '2026-03-03';
  for (const locale of LOCALES) {
    const right = write(parseIso(iso)!, locale, 'full');
    assert.ok(matches(right, iso));
    const next = write(parseIso('2026-03-04')!, locale, 'full');
    assert.is(matches(next.replace('4', '3').replace('٤', '٣'), iso), null, next);
  }
});

test('texts that are no date of this kind match nothing', () => {
  const answers = ['2026-02-28', '2026-03-03', '1950-03-03', '2026-02-31', '2050-01-01'];
  for (const text of ['31 February 2026', '3 mars 1850', 'Hello', '2026-03-03', '', '3/3/2026']) {
    for (const iso of answers) assert.is(matches(text, iso), null, `${text} ${iso}`);
  }
});

test('an answer that is no date in range matches nothing', () => {
  for (const iso of ['2026-02-31', '----------', '1850-03-03', '', '20266-3-3']) assert.is(matches('3 mars 1850', iso), null);
});

test.run();
