/** A model as a table, as Keras prints it for a terminal of 80 columns. */
import type { Layer } from './layer.js';
import type { Optimizer } from './optimizers/optimizer.js';
import type { SymbolicShape } from './symbolic.js';

/** What stands in a row: layer, output shape, parameters and, in a graph, what the layer is connected to. */
export type SummaryRow = readonly string[];

const headings = ['Layer (type)', 'Output Shape', 'Param #', 'Connected to'];
/** How wide the columns are without and with the fourth. */
const widths = { 3: [31, 22, 13], 4: [19, 17, 10, 17] };

/** Bytes in the unit that reads best, as Keras writes them. */
function bytesText(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let unit = 0;
  for (; n >= 1024 && unit < 3; unit++) n /= 1024;
  return `${n.toFixed(2)} ${units[unit]}`;
}
const count = (n: number): string => n.toLocaleString('en-US');

/** `(None, 3)`, or a list of them. */
export const shapeText = (s: SymbolicShape | readonly SymbolicShape[]): string =>
  Array.isArray(s[0]) ? `[${(s as readonly SymbolicShape[]).map(shapeText).join(', ')}]` : `(${(s as SymbolicShape).map((n) => n ?? 'None').join(', ')})`;

export const rowOf = (layer: Layer, shape: string): string[] =>
  [`${layer.name} (${layer.constructor.name})`, shape, layer.built ? count(layer.countParams()) : '0 (unbuilt)'];

/** A text in lines of some width, broken between words; a word that is too long is cut. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => (line.length > width ? `${line.slice(0, width - 1)}…` : line));
}

/** The box that `summary()` prints. */
export function summaryOf(model: Layer, rows: readonly SummaryRow[], optimizer: Optimizer | null): string {
  const columns = widths[rows[0]?.length === 4 ? 4 : 3];
  const line = (left: string, mid: string, right: string, fill: string) => left + columns.map((w) => fill.repeat(w + 2)).join(mid) + right;
  const row = (texts: readonly string[], bar: string): string[] => {
    const cells = columns.map((w, i) => wrapped(texts[i]!, w));
    return Array.from({ length: Math.max(...cells.map((c) => c.length)) }, (_, k) =>
      bar + cells.map((c, i) => ` ${i === 2 ? (c[k] ?? '').padStart(columns[i]!) : (c[k] ?? '').padEnd(columns[i]!)} `).join(bar) + bar);
  };
  type Sized = readonly { readonly size: number; readonly bytes: number }[];
  const total = (label: string, vs: Sized) => ` ${label}: ${count(vs.reduce((n, v) => n + v.size, 0))} (${bytesText(vs.reduce((n, v) => n + v.bytes, 0))})`;
  const state = optimizer?.built ? optimizer.variables : [];
  return [
    `Model: "${model.name}"`,
    line('┏', '┳', '┓', '━'), ...row(headings, '┃'), line('┡', '╇', '┩', '━'),
    ...rows.flatMap((c, i) => [...(i ? [line('├', '┼', '┤', '─')] : []), ...row(c, '│')]),
    line('└', '┴', '┘', '─'),
    total('Total params', [...model.weights, ...state]), total('Trainable params', model.trainableWeights), total('Non-trainable params', model.nonTrainableWeights),
    ...(state.length ? [total('Optimizer params', state)] : []),
  ].join('\n');
}
