import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as fc from 'fast-check';
import { dateOf, FIRST_DAY, LAST_DAY, LOCALES, STYLES, write } from './locales.js';
import { characters, fold, normalize } from './normalize.js';

const test = suite('normalize');

/** Every 97th date in every locale and style. */
function* texts(): Generator<[string, string]> {
  for (const locale of LOCALES) {
    for (const style of STYLES) {
      for (let day = FIRST_DAY; day <= LAST_DAY; day += 97) yield [write(dateOf(day), locale, style), locale];
    }
  }
}

test('capitals read as the plain text, with and without the language\'s own rules', () => {
  for (const [text, locale] of texts()) {
    const plain = normalize(text);
    assert.is(normalize(text.toUpperCase()), plain);
    assert.is(normalize(text.toLocaleUpperCase(locale)), plain);
    assert.is(normalize(text.toLowerCase()), plain);
    assert.is(normalize(text.toLocaleLowerCase(locale)), plain);
  }
});

test('composed and decomposed letters read alike', () => {
  for (const [text] of texts()) assert.is(normalize(text.normalize('NFD')), normalize(text.normalize('NFC')));
});

test('normalizing twice changes nothing more', () => {
  for (const [text] of texts()) assert.is(normalize(normalize(text)), normalize(text));
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => assert.is(normalize(normalize(text)), normalize(text))), { seed: 2, numRuns: 500 });
});

test('the quick way for plain text gives what the long way gives', () => {
  const text = fc.array(fc.constantFrom(...' 0aAzZiI.,/-'), { maxLength: 12 }).map((list) => list.join(''));
  fc.assert(fc.property(text, (t) => assert.is(fold(`${t}é`), `${fold(`${t}`)}e`)), { seed: 3, numRuns: 500 });
});

test('full-width digits, no-break spaces and invisible characters read as the plain text', () => {
  assert.is(normalize('\u200F３\u00A0mars\u202F２０２６\u200B'), '3 mars 2026');
  assert.is(normalize('3 ma\u00ADrs\uFE0F 2026'), '3 mars 2026');
});

test('any run of spaces is one space, and none stands at the ends', () => {
  assert.is(normalize(' \t3\n\u3000 mars  2026\u2003'), '3 mars 2026');
});

test('marks on Latin and Greek letters make no difference', () => {
  assert.is(normalize('Août ŞUBAT Şubat Kasım KASIM ΜΑΪΟΥ Μαΐου'), 'aout subat subat kasim kasim μαιου μαιου');
  assert.is(normalize('Μάρτιος'), normalize('ΜΑΡΤΙΟΣ'));
});

test('marks of other scripts stay: they are letters of their own', () => {
  assert.is(normalize('май'), 'май');
  assert.is.not(normalize('मार्च'), normalize('मरच'));
});

test('digits of other scripts stay what they are', () => {
  assert.is(normalize('٣ مارس'), '٣ مارس');
});

test('no folded text of a sample names two dates', () => {
  const dates = new Map<string, number>();
  for (const locale of LOCALES) {
    for (const style of STYLES) {
      for (let day = FIRST_DAY; day <= LAST_DAY; day += 61) {
        const text = normalize(write(dateOf(day), locale, style));
        assert.is(dates.get(text) ?? day, day, text);
        dates.set(text, day);
      }
    }
  }
});

test('characters are code points', () => {
  assert.equal(characters('a😀ี'), ['a', '😀', 'ี']);
});

test.run();
