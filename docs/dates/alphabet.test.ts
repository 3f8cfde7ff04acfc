import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { alphabet, decodeIso, encodeIso, ISO_LENGTH, makeAlphabet, OUTPUT, PADDING, START, UnreadableTextError } from './alphabet.js';
import { dateOf, FIRST_DAY, LAST_DAY, LOCALES, STYLES, write } from './locales.js';
import { normalize } from './normalize.js';

const test = suite('alphabet');

const refuses = (text: string, message: string): void => {
  try {
    alphabet().encode(normalize(text));
  } catch (error) {
    assert.instance(error, UnreadableTextError);
    assert.is((error as Error).message, message);
    return;
  }
  assert.unreachable('nothing was refused');
};

test('holds every character of every date', () => {
  for (const locale of LOCALES) {
    for (const style of STYLES) {
      for (let day = FIRST_DAY; day <= LAST_DAY; day += 23) alphabet().encode(normalize(write(dateOf(day), locale, style)));
    }
  }
});

test('is sorted by code point, without repetition', () => {
  const codes = alphabet().characters.map((character) => character.codePointAt(0)!);
  codes.slice(1).forEach((code, i) => assert.ok(code > codes[i]!));
});

test('gives ids from 1, as 0 is padding', () => {
  const { characters: list, size, encode } = alphabet();
  assert.is(size, list.length + 1);
  assert.equal([...encode(list.join(''))], list.map((_, i) => i + 1));
  assert.not.ok([...encode('3 mars 2026')].includes(PADDING));
});

test('gives one id per code point', () => {
  assert.equal([...makeAlphabet(['a', '😀']).encode('😀a')], [2, 1]);
});

test('holds no capital and no character that cannot be seen', () => {
  for (const character of alphabet().characters) {
    assert.is(character, character.toLowerCase());
    assert.not.match(character, /\p{Cf}|\p{Cc}/u);
  }
});

test('ISO texts survive encoding and decoding, and leave the start id free', () => {
  const ids = encodeIso('2026-03-19');
  assert.is(ids.length, ISO_LENGTH);
  assert.is(decodeIso(ids), '2026-03-19');
  assert.ok(ids.every((id) => id < START));
  assert.is(START, OUTPUT.length);
});

test('names characters that occur in no date', () => {
  refuses('3 ☃ 2026', 'date: the character "☃" (U+2603) does not occur in any date of the 17 locales.');
  refuses('☃☃ ♥', 'date: the characters "☃" (U+2603), "♥" (U+2665) do not occur in any date of the 17 locales.');
  refuses('☀☁☂☃☄', 'date: the characters "☀" (U+2600), "☁" (U+2601), "☂" (U+2602) and 2 more do not occur in any date of the 17 locales.');
  refuses('3\u0007', 'date: the character U+0007 does not occur in any date of the 17 locales.');
});

test('refuses empty text, and text of spaces and invisible characters', () => {
  for (const text of ['', '   ', '\u200B\u00A0']) refuses(text, 'date: the text is empty; write a date, such as "3 March 2026".');
});

test.run();
