/**
 * Attention, forwards: a group of threads for each tile of queries, which goes through tiles of keys with a running softmax, so that
 * no score leaves it. Source: Dao 2023, "FlashAttention-2"; Milakov and Gimelshein 2018.
 */
import type { AttentionParams } from '../js/attention.js';
import { change, lines, onScores, rowsOf, scoresOf, sizesOf, Tiles } from './attention.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import { low } from './rows.js';
import type { GpuView } from './shader.js';

/** y and the logarithm of each query's sum of e^score. */
export function planAttentionForward(context: Context, p: AttentionParams, inputs: readonly GpuView[], outputs: readonly GpuView[]): Dispatch[] {
  const sizes = sizesOf(inputs);
  const { B, T, H, G } = sizes;
  const s = shaderOf(context);
  const [query, key, value, ...extras] = inputs.map((x) => s.input(x));
  const [y, logarithm] = outputs.map((x) => s.output(x));
  const q = rowsOf(s, query!, 'queries', 'h');
  const [k, v] = [rowsOf(s, key!, 'keys', `h / ${s.int(G)}`), rowsOf(s, value!, 'values', `h / ${s.int(G)}`)];
  const o = rowsOf(s, y!, 'results', 'h');
  const l = onScores(s, { shape: [B, H, T, 1], strides: [...logarithm!.strides, 0] }, 'logarithms', [B, H, T, 1]);
  const t = new Tiles(s, { depths: [q.width], results: v.width, many: false, rows: T });
  const scores = scoresOf(s, p, sizes, extras, true);
  const { rows, columns, down, lanes, threads } = t.l;
  const tiles = Math.ceil(T / rows);
  const [many, pieces, heads] = [s.int(tiles), s.int(t.pieces), s.int(H)];
  s.declare(`var<workgroup> found: array<vec4<f32>, ${(rows * lanes) / 4}>;`);
  const quarters = lanes / 4;
  /** Tells all threads of a row what each found; four of them a vector. */
  const tell = (name: string) => `${lines(down, (i) => `found[(${t.row(i)}) * ${quarters} + lx / 4][lx % 4] = ${name}${i};`)}workgroupBarrier();\n`;
  const told = (i: number, join: (a: string, b: string) => string) =>
    Array.from({ length: quarters }, (_, c) => `found[(${t.row(i)}) * ${quarters} + ${c}]`).reduce(join);
  const highest = (v4: string) => `max(max(${v4}.x, ${v4}.y), max(${v4}.z, ${v4}.w))`;
  const groups = Array.from({ length: t.groups }, (_, g) => g);
  const queries = ['t0', scores.T];
  const keys = ['s0', scores.S];
  const body = `let at = row % ${many};
let piece = row / ${many} % ${pieces};
let h = row / ${many} / ${pieces} % ${heads};
let b = row / ${many} / ${pieces} / ${heads};
let t0 = (${many} - 1 - at) * ${rows}; // those that see most come first
let lead = piece * ${t.span};
${[q, k, v, o, l].map((x) => x.head).join('\n')}
${scores.heads}
${t.begin}${lines(down, (i) => `var m${i} = ${low}; var n${i} = 0f;`)}${t.eachSum((i, g) => `var o${i}_${g} = vec4<f32>();`)}${t.keep(q, 't0', scores.T)}
let end = min(${scores.S}, min(t0 + ${rows}, ${scores.T}) + ${scores.reach});
for (var s0 = 0; s0 < end; s0 += ${columns}) {
${t.eachScore((i, g) => `var a${i}_${g} = vec4<f32>();`)}${t.score('a', 0, q, k, queries, keys)}${change(t, scores, 'a')}${
  lines(down, (i) => `let u${i} = ${groups.map((g) => `a${i}_${g}`).reduce((a, b) => `max(${a}, ${b})`)}; let w${i} = ${highest(`u${i}`)};`)}${tell('w')}${
  lines(down, (i) => `{ let most = ${told(i, (a, b) => `max(${a}, ${b})`)};
let top = max(m${i}, ${highest('most')});
let base = select(top, 0f, top <= ${low}); // nothing seen yet: every weight is 0
let factor = exp2(m${i} - base);
m${i} = top;
${groups.map((g) => `a${i}_${g} = exp2(a${i}_${g} - base);`).join(' ')}
n${i} = n${i} * factor + dot(${groups.map((g) => `a${i}_${g}`).join(' + ')}, vec4(1f));
${Array.from({ length: t.l.sums }, (_, g) => `o${i}_${g} *= factor;`).join(' ')} }`)}${t.put('a')}${t.multiply('o', v, keys)}}
${tell('n')}${lines(down, (i) => `let total${i} = dot(${told(i, (a, b) => `${a} + ${b}`)}, vec4(1f)); let share${i} = select(1f / total${i}, 0f, total${i} == 0f);`)}${
  t.write(o, queries, (i, g) => `o${i}_${g} * share${i}`)}if (lx == 0 && piece == 0) {
${lines(down, (i) => `if (t0 + ${t.row(i)} < ${scores.T}) { ${logarithm!.store(l.at(`(t0 + ${t.row(i)})`, '0'), `select((m${i} + log2(total${i})) * ${Math.LN2}f, minus_infinity(), total${i} == 0f)`)} }`)}}`;
  return [s.rows(tiles * t.pieces * H * B, threads, body).dispatch()];
}
