/** What the program says on a terminal, as text. */
import { heatmap } from '@heed/attention/heatmap';
import type { Answer } from './contract.js';
import type { Evaluation, Judged } from './evaluate.js';
import { LOCALES, NAMES, STYLES } from './locales.js';
import { characters } from './normalize.js';
import { percent } from './progress.js';
import { matches } from './verify.js';

export interface Look {
  readonly color: boolean;
  /** Cells in a line. */
  readonly width?: number | undefined;
}

/** "99.4 %", and what it is a share of. */
export function overallLine({ overall: { right, total } }: Evaluation): string {
  return `${percent(right / total)} exactly right: ${right} of ${total} texts, on dates that occur in no training text of any language`;
}

/** Accuracy per language, in two columns. */
export function languageTable({ byLocale }: Evaluation): string {
  const entries = byLocale.map(({ name, right, total }) => `${name.padEnd(13)}${percent(right / total).padStart(8)}${`${right}/${total}`.padStart(9)}`);
  const half = Math.ceil(entries.length / 2);
  return entries.slice(0, half).map((entry, i) => `  ${entry}      ${entries[half + i] ?? ''}`.trimEnd()).join('\n');
}

/** One line per answer: mark, answer, right answer, confidence, language, text. */
export function exampleTable(examples: readonly Judged[], { color }: Look): string {
  const head = `    ${'answer'.padEnd(12)}${'right answer'.padEnd(14)}${'confidence'.padEnd(12)}${'language'.padEnd(14)}text`;
  const lines = examples.map(({ iso, confidence, example, right }) => {
    const mark = paint(right ? '✓' : '✗', right ? 32 : 31, color);
    return `  ${mark} ${show(iso).padEnd(12)}${(right ? '' : example.iso).padEnd(14)}${percent(confidence).padStart(8)}    ${NAMES[example.locale].padEnd(14)}${show(example.text)}`;
  });
  return [head, ...lines].join('\n');
}

/** Which input characters each output character looked at, indented by two. */
export function lookMap(answer: Answer, input: string, { color, width }: Look): string {
  const room = width === undefined ? undefined : Math.max(20, width - 2);
  const map = heatmap.terminal(answer.weights, { rows: characters(answer.iso), columns: characters(input), color, width: room });
  return map.replace(/^(?=.)/gm, '  ');
}

/** An answer to a text somebody gave, and whether writing the date back confirms it. */
export function answerText(text: string, input: string, answer: Answer, look: Look): { sure: boolean; shown: string } {
  const found = matches(text, answer.iso);
  const confidence = `confidence ${percent(answer.confidence)}`;
  const verdict =
    found !== null
      ? `${paint(answer.iso, 32, look.color)}  ${confidence}  ${NAMES[found.locale]}, ${found.style}`
      : `${paint('not sure', 31, look.color)}: the guess ${show(answer.iso)} (${confidence}) does not read as this text in any of the ${LOCALES.length} locales and ${STYLES.length} styles`;
  return { sure: found !== null, shown: [show(text), `  ${verdict}`, '', lookMap(answer, input, look)].join('\n') };
}

/** A text from outside as it may go to a terminal: no control characters, and its direction kept to itself. */
export function show(text: string): string {
  const clean = text.replace(/\p{Cc}/gu, '\uFFFD');
  return /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFE\u202A-\u202E\u2066-\u2069]/.test(clean) ? `\u2068${clean.replace(/[\u202A-\u202E\u2066-\u2069]/g, '')}\u2069` : clean;
}

function paint(text: string, code: number, color: boolean): string {
  return color ? `\x1b[${code}m${text}\x1b[0m` : text;
}
