/** The dates this program reads: what `Intl.DateTimeFormat` writes in 17 locales and 3 styles, from 1900 to 2099. */

export const STYLES = ['full', 'long', 'medium'] as const;
export type Style = (typeof STYLES)[number];

export const LOCALES = [
  'en-US', 'en-GB', 'fr', 'de', 'es', 'pt', 'it', 'pl', 'ru', 'el', 'tr', 'zh', 'ja', 'ko', 'hi', 'ar', 'th',
] as const;
export type Locale = (typeof LOCALES)[number];

/** How each locale is called in tables. */
export const NAMES: Readonly<Record<Locale, string>> = {
  'en-US': 'English (US)', 'en-GB': 'English (UK)', fr: 'French', de: 'German', es: 'Spanish', pt: 'Portuguese',
  it: 'Italian', pl: 'Polish', ru: 'Russian', el: 'Greek', tr: 'Turkish', zh: 'Chinese', ja: 'Japanese',
  ko: 'Korean', hi: 'Hindi', ar: 'Arabic', th: 'Thai',
};

const DAY = 86_400_000;
/** The first and the last date, as days since 1970-01-01. */
export const FIRST_DAY = Date.UTC(1900, 0, 1) / DAY;
export const LAST_DAY = Date.UTC(2099, 11, 31) / DAY;

/** Midnight (UTC) of a day counted from 1970-01-01. */
export function dateOf(day: number): Date {
  return new Date(day * DAY);
}

/** The ISO 8601 text of a date. */
export function isoOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** The date an ISO text names, or null: "2026-02-31", years outside 1900-2099 and everything else that is no date. */
export function parseIso(iso: string): Date | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(iso)) return null;
  const date = new Date(`${iso}T00:00:00Z`);
  const day = date.getTime() / DAY;
  return day >= FIRST_DAY && day <= LAST_DAY && isoOf(date) === iso ? date : null;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** The formatter of a locale and style. Calendar, digits and time zone are pinned: their defaults differ between platforms. */
export function formatter(locale: Locale, style: Style): Intl.DateTimeFormat {
  const key = `${locale} ${style}`;
  let found = formatters.get(key);
  if (found === undefined) {
    const calendar = locale === 'th' ? 'buddhist' : 'gregory';
    const digits = locale === 'ar' ? 'arab' : 'latn';
    found = new Intl.DateTimeFormat(`${locale}-u-ca-${calendar}-nu-${digits}`, { dateStyle: style, timeZone: 'UTC' });
    formatters.set(key, found);
  }
  return found;
}

/** A date as people write it in one locale and style. */
export function write(date: Date, locale: Locale, style: Style): string {
  return formatter(locale, style).format(date);
}
