/** The chart: a group of bars per row, each a rival's time over heed's on a log scale; floors are ticks. */
import type { About } from '../engine.js';
import { isTimed, type Result } from '../measure.js';
import { short } from './table.js';
import { isRival, ratioOf } from './verdict.js';

const colours: Readonly<Record<string, string>> = { 'tfjs wasm': '#e08a1e', 'tfjs webgpu': '#e08a1e', 'gpu.js': '#2d9c8f', 'tfjs cpu': '#f3cf9a', 'jax-js': '#7a5cc7', onnxruntime: '#2d9c8f', PyTorch: '#c8453c' };
const [left, right, top, bar, gap] = [370, 60, 92, 9, 10];
const width = 1000;
const decades = [-1, 3] as const;

const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const clamp = (x: number): number => Math.min(decades[1], Math.max(decades[0], Math.log10(x)));
const xOf = (ratio: number): number => left + ((width - left - right) * (clamp(ratio) - decades[0])) / (decades[1] - decades[0]);

/** Text at a place; `more` are further attributes. */
const text = (x: number, y: number, words: string, more = ''): string => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(words)}</text>`;
const line = (x: number, from: number, to: number, stroke: string, more = ''): string => `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${from}" y2="${to}" stroke="${stroke}" ${more}/>`;

function group(result: Result, rivals: readonly About[], y: number): { svg: string; height: number } {
  const { row, cells } = result;
  const parts: string[] = [];
  const seen = rivals.filter(({ name }) => isTimed(cells.get(name)));
  seen.forEach(({ name }, i) => {
    const ratio = ratioOf(result, name);
    if (ratio === null) return;
    const [from, to] = [xOf(1), xOf(ratio)].sort((a, b) => a - b) as [number, number];
    const at = y + i * bar;
    parts.push(`<rect x="${from.toFixed(1)}" y="${at}" width="${Math.max(1, to - from).toFixed(1)}" height="${bar - 1}" fill="${colours[name] ?? '#888'}"><title>${escape(`${row.name}: ${name} takes ${short(ratio)} times as long`)}</title></rect>`);
    parts.push(ratio < 1 ? text(from - 3, at + bar - 2, short(ratio), 'class="n" text-anchor="end"') : text(to + 3, at + bar - 2, short(ratio), 'class="n"'));
  });
  const height = Math.max(1, seen.length) * bar;
  const torchAt = seen.findIndex(({ name }) => name === 'PyTorch');
  const javascript = torchAt < 0 ? height : torchAt * bar;
  if (row.floors.js && javascript) parts.push(line(xOf(row.floors.js), y - 2, y + javascript, '#111', 'stroke-width="1.5"'));
  if (row.floors.torch && torchAt >= 0) parts.push(line(xOf(row.floors.torch), y + javascript - 1, y + height + 1, '#111', 'stroke-width="1.5"'));
  parts.push(text(left - 10, y + height / 2 + 4, row.name.length > 58 ? `${row.name.slice(0, 56)}...` : row.name, 'text-anchor="end"'));
  return { svg: parts.join('\n'), height: height + gap };
}

/** An SVG of every row that has a ratio; a warning, if there is one, stands in red below the title. */
export function chart(results: readonly Result[], columns: readonly About[], title: string, warning = ''): string {
  const rivals = columns.filter(({ name }) => isRival(name));
  const shown = results.filter((result) => rivals.some(({ name }) => ratioOf(result, name) !== null));
  let y = top;
  const groups = shown.map((result) => {
    const { svg, height } = group(result, rivals, y);
    y += height;
    return svg;
  });
  const bottom = y;
  const axis = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000].map((r) =>
    line(xOf(r), top - 8, bottom, r === 1 ? '#111' : '#ddd') + text(xOf(r), top - 12, String(r), 'text-anchor="middle" class="n"'));
  const legend = rivals.map(({ name }, i) => `<rect x="${left + i * 118}" y="44" width="10" height="10" fill="${colours[name] ?? '#888'}"/>${text(left + 14 + i * 118, 53, name)}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + 16}" width="${width}" height="${bottom + 16}" font-family="system-ui, sans-serif" font-size="11">
<style>.n { font-size: 9px; fill: #444 }</style>
<rect width="100%" height="100%" fill="#fff"/>
${text(16, 22, title, 'font-size="14" font-weight="600"')}
${text(16, 38, 'time of a rival / time of heed: right of 1 heed is faster; the black ticks are the floors')}
${warning && text(16, 70, warning, 'font-size="13" font-weight="600" fill="#c00"')}
${[...legend, ...axis, ...groups].join('\n')}
</svg>
`;
}
