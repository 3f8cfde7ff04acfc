import { cells, graphemes, number, share, visible, type Grid } from './heatmap-grid.js';

export interface TerminalOptions {
  /** Colours instead of shade characters. By default: where the output is a terminal and NO_COLOR is not set. */
  readonly color?: boolean | undefined;
  /** Cells in a line; wider maps are cut into panels. By default the terminal's width, or no limit. */
  readonly width?: number | undefined;
}

const SHADES = [' ', '░', '▒', '▓', '█'] as const;
const RESET = '\x1b[0m';
/** Corners of a scale that grows evenly in lightness and stays readable without colour vision (viridis). */
const SCALE = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
] as const;
/** Characters that would reorder their neighbours: letters and digits of scripts written from right to left. */
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFE\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** Draws a grid with one line per row; see `heatmap.terminal`. */
export function drawTerminal(grid: Grid, options: TerminalOptions): string {
  const color = options.color ?? wantsColor();
  const rows = grid.rows.map(visible);
  const columns = grid.columns.map(visible);
  const margin = Math.max(...rows.map(cells)) + 1;
  const tall = Math.max(...columns.map(cells)) > 3;
  const stacks = columns.map((label) => (tall ? graphemes(label).map(visible) : [label]));
  const cell = Math.max(2, ...stacks.flat().map(cells));
  const height = Math.max(...stacks.map((stack) => stack.length));
  const panel = Math.max(1, Math.floor(((options.width ?? terminalWidth()) - margin) / cell));

  const lines: string[] = [];
  if (grid.title !== '') lines.push(isolate(grid.title.replace(/\p{Cc}/gu, ' ')));
  for (let from = 0; from < columns.length; from += panel) {
    const to = Math.min(from + panel, columns.length);
    for (let level = 0; level < height; level++) {
      const line = stacks.slice(from, to).map((stack) => fit(stack[level - height + stack.length] ?? '', cell));
      lines.push(trimEnd(' '.repeat(margin) + line.join('')));
    }
    rows.forEach((label, r) => {
      const line = grid.values[r]!.slice(from, to).map((value) => paint(share(value, grid), cell, color));
      lines.push(trimEnd(' '.repeat(margin - 1 - cells(label)) + isolate(label) + ' ' + line.join('')));
    });
  }
  const steps = color ? [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => i / 8) : [0.2, 0.4, 0.7, 0.9];
  const legend = steps.map((t) => paint(t, 2, color)).join('');
  lines.push(`${' '.repeat(margin)}${number(grid.low)} ${legend} ${number(grid.high)}`);
  return lines.join('\n');
}

function paint(t: number, width: number, color: boolean): string {
  if (!color) return SHADES[t < 0.1 ? 0 : t < 0.3 ? 1 : t < 0.55 ? 2 : t < 0.8 ? 3 : 4].repeat(width);
  const at = t * (SCALE.length - 1);
  const i = Math.min(Math.floor(at), SCALE.length - 2);
  const [r, g, b] = [0, 1, 2].map((k) => Math.round(SCALE[i]![k]! + (at - i) * (SCALE[i + 1]![k]! - SCALE[i]![k]!))) as [number, number, number];
  const trueColor = /^(truecolor|24bit)$/i.test(environment()?.COLORTERM ?? '');
  const code = trueColor ? `2;${r};${g};${b}` : `5;${16 + 36 * level(r) + 6 * level(g) + level(b)}`;
  return `\x1b[48;${code}m${' '.repeat(width)}${RESET}`;
}

/** The nearest of the six levels 0, 95, 135, 175, 215, 255 of the 256-colour cube. */
function level(value: number): number {
  return value < 48 ? 0 : value < 115 ? 1 : Math.floor((value - 35) / 40);
}

function fit(label: string, width: number): string {
  return isolate(label) + ' '.repeat(Math.max(0, width - cells(label)));
}

/** First-strong isolate ... pop: what stands inside cannot reorder what stands outside. */
function isolate(label: string): string {
  return RIGHT_TO_LEFT.test(label) ? `\u2068${label}\u2069` : label;
}

function trimEnd(line: string): string {
  return line.replace(/ +$/, '');
}

interface Surroundings {
  env?: Record<string, string | undefined>;
  stdout?: { isTTY?: boolean; columns?: number };
}

function surroundings(): Surroundings | undefined {
  return (globalThis as { process?: Surroundings }).process;
}

function environment(): Record<string, string | undefined> | undefined {
  return surroundings()?.env;
}

function wantsColor(): boolean {
  return !environment()?.NO_COLOR && surroundings()?.stdout?.isTTY === true;
}

function terminalWidth(): number {
  const stdout = surroundings()?.stdout;
  return stdout?.isTTY ? (stdout.columns ?? Infinity) : Infinity;
}
