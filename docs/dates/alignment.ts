import { formatter, type Locale, type Style } from './locales.js';
import { characters, fold } from './normalize.js';

/** The columns (character positions of the normalized text) that tell each digit of "YYYY-MM-DD": 4 year digits, 2 day digits. */
export interface RightPositions {
  readonly year: readonly (readonly number[])[];
  readonly day: readonly (readonly number[])[];
}

/**
 * Where the right characters for the year and day digits lie in a date's text, as the platform itself divides it.
 *
 * Year: a digit of the answer is told by its own character, and the century's two digits each by both of theirs, as between 1900
 * and 2099 a first 1 means 19 and a first 2 means 20. Thai years are Buddhist, 543 more: there every digit but the last
 * depends on carries from those after it, so the whole written year is right for each.
 * Day: both digits may look anywhere in the written day, as a recurrent encoder knows at either digit what the other is. The
 * zero before a day of one digit is written nowhere, so no position is right for it, and it is not asked for.
 * Months are left out: a name tells its number nowhere in particular.
 */
export function rightPositions(locale: Locale, style: Style, date: Date): RightPositions {
  const parts = formatter(locale, style).formatToParts(date);
  const year = span(parts, 'year');
  const day = span(parts, 'day');
  return {
    year: locale === 'th' || year.length !== 4 ? [year, year, year, year] : [year.slice(0, 2), year.slice(0, 2), [year[2]!], [year[3]!]],
    day: [day.length > 1 ? day : [], day],
  };
}

/** The positions a part fills after normalization. What stands before it is folded on its own: no folding reaches across. */
function span(parts: readonly Intl.DateTimeFormatPart[], type: Intl.DateTimeFormatPartTypes): number[] {
  const at = parts.findIndex((part) => part.type === type);
  if (at < 0) throw new RangeError(`rightPositions: this platform writes no ${type} there.`);
  const start = characters(fold(parts.slice(0, at).map((part) => part.value).join('')).trimStart()).length;
  const length = characters(fold(parts[at]!.value)).length;
  return Array.from({ length }, (_, i) => start + i);
}
