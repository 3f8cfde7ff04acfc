/** What the model reads and writes: characters in, ISO characters out, both as small whole numbers. */
import { dateOf, FIRST_DAY, formatter, LOCALES, STYLES } from './locales.js';
import { characters, normalize } from './normalize.js';

/** Input id 0 stands for no character: it fills the end of the shorter texts of a batch. */
export const PADDING = 0;
/** Characters of an ISO date: "2026-03-03" always has ten, so the output needs no end token. */
export const ISO_LENGTH = 10;
/** Output ids: 0-9 are the digits, 10 is the hyphen. A decoder starts from id 11, which it never writes. */
export const OUTPUT = '0123456789-';
export const START = OUTPUT.length;

/** A text that the model cannot read at all: it is empty or holds characters of no date. */
export class UnreadableTextError extends Error {
  override readonly name = 'UnreadableTextError';
}

/** The input characters in the order of their ids: `characters[id - 1]`. Saved with a model, and compared when it is loaded. */
export interface Alphabet {
  readonly characters: readonly string[];
  /** Number of input ids, with the padding: the input size of the embedding. */
  readonly size: number;
  /** The ids of a normalized text. */
  encode(text: string): Int32Array;
}

let own: Alphabet | undefined;

/**
 * The alphabet of this platform's locale data: every character of every date, by code point. Another version of Node may
 * have a character more or less, so ids mean nothing without the list they were made from.
 */
export function alphabet(): Alphabet {
  return (own ??= makeAlphabet(collect()));
}

export function makeAlphabet(list: readonly string[]): Alphabet {
  const ids = new Map(list.map((character, i) => [character, i + 1]));
  return {
    characters: list,
    size: list.length + 1,
    encode(text) {
      const all = characters(text);
      if (all.length === 0) throw new UnreadableTextError('date: the text is empty; write a date, such as "3 March 2026".');
      const unknown = [...new Set(all.filter((character) => !ids.has(character)))];
      if (unknown.length > 0) throw new UnreadableTextError(unknownMessage(unknown));
      return Int32Array.from(all, (character) => ids.get(character)!);
    },
  };
}

/** The ids of an ISO date. */
export function encodeIso(iso: string): Int32Array {
  return Int32Array.from(iso, (character) => {
    const id = OUTPUT.indexOf(character);
    if (id < 0) throw new RangeError(`encodeIso: "${character}" is not in "${OUTPUT}".`);
    return id;
  });
}

/** The text of output ids. */
export function decodeIso(ids: ArrayLike<number>): string {
  return Array.from(ids, (id) => OUTPUT[id] ?? '?').join('');
}

/**
 * A date's text is made of its parts (weekday, day, month, year, era) and what stands between them, so it is enough to
 * write the days and months of one year, which meet all weekdays, and one day of each year.
 */
function collect(): string[] {
  const found = new Set<string>();
  const first = dateOf(FIRST_DAY).getUTCFullYear();
  const dates = [
    ...Array.from({ length: 12 }, (_, month) => Date.UTC(first, month, 1)),
    ...Array.from({ length: 31 }, (_, day) => Date.UTC(first, 0, day + 1)),
    ...Array.from({ length: 200 }, (_, year) => Date.UTC(first + year, 0, 1)),
  ];
  for (const locale of LOCALES) {
    for (const style of STYLES) {
      const { format } = formatter(locale, style);
      const text = dates.map((date) => format(date)).join(' ');
      for (const character of normalize(text)) found.add(character);
    }
  }
  return [...found].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
}

function unknownMessage(unknown: readonly string[]): string {
  const names = unknown.slice(0, 3).map((character) => {
    const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    const shown = /^[\p{Cc}\p{Cs}\p{Cn}\p{Co}]$/u.test(character) ? '' : `"${character}" `;
    return shown === '' ? `U+${code}` : `${shown}(U+${code})`;
  });
  const rest = unknown.length - names.length;
  const list = names.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  return unknown.length === 1
    ? `date: the character ${list} does not occur in any date of the ${LOCALES.length} locales.`
    : `date: the characters ${list} do not occur in any date of the ${LOCALES.length} locales.`;
}
