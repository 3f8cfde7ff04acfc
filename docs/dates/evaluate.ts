import type { Answer, DateModel } from './contract.js';
import type { Example } from './dataset.js';
import { LOCALES, NAMES, type Locale } from './locales.js';

export interface Judged extends Answer {
  readonly example: Example;
  readonly right: boolean;
}

export interface Score {
  readonly right: number;
  readonly total: number;
}

export interface Evaluation {
  readonly overall: Score;
  /** In the order of `LOCALES`; locales without an example are left out. */
  readonly byLocale: readonly (Score & { readonly locale: Locale; readonly name: string })[];
  readonly answers: readonly Judged[];
}

/** Lets the model answer every example; an answer is right where all ten characters are. */
export async function evaluate(model: DateModel, examples: readonly Example[]): Promise<Evaluation> {
  const answers = await model.answer(examples.map((example) => example.input));
  const judged = answers.map((answer, i) => ({ ...answer, example: examples[i]!, right: answer.iso === examples[i]!.iso }));
  const byLocale = LOCALES.map((locale) => ({ locale, name: NAMES[locale], ...score(judged.filter(({ example }) => example.locale === locale)) }));
  return { overall: score(judged), byLocale: byLocale.filter(({ total }) => total > 0), answers: judged };
}

/**
 * A few answers to show: every mistake, as far as there is room for half of them, then right answers of as many locales
 * as possible. The least confident come first among mistakes, the rest stands as it was drawn.
 */
export function showcase({ answers }: Evaluation, count: number): Judged[] {
  const wrong = answers.filter(({ right }) => !right).sort((a, b) => a.confidence - b.confidence);
  const good = answers.filter(({ right }) => right);
  const shown = wrong.slice(0, Math.max(Math.ceil(count / 2), count - good.length));
  const met = new Set<Locale>();
  const fresh = good.filter(({ example }) => !met.has(example.locale) && met.add(example.locale));
  for (const answer of [...fresh, ...good.filter((answer) => !fresh.includes(answer))]) {
    if (shown.length >= count) break;
    shown.push(answer);
  }
  return shown.slice(0, count);
}

function score(answers: readonly Judged[]): Score {
  return { right: answers.filter(({ right }) => right).length, total: answers.length };
}
