import { escape } from './markup.js';

export interface Line {
  readonly name: string;
  /** One value per epoch; a value that is not finite leaves a gap. */
  readonly values: readonly number[];
}

const [WIDTH, HEIGHT] = [460, 260];
const [LEFT, RIGHT, TOP, BOTTOM] = [60, 16, 34, 60];

/**
 * Draws up to two lines over the epochs as one SVG element. The page sets the colours: `--text`, `--soft`, `--line`,
 * `--first`, `--second`. The vertical axis runs from 0 to `max`, or to a round number above the largest value.
 */
export function lineChart({ title, lines, max, format = String }: {
  title: string;
  lines: readonly Line[];
  max?: number;
  format?: (value: number) => string;
}): string {
  const count = Math.max(1, ...lines.map(({ values }) => values.length));
  const { top, ticks } = scale(max ?? Math.max(0, ...lines.flatMap(({ values }) => values.filter(Number.isFinite))));
  const x = (epoch: number): number => round(LEFT + (count === 1 ? 0.5 : (epoch - 1) / (count - 1)) * (WIDTH - LEFT - RIGHT));
  const y = (value: number): number => round(TOP + (1 - Math.min(value, top) / top) * (HEIGHT - TOP - BOTTOM));

  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escape(describe(title, lines, format))}">`,
    `<text class="name" x="${LEFT}" y="18">${escape(title)}</text>`,
  ];
  for (const tick of ticks) {
    out.push(
      `<line class="rule" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick)}" y2="${y(tick)}"/>`,
      `<text class="soft" x="${LEFT - 8}" y="${y(tick) + 4}" text-anchor="end">${escape(format(tick))}</text>`,
    );
  }
  const stride = Math.ceil(count / 10);
  for (let epoch = 1; epoch <= count; epoch += stride) {
    out.push(`<text class="soft" x="${x(epoch)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${epoch}</text>`);
  }
  out.push(`<text class="soft" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - BOTTOM + 36}" text-anchor="middle">epoch</text>`);
  lines.forEach(({ name, values }, i) => {
    const kind = i === 0 ? 'first' : 'second';
    for (const run of runs(values)) {
      out.push(`<polyline class="${kind}" points="${run.map(([epoch, value]) => `${x(epoch)},${y(value)}`).join(' ')}"/>`);
      for (const [epoch, value] of run) {
        out.push(`<circle class="${kind}" cx="${x(epoch)}" cy="${y(value)}" r="3"><title>${escape(`${name}, epoch ${epoch}: ${format(value)}`)}</title></circle>`);
      }
    }
    const at = LEFT + i * 110;
    out.push(
      `<line class="${kind}" x1="${at}" x2="${at + 22}" y1="${HEIGHT - 10}" y2="${HEIGHT - 10}"/>`,
      `<text class="soft" x="${at + 28}" y="${HEIGHT - 6}">${escape(name)}</text>`,
    );
  });
  out.push('</svg>');
  return out.join('\n');
}

/** The rules `lineChart` is drawn by, for the page's style sheet. */
export const CHART_STYLE = `
.chart{max-width:100%;height:auto}
.chart text{font:12px system-ui,sans-serif;fill:var(--text)}
.chart .name{font-size:15px;font-weight:600}
.chart .soft{fill:var(--soft)}
.chart .rule{stroke:var(--line)}
.chart .first,.chart .second{fill:none;stroke-width:2}
.chart .first{stroke:var(--first)}
.chart .second{stroke:var(--second);stroke-dasharray:6 4}
.chart circle.first{fill:var(--first)}
.chart circle.second{fill:var(--second);stroke-dasharray:none}`;

/** Ticks at 1, 2 or 5 times a power of ten, four to six of them, the last at or above the largest value. */
function scale(largest: number): { top: number; ticks: number[] } {
  const wanted = largest > 0 ? largest : 1;
  const power = 10 ** Math.floor(Math.log10(wanted / 4));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => Math.ceil(wanted / s - 1e-9) <= 5)!;
  const count = Math.ceil(wanted / step - 1e-9);
  return { top: count * step, ticks: Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6))) };
}

/** Stretches of finite values, as [epoch, value]. */
function runs(values: readonly number[]): [number, number][][] {
  const all: [number, number][][] = [[]];
  values.forEach((value, i) => {
    if (Number.isFinite(value)) all[all.length - 1]!.push([i + 1, value]);
    else all.push([]);
  });
  return all.filter((run) => run.length > 0);
}

function describe(title: string, lines: readonly Line[], format: (value: number) => string): string {
  const ends = lines.map(({ name, values }) => {
    const last = values.filter(Number.isFinite).at(-1);
    return `${name} ${last === undefined ? 'without values' : `ends at ${format(last)}`}`;
  });
  return `${title}: ${ends.join(', ')}.`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
