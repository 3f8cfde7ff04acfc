import { LOCALES, parseIso, STYLES, write, type Locale, type Style } from './locales.js';
import { normalize } from './normalize.js';

/**
 * Checks an answer by writing it back: the locale and style in which the date reads as the text does, or null where there
 * is none ("31 February 2026", a wrong weekday, a year outside 1900-2099, a text that is no date). Where two styles write
 * the same, the first is named.
 */
export function matches(text: string, iso: string): { locale: Locale; style: Style } | null {
  const date = parseIso(iso);
  if (date === null) return null;
  const wanted = normalize(text);
  for (const locale of LOCALES) {
    for (const style of STYLES) {
      if (normalize(write(date, locale, style)) === wanted) return { locale, style };
    }
  }
  return null;
}
