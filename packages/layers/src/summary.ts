/** A model as a table: layers, output shapes, parameters. */
import type { Layer } from './layer.js';

/** Bytes in the unit that reads best, as Keras writes them. */
function bytesText(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let unit = 0;
  for (; n >= 1024 && unit < 3; unit++) n /= 1024;
  return `${n.toFixed(2)} ${units[unit]}`;
}
const count = (n: number): string => n.toLocaleString('en-US');

/** The box that `summary()` prints. */
export function summaryOf(name: string, rows: { layer: Layer; shape: string }[], model: Layer): string {
  const cells = rows.map(({ layer, shape }) => [`${layer.name} (${layer.constructor.name})`, shape, count(layer.countParams())]);
  const head = ['Layer (type)', 'Output Shape', 'Param #'];
  const widths = head.map((h, i) => Math.max(h.length, ...cells.map((c) => c[i]!.length), [29, 22, 12][i]!));
  const line = (left: string, mid: string, right: string, fill: string) => left + widths.map((w) => fill.repeat(w + 2)).join(mid) + right;
  const row = (c: string[], bar: string) => bar + c.map((text, i) => ` ${i === 2 ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)} `).join(bar) + bar;
  const sizeOf = (vs: readonly { size: number; bytes: number }[]): [number, number] => [vs.reduce((n, v) => n + v.size, 0), vs.reduce((n, v) => n + v.bytes, 0)];
  const total = (label: string, vs: readonly { size: number; bytes: number }[]) => {
    const [n, bytes] = sizeOf(vs);
    return ` ${label}: ${count(n)} (${bytesText(bytes)})`;
  };
  return [
    `Model: "${name}"`,
    line('┏', '┳', '┓', '━'), row(head, '┃'), line('┡', '╇', '┩', '━'),
    ...cells.flatMap((c, i) => [...(i ? [line('├', '┼', '┤', '─')] : []), row(c, '│')]),
    line('└', '┴', '┘', '─'),
    total('Total params', model.weights), total('Trainable params', model.trainableWeights), total('Non-trainable params', model.nonTrainableWeights),
  ].join('\n');
}
