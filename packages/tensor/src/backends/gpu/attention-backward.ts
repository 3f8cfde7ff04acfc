/**
 * Attention, backwards: the scores are computed once more, and give the weights P = e^(scores - logarithm) and their slopes
 * dS = P (g V^T - delta). One kernel goes from each tile of queries through the keys: gq = scale dS K. One goes from each tile of keys
 * through the queries: gk = scale dS^T Q, gv = P^T g. No sum is shared between groups, so all are the same at every run.
 * Source: Dao 2023, "FlashAttention-2".
 */
import { contiguousStrides } from '../../shape.js';
import type { AttentionParams } from '../js/attention.js';
import { change, lines, onScores, rowsOf, scoresOf, sizesOf, Tiles } from './attention.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import { planReduce } from './reduce.js';
import type { GpuView } from './shader.js';

/** The gradients of query, of key and value for each query head, and of the bias where there is a fourth output. */
export function planAttentionBackward(context: Context, p: AttentionParams, inputs: readonly GpuView[], [gq, gk, gv, gbias]: readonly GpuView[]): Dispatch[] {
  return [planRows(context, p, inputs, true, [gq!]), planRows(context, p, inputs, false, [gk!, gv!]), ...(gbias ? planBias(context, p, inputs, gbias) : [])];
}

/** What goes through tiles of weights `a` and slopes `d`. `byQuery`: from each tile of queries through keys; else the other way round. `widths`: vectors in a row of the results. */
function slopesOf(context: Context, p: AttentionParams, inputs: readonly GpuView[], byQuery: boolean, widths: readonly number[]) {
  const sizes = sizesOf(inputs);
  const { B, T, H, S, D, V, G } = sizes;
  const s = shaderOf(context);
  const [query, key, value, logarithm, delta, slope, ...extras] = inputs.map((x) => s.input(x));
  const shared = `h / ${s.int(G)}`;
  const [q, g] = [rowsOf(s, query!, 'queries', 'h'), rowsOf(s, slope!, 'slopes', 'h')];
  const [k, v] = [rowsOf(s, key!, 'keys', shared), rowsOf(s, value!, 'values', shared)];
  const perQuery = [logarithm!, delta!].map((x, i) => onScores(s, { shape: [B, H, T, 1], strides: [...x.strides, 0] }, ['logarithms', 'deltas'][i]!, [B, H, T, 1]));
  const [own, other] = byQuery ? [[q, g], [k, v]] as const : [[k, v], [q, g]] as const;
  const scores = scoresOf(s, p, sizes, extras, byQuery);
  const t = new Tiles(s, { depths: [q.width, v.width], results: Math.max(...widths), many: Math.max(D, V) > 64, rows: byQuery ? T : S });
  const { rows, columns, down } = t.l;
  const [first, limit] = byQuery ? ['t0', scores.T] : ['s0', scores.S];
  const [start, end] = byQuery ? ['s0', scores.S] : ['t0', scores.T];
  // Of a query that sees nothing 0 is subtracted instead of minus infinity: its scores are so low that every weight is 0.
  const load = (at: string): string[] => {
    const [l, d] = perQuery.map((x) => x.at(at, '0'));
    return [`select(${logarithm!.load(l!)} * ${Math.LOG2E}f, 0f, abs(${logarithm!.load(l!)}) > 3.4e38f)`, delta!.load(d!)];
  };
  if (!byQuery) s.declare(`var<workgroup> tops: array<f32, ${columns}>;\nvar<workgroup> means: array<f32, ${columns}>;`);
  const look = (name: string, i: number, c: number) => (byQuery ? `vec4(${name}${i})` : t.four(c, (j) => `${name}s[${t.column(j)}]`));
  const clear = (name: string): string => t.eachScore((i, c) => `var ${name}${i}_${c} = vec4<f32>();`);
  return {
    s, t, sizes, scores, own, other, first, limit, start, end, clear,
    heads: `${[q, k, v, g, ...perQuery].map((x) => x.head).join('\n')}\n${scores.heads}\n`,
    /** Where the others begin and end that a tile sees, or is seen by. */
    bounds: byQuery ? ['0', `min(${scores.S}, min(t0 + ${rows}, ${scores.T}) + ${scores.reach})`] : [`max(0, s0 - ${scores.reach}) / ${columns} * ${columns}`, scores.T],
    /** Once for a tile. */
    before: `${byQuery ? lines(down, (i) => { const [l, d] = load(`min(t0 + ${t.row(i)}, ${scores.T} - 1)`); return `let top${i} = ${l}; let mean${i} = ${d};`; }) : ''}${t.keep(own[0], first, limit)}`,
    /** Once for each tile of the others: weights `a`, what is done with them, slopes `d`, what is done with those. */
    each(weighed: string, sloped: string): string {
      const [l, d] = load('at');
      return `${byQuery ? '' : `if (lid < ${columns}) { let at = min(t0 + lid, ${scores.T} - 1); tops[lid] = ${l}; means[lid] = ${d}; }\n`
      }${clear('a')}${t.score('a', 0, own[0], other[0], [first, limit], [start, end])}${change(t, scores, 'a')}${
        t.eachScore((i, c) => `a${i}_${c} = exp2(a${i}_${c} - ${look('top', i, c)});`)}${weighed}${
        clear('d')}${t.score('d', 1, own[1], other[1], [first, limit], [start, end])}${
        t.eachScore((i, c) => `d${i}_${c} = a${i}_${c} * (d${i}_${c} - ${look('mean', i, c)});`)}${sloped}`;
    },
  };
}

