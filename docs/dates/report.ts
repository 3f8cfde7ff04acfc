import { heatmap } from '@heed/attention/heatmap';
import type { Epoch } from './contract.js';
import { CHART_STYLE, lineChart } from './curves.js';
import type { Evaluation, Judged, Score } from './evaluate.js';
import { NAMES } from './locales.js';
import { escape } from './markup.js';
import { characters } from './normalize.js';
import { clock, percent } from './progress.js';

export interface ReportInput {
  readonly seed: number;
  readonly history: readonly Epoch[];
  /** Milliseconds of training. */
  readonly trainingTime: number;
  /** Training was stopped before its end. */
  readonly stopped: boolean;
  readonly evaluation: Evaluation;
  readonly examples: readonly Judged[];
  /** Answers whose heat maps are drawn. */
  readonly maps: readonly Judged[];
}

const STYLE = `
:root{color-scheme:light dark;--paper:#fff;--card:#f6f8fa;--text:#1f2328;--soft:#59636e;--line:#d8dee4;--first:#0b5cad;--second:#b3541e;--good:#1a7f37;--bad:#c0262d}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--card:#151b23;--text:#e6edf3;--soft:#9198a1;--line:#30363d;--first:#6cb6ff;--second:#f0a36b;--good:#56d364;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1040px;padding:32px 20px 64px;background:var(--paper);color:var(--text);font:16px/1.5 system-ui,sans-serif}
h1{font-size:28px;margin:0 0 4px}h2{font-size:20px;margin:40px 0 12px}p{margin:0 0 12px}
.soft,caption{color:var(--soft)}caption{text-align:start;padding-bottom:8px}
.big{font-size:44px;font-weight:700;line-height:1.1}
.row{display:flex;flex-wrap:wrap;gap:24px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:start;padding:5px 16px 5px 0;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:600}td.n,th.n{text-align:end}
.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
.bar{display:inline-block;width:160px;height:10px;background:var(--line);vertical-align:middle}
.bar i{display:block;height:100%;background:var(--first)}
code{font:0.95em ui-monospace,Menlo,Consolas,monospace}
figure{margin:0 0 28px}${CHART_STYLE}`;

/** A page about one training run that needs nothing but itself: curves, accuracy, examples, heat maps. */
export function report(input: ReportInput): string {
  const { evaluation, history } = input;
  const chart = (title: string, first: (e: Epoch) => number, second: (e: Epoch) => number, more: { max?: number; format: (v: number) => string }): string =>
    lineChart({ title, lines: [{ name: 'train', values: history.map(first) }, { name: 'validation', values: history.map(second) }], ...more });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>heed: dates in ${evaluation.byLocale.length} languages</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Dates as people write them, read by attention</h1>
<p class="soft">An encoder, an attention and a decoder, trained from nothing to turn dates into ISO 8601. Seed ${input.seed}, ${epochs(history.length)}, ${clock(input.trainingTime)} of training${input.stopped ? ', stopped before its end' : ''}.</p>
<p class="big">${percent(share(evaluation.overall))}</p>
<p>${evaluation.overall.right} of ${evaluation.overall.total} texts exactly right, on dates that occur in no training text of any language.</p>

<h2>Training</h2>
<div class="row">
${chart('Loss', (e) => e.loss, (e) => e.validationLoss, { format: (v) => String(Number(v.toPrecision(3))) })}
${chart('Accuracy', (e) => e.accuracy, (e) => e.validationAccuracy, { max: 1, format: percent })}
</div>
<p class="soft">Loss: cross-entropy per character. Accuracy: the share of texts with all ten characters right; for training texts while the model was still learning and was told the right characters before each, for validation texts as in use.</p>

<h2>Languages</h2>
<div class="scroll"><table>
<thead><tr><th scope="col">Language</th><th scope="col" class="n">Right</th><th scope="col" class="n">Of</th><th scope="col" class="n">Accuracy</th><th></th></tr></thead>
<tbody>
${evaluation.byLocale.map((row) => `<tr><td>${escape(row.name)}</td><td class="n">${row.right}</td><td class="n">${row.total}</td><td class="n">${percent(share(row))}</td><td><span class="bar"><i style="width:${(share(row) * 100).toFixed(1)}%"></i></span></td></tr>`).join('\n')}
</tbody>
</table></div>

<h2>Examples</h2>
<div class="scroll"><table>
<caption>${escape(examplesCaption(input))}</caption>
<thead><tr><th scope="col">Language</th><th scope="col">Text</th><th scope="col">Answer</th><th scope="col">Right answer</th><th scope="col" class="n">Confidence</th></tr></thead>
<tbody>
${input.examples.map(exampleRow).join('\n')}
</tbody>
</table></div>

<h2>Where it looked</h2>
<p class="soft">Each row is a character of the answer; the darker (in dark mode: the brighter) a cell, the more that character was read from the character above. Point at a cell for its weight. Texts stand in their logical order, from left to right, as the model reads them, without capitals and accents.</p>
${input.maps.map(figure).join('\n')}
</body>
</html>
`;
}

/** What the examples are: mistakes are not hidden, and the reader learns how many there are. */
export function examplesCaption({ evaluation, examples }: Pick<ReportInput, 'evaluation' | 'examples'>): string {
  const { right, total } = evaluation.overall;
  const mistakes = total - right;
  const shown = examples.filter((example) => !example.right).length;
  if (mistakes === 0) return `No mistake among the ${total} test texts; some of the right answers:`;
  if (shown === mistakes) return mistakes === 1 ? 'The only mistake, then right answers:' : `All ${mistakes} mistakes, then right answers:`;
  return `${shown} of the ${mistakes} mistakes, then right answers:`;
}

function exampleRow({ example, iso, confidence, right }: Judged): string {
  return `<tr><td>${escape(NAMES[example.locale])}</td><td><bdi lang="${example.locale}" dir="auto">${escape(example.text)}</bdi></td><td class="${right ? 'good' : 'bad'}"><code>${escape(iso)}</code> ${right ? '✓' : '✗'}</td><td><code>${escape(example.iso)}</code></td><td class="n">${percent(confidence)}</td></tr>`;
}

function figure({ example, iso, weights, right }: Judged): string {
  const svg = heatmap.svg(weights, { rows: characters(iso), columns: characters(example.input), title: NAMES[example.locale] });
  const verdict = right ? '' : ` <span class="bad">(wrong: ${escape(example.iso)})</span>`;
  return `<figure><figcaption><bdi lang="${example.locale}" dir="auto">${escape(example.text)}</bdi> → <code>${escape(iso)}</code>${verdict}</figcaption><div class="scroll">${svg}</div></figure>`;
}

function share({ right, total }: Score): number {
  return total === 0 ? 0 : right / total;
}

function epochs(n: number): string {
  return `${n} epoch${n === 1 ? '' : 's'}`;
}
