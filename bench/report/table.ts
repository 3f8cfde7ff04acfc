/** The table on the terminal: a row's minimums with ratios, its medians below, and what is asked beside them. */
import type { About } from '../engine.js';
import type { Limits } from '../limits.js';
import { isTimed, type Result, type Timed } from '../measure.js';
import type { Row } from '../row.js';
import { baseOf, isRival, ratioOf, speedOf, verdicts, type Verdict } from './verdict.js';

const nameWidth = 40;
const cellWidth = 16;

/** Three digits that count. */
export const short = (x: number): string => (x >= 1000 ? x.toFixed(0) : x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toPrecision(2));
/** A time as the row tells it: milliseconds, microseconds of one op, or kilobytes. */
const scaleOf = (row: Row): number => (row.kind === 'own' && row.unit === 'bytes' ? 1e-3 : row.per ? 1000 / row.per : 1);

const wrap = (text: string): string[] => {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1]!;
    if (last && last.length + word.length + 1 > nameWidth - 2) lines.push(`  ${word}`);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines;
};

const ask = (who: string, v: Verdict | undefined): string => (v ? `${who} x${short(v.reached)} of ${v.floor} ${v.met ? 'met' : 'MISSED'}` : '');

/** Footnotes: the reasons for empty cells. */
export class Notes {
  private readonly list: string[] = [];
  mark(reason: string): string {
    if (!this.list.includes(reason)) this.list.push(reason);
    return `(${this.list.indexOf(reason) + 1})`;
  }
  lines(): string[] { return this.list.map((reason, i) => `(${i + 1}) ${reason}`); }
}

export const header = (columns: readonly About[], where: string): string =>
  `${'minimum, x rival / heed; median below'.padEnd(nameWidth)}${columns.map(({ name }) => name.padStart(cellWidth)).join('')}   floors, and the share of what ${where} can do`;

export function lines(result: Result, columns: readonly About[], notes: Notes, limits: Limits, threads: number): string {
  const { row, cells } = result;
  const scale = scaleOf(row);
  const cellOf = (name: string, tell: (t: Timed) => string): string => {
    const cell = cells.get(name);
    return (cell === undefined ? '' : isTimed(cell) ? tell(cell) : notes.mark(cell.reason)).padStart(cellWidth);
  };
  const first = columns.map(({ name }) => {
    const ratio = ratioOf(result, name);
    return cellOf(name, ({ min }) => `${short(min * scale)}${isRival(name) && ratio !== null ? ` x${short(ratio)}` : ''}`);
  });
  const second = columns.map(({ name }) => (isTimed(cells.get(name)) ? cellOf(name, ({ median, samples }) => (samples > 1 ? short(median * scale) : 'once')) : ''.padStart(cellWidth)));
  const { js, torch, most, share } = verdicts(result, limits);
  const ours = cells.get(baseOf(result));
  const speed = isTimed(ours) ? speedOf(result, ours, limits, threads) : null;
  const told = [
    [ask('JavaScript', js), ask('PyTorch', torch), ask('the device', share), most ? `${short(most.reached / 1000)} of ${Math.round(most.floor / 1000)} kB ${most.met ? 'met' : 'MISSED'}` : ''].filter(Boolean).join(', '),
    speed ? `${speed.value.toFixed(1)} ${speed.unit}, ${(100 * speed.share).toFixed(0)} %` : '',
  ];
  const title = wrap(row.name);
  const height = Math.max(2, title.length);
  return Array.from({ length: height }, (_, i) =>
    `${(title[i] ?? '').padEnd(nameWidth)}${i === 0 ? first.join('') : i === 1 ? second.join('') : ''}${i < 2 && told[i] ? `   ${told[i]}` : ''}`.trimEnd()).join('\n');
}