/** The gradient of the queries, or those of keys and values. */
function planRows(context: Context, p: AttentionParams, inputs: readonly GpuView[], byQuery: boolean, outputs: readonly GpuView[]): Dispatch {
  const { s, t, sizes: { B, T, H, S }, other, first, limit, start, end, heads, bounds, before, each } = slopesOf(context, p, inputs, byQuery, outputs.map((y) => Math.ceil(y.shape[3]! / 4)));
  const { rows, columns, threads } = t.l;
  const tiles = Math.ceil((byQuery ? T : S) / rows);
  const [many, pieces, number, scale] = [s.int(tiles), s.int(t.pieces), s.int(H), s.float(p.scale)];
  const y = outputs.map((x, n) => rowsOf(s, s.output(x), `results${n}`, 'h'));
  const add = (what: string, n: number) => `${t.put(what)}${t.multiply(`y${n}_`, other[n]!, [start, end])}`;
  const body = `let h = row / ${many} / ${pieces} % ${number};
let b = row / ${many} / ${pieces} / ${number};
let ${first} = ${byQuery ? `(${many} - 1 - row % ${many})` : `row % ${many}`} * ${rows}; // those with most to do come first
let lead = row / ${many} % ${pieces} * ${t.span};
${heads}${y.map((x) => x.head).join('\n')}
${t.begin}${y.map((_, n) => t.eachSum((i, c) => `var y${n}_${i}_${c} = vec4<f32>();`)).join('')}${before}for (var ${start} = ${bounds[0]}; ${start} < ${bounds[1]}; ${start} += ${columns}) {
${each(byQuery ? '' : add('a', 1), add('d', 0))}}
${y.map((x, n) => t.write(x, [first, limit], (i, c) => `y${n}_${i}_${c}${n ? '' : ` * ${scale}`}`)).join('')}`;
  return s.rows(tiles * t.pieces * H * B, threads, body).dispatch();
}

