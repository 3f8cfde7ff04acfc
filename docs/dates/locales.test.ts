import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dateOf, FIRST_DAY, formatter, isoOf, LAST_DAY, LOCALES, NAMES, parseIso, STYLES, write } from './locales.js';

const test = suite('locales');

test('the range is 1900 to 2099', () => {
  assert.is(isoOf(dateOf(FIRST_DAY)), '1900-01-01');
  assert.is(isoOf(dateOf(LAST_DAY)), '2099-12-31');
  assert.is(LAST_DAY - FIRST_DAY + 1, 73_049);
});

test('the platform knows every locale, with the calendar and digits asked for', () => {
  for (const locale of LOCALES) {
    const { locale: got, calendar, numberingSystem, timeZone } = formatter(locale, 'long').resolvedOptions();
    assert.is(got.split('-u-')[0], locale);
    assert.is(calendar, locale === 'th' ? 'buddhist' : 'gregory');
    assert.is(numberingSystem, locale === 'ar' ? 'arab' : 'latn');
    assert.is(timeZone, 'UTC');
  }
});

test('every locale has a name of its own', () => {
  assert.is(new Set(LOCALES.map((locale) => NAMES[locale])).size, 17);
});

test('a text does not depend on the time zone of the machine', () => {
  const before = process.env.TZ;
  try {
    process.env.TZ = 'America/New_York';
    assert.match(write(dateOf(FIRST_DAY), 'en-US', 'long'), /January 1, 1900/);
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
});

test('every text shows its year: Gregorian, in Thai Buddhist, in Arabic with Arabic digits', () => {
  const date = new Date('2026-03-03');
  for (const locale of LOCALES) {
    for (const style of STYLES) {
      const year = locale === 'th' ? '2569' : locale === 'ar' ? '٢٠٢٦' : '2026';
      assert.ok(write(date, locale, style).includes(year), `${locale} ${style}`);
    }
  }
});

test('parseIso reads what isoOf writes', () => {
  for (let day = FIRST_DAY; day <= LAST_DAY; day += 37) assert.is(parseIso(isoOf(dateOf(day)))!.getTime(), dateOf(day).getTime());
});

test('parseIso refuses what is no date between 1900 and 2099', () => {
  for (const text of ['2026-02-31', '2026-02-29', '2026-13-01', '2026-00-10', '1899-12-31', '2100-01-01', '2026-3-3', '2026-03-03 ', '-026-03-03', '']) {
    assert.is(parseIso(text), null, text);
  }
});

test.run();
