/** What every drawing of a heat map needs: checked numbers, checked labels, and how wide a label is. */

/** Numbers of rank 2: nested arrays, or a tensor (anything whose `toArray()` gives nested arrays). */
export type Weights = readonly (readonly number[])[] | { toArray(): unknown };

/** `rows` name the output positions (one per row of the weights), `columns` the input positions. */
export interface Labels {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly title?: string | undefined;
}

export interface Grid {
  readonly values: readonly (readonly number[])[];
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly title: string;
  /** The ends of the colour scale: 0 (or the smallest weight, where that is negative) and the largest weight. */
  readonly low: number;
  readonly high: number;
}

/** A heat map was asked for with weights or labels that do not fit together. */
export class HeatmapError extends Error {
  override readonly name = 'HeatmapError';
}

/** Checks weights and labels and finds the ends of the scale. */
export function grid(weights: Weights, { rows, columns, title }: Labels): Grid {
  const values = rectangle(weights);
  const shape = `weights [${values.length}, ${values[0]!.length}]`;
  if (rows.length !== values.length) {
    throw new HeatmapError(`heatmap: ${shape} need ${count(values.length, 'row label')}, got ${rows.length}; give one label per row.`);
  }
  if (columns.length !== values[0]!.length) {
    throw new HeatmapError(
      `heatmap: ${shape} need ${count(values[0]!.length, 'column label')}, got ${columns.length}; give one label per column.`,
    );
  }
  let low = 0;
  let high = -Infinity;
  values.forEach((row, r) =>
    row.forEach((value, c) => {
      if (!Number.isFinite(value)) {
        throw new HeatmapError(`heatmap: ${shape} hold ${value} at [${r}, ${c}]; every weight must be a finite number.`);
      }
      low = Math.min(low, value);
      high = Math.max(high, value);
    }),
  );
  return { values, rows, columns, title: title ?? '', low, high: high > low ? high : low + 1 };
}

/** Where a weight lies on the scale: 0 at its low end, 1 at its high end. */
export function share(value: number, { low, high }: Pick<Grid, 'low' | 'high'>): number {
  return (value - low) / (high - low);
}

/** A weight or a bound as people read it: three decimals, fewer where they are zeros. */
export function number(value: number): string {
  if (value !== 0 && (Math.abs(value) < 0.0005 || Math.abs(value) >= 1e6)) return value.toExponential(1);
  return String(Number(value.toFixed(3)));
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function rectangle(weights: Weights): readonly (readonly number[])[] {
  const nested: unknown = 'toArray' in weights ? weights.toArray() : weights;
  if (!Array.isArray(nested) || nested.some((row) => !Array.isArray(row) && !ArrayBuffer.isView(row))) {
    throw new HeatmapError('heatmap: weights are not of rank 2; give one row of numbers per output position.');
  }
  const rows = nested.map((row) => Array.from(row as ArrayLike<unknown>));
  const width = rows[0]?.length ?? 0;
  if (width === 0) throw new HeatmapError('heatmap: weights are empty; give at least one row and one column.');
  rows.forEach((row, r) => {
    if (row.length !== width) {
      throw new HeatmapError(`heatmap: weights are ragged: row 0 has ${width} columns, row ${r} has ${row.length}; all rows must be equally long.`);
    }
    const c = row.findIndex((value) => typeof value !== 'number');
    if (c >= 0) {
      throw new HeatmapError(`heatmap: weights are not of rank 2: element [${r}, ${c}] is ${Array.isArray(row[c]) ? 'a list' : `a ${typeof row[c]}`}; give numbers.`);
    }
  });
  return rows as number[][];
}

/** Characters two cells wide: East Asian scripts and their punctuation, full-width forms, emoji; not the half-width forms. */
const WIDE =
  /(?![\uFF61-\uFFDC\u303F])[\p{Emoji_Presentation}\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Bopomofo}\p{sc=Yi}\u3000-\u33FF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6]/u;

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The characters of a text as a reader counts them: base letter and marks together. */
export function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** How many terminal cells a text fills: wide East Asian characters two, marks and invisible characters none. */
export function cells(text: string): number {
  let total = 0;
  for (const cluster of graphemes(text)) {
    let widest = 0;
    for (const character of cluster) {
      if (/[\p{M}\p{Cf}\p{Cc}\p{Default_Ignorable_Code_Point}]/u.test(character)) continue;
      widest = Math.max(widest, WIDE.test(character) ? 2 : 1);
    }
    total += cluster.includes('\uFE0F') ? 2 : widest;
  }
  return total;
}

/**
 * A label that can be seen: a space becomes U+2423, a control character its picture, a mark without its letter
 * sits on a dotted circle, and an empty label or a lone invisible character is a middle dot.
 */
export function visible(label: string): string {
  if (/^\p{Zs}+$/u.test(label)) return '␣'.repeat([...label].length);
  const shown = label
    .replace(/[\u0000-\u001F]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/\u007F/g, '␡')
    .replace(/[\u0080-\u009F]|(?![\u200C\u200D])\p{Cf}/gu, '');
  if (shown.replace(/\p{Default_Ignorable_Code_Point}/gu, '') === '') return '·';
  return /^\p{M}/u.test(shown) ? `◌${shown}` : shown;
}