/** The gradient of the bias: slopes added up over the heads that share an element, within a tile over the axes that the bias has not, then over the tiles. */
function planBias(context: Context, p: AttentionParams, inputs: readonly GpuView[], y: GpuView): Dispatch[] {
  const { s, t, sizes: { B, T, H, S }, scores, clear, heads, bounds, before, each } = slopesOf(context, p, inputs, true, [1]);
  const { rows, columns, threads, weights } = t.l;
  const [nb, nh, nt, ns] = [...[1, 1, 1, 1].slice(y.shape.length), ...y.shape] as [number, number, number, number];
  const [overT, overS] = [nt < T, ns < S];
  const tiles = [Math.ceil(T / rows), Math.ceil(S / columns)] as const;
  const partial = [nb, nh, overT ? tiles[0] : nt, overS ? tiles[1] : ns];
  const into = overT || overS ? context.scratch({ shape: partial, dtype: 'float32' }) : y;
  const to = s.output(into);
  const [ofB, ofH, ofT] = contiguousStrides(partial).map((n) => s.int(n));
  const [manyT, manyS, manyH] = [s.int(tiles[0]), s.int(tiles[1]), s.int(nh)];
  const store = (atT: string, atS: string, value: string) => to.store(`outerB * ${ofB} + outerH * ${ofH} + (${atT}) * ${ofT} + ${atS}`, value);
  const place = (i: number, j: number) => [`t0 + ${t.row(i)}`, `s0 + ${t.column(j)}`] as const;
  const stride = (columns / 4) | 1;
  s.declare(`var<workgroup> added: array<f32, ${Math.max(rows, columns)}>;`);
  const addUp = overT
    ? `if (lid < ${columns}) { var sum = 0f; for (var e = 0; e < ${rows}; e++) { sum += tile[${weights} + e * ${stride} + lid / 4][lid % 4]; } added[lid] = sum; }`
    : `if (lid < ${rows}) { var sum = vec4<f32>(); for (var e = 0; e < ${stride & ~1}; e++) { sum += tile[${weights} + lid * ${stride} + e]; } added[lid] = dot(sum, vec4(1f)); }`;
  const [tileT, tileS] = [`t0 / ${rows}`, `s0 / ${columns}`];
  const added = overT && overS ? `if (lid == 0) { var sum = 0f; for (var e = 0; e < ${columns}; e++) { sum += added[e]; } ${store(tileT, tileS, 'sum')} }`
    : overT ? `if (lid < ${columns} && s0 + lid < ${scores.S}) { ${store(tileT, 's0 + lid', 'added[lid]')} }`
      : `if (lid < ${rows} && t0 + lid < ${scores.T}) { ${store('t0 + lid', tileS, 'added[lid]')} }`;
  const each4 = t.eachScore((i, g) => [0, 1, 2, 3].map((e) => {
    const [atT, atS] = place(i, 4 * g + e);
    return `if (${atT} < ${scores.T} && ${atS} < ${scores.S}) { ${store(atT, atS, `sum${i}_${g}[${e}]`)} }`;
  }).join('\n'));
  const over = (index: string, outer: string, n: number, all: number, text: string) => `for (var ${index} = ${n === 1 ? '0' : outer}; ${index} < ${n === 1 ? s.int(all) : `${outer} + 1`}; ${index}++) {\n${text}}\n`;
  const body = `let s0 = row % ${manyS} * ${columns};
let t0 = row / ${manyS} % ${manyT} * ${rows};
let outerH = row / ${manyS} / ${manyT} % ${manyH};
let outerB = row / ${manyS} / ${manyT} / ${manyH};
${t.begin}${clear('sum')}if (s0 < ${bounds[1]}) {
${over('b', 'outerB', nb, B, over('h', 'outerH', nh, H, `${heads}${before}${each('', t.eachScore((i, g) => `sum${i}_${g} += d${i}_${g};`))}`))}}
${overT || overS ? `${t.put('sum')}workgroupBarrier();\n${addUp}\nworkgroupBarrier();\n${added}` : each4}`;
  const dispatch = s.rows(tiles[0] * tiles[1] * nb * nh, threads, body).dispatch();
  return [dispatch, ...(into === y ? [] : planReduce(context, { kind: 'sum', axes: [...(overT ? [2] : []), ...(overS ? [3] : [])] }, [into], y))];
}
