/**
 * What attention's kernels share: a group of threads computes a tile of scores after another from rows that it stages in its shared
 * memory, `down` x `across` scores for each thread. Vectors of four lie there side by side, rows an odd number of vectors apart, so
 * that neighbouring rows lie in different banks.
 */
import { broadcastStrides, type Shape } from '../../shape.js';
import type { Spec } from '../../tensor.js';
import type { AttentionParams } from '../js/attention.js';
import { low } from './rows.js';
import type { Operand, Shader } from './shader.js';

/** A reach to every key there can be. */
const everything = 2 ** 30;
/** Vectors of a result's row that one group computes; where there are more, others compute the scores again for the rest. */
const mostVectors = 32;

/** Float32, but for the mask. */
export const fitsAttention = ({ direction, masked }: AttentionParams, inputs: readonly Spec[], outputs: readonly Spec[]): boolean =>
  [...inputs, ...outputs].every((x, i) => x.dtype === (masked && i === (direction === 'forward' ? 3 : 6) ? 'bool' : 'float32'));

export const lines = (n: number, text: (i: number) => string): string => Array.from({ length: n }, (_, i) => `${text(i)}\n`).join('');

/** Query [B, T, H, D], key [B, S, K, D], value [B, S, K, V], G = H / K. */
export interface Sizes { readonly B: number; readonly T: number; readonly H: number; readonly D: number; readonly S: number; readonly V: number; readonly G: number }
export function sizesOf([q, k, v]: readonly Spec[]): Sizes {
  const [B, T, H, D] = q!.shape as [number, number, number, number];
  const [, S, K] = k!.shape as [number, number, number];
  return { B, T, H, D, S, V: v!.shape[3]!, G: H / K };
}

/** Rows of an operand [B, length, heads, size], in vectors of four. */
export interface Rows {
  /** A statement that finds the head in batch `b`. */
  readonly head: string;
  /** Vectors in a row. */
  readonly width: number;
  vector(row: string, c: string): string;
  store(row: string, c: string, value: string): string;
}
export function rowsOf(s: Shader, x: Operand, name: string, head: string): Rows {
  const [b, row, h, column] = x.strides.map((stride, i) => (x.shape[i] === 1 ? 0 : stride)) as [number, number, number, number];
  const size = x.shape[3]!;
  const wide = column === 1 && [size, row, b, h].every((n) => n % 4 === 0);
  const per = wide ? 4 : 1;
  const [ofRow, ofColumn] = [s.int(row / per), s.int(column)]; // no stride is part of the text: one pipeline serves all layouts
  const found = { head: `let ${name} = b * ${s.int(b / per)} + (${head}) * ${s.int(h / per)};`, width: Math.ceil(size / 4) };
  const at = (r: string) => `${name} + (${r}) * ${ofRow}`;
  if (wide) return { ...found, vector: (r, c) => x.load4(`${at(r)} + ${c}`), store: (r, c, value) => x.store4(`${at(r)} + ${c}`, value) };
  const n = s.int(size);
  const by = (c: string) => `${c} * ${ofColumn}`;
  const each = (body: (e: number) => string) => [0, 1, 2, 3].map((e) => `if (c + ${e} < ${n}) { ${body(e)} }`).join(' ');
  s.declare(`fn ${name}_row(at: i32, c: i32) -> vec4<f32> { var v = vec4<f32>(); ${each((e) => `v[${e}] = ${x.load(`at + ${by(`(c + ${e})`)}`)};`)} return v; }`);
  if (x.written) s.declare(`fn ${name}_put(at: i32, c: i32, v: vec4<f32>) { ${each((e) => x.store(`at + ${by(`(c + ${e})`)}`, `v[${e}]`))} }`);
  return { ...found, vector: (r, c) => `${name}_row(${at(r)}, 4 * (${c}))`, store: (r, c, value) => `${name}_put(${at(r)}, 4 * (${c}), ${value});` };
}

/** An operand of the scores, seen as [B, H, T, S]: the statement that finds its head, and the place of an element. */
export function onScores(s: Shader, x: { readonly shape: Shape; readonly strides: readonly number[] }, name: string, shape: Shape): { head: string; at(t: string, key: string): string } {
  const [b, h, t, key] = broadcastStrides(x.shape, x.strides, shape).map((stride) => {
    const n = stride && s.int(stride);
    return (index: string) => (n ? `${index} * ${n}` : '0');
  });
  return { head: `let ${name} = ${b!('b')} + ${h!('h')};`, at: (i, j) => `${name} + ${t!(i)} + ${key!(j)}` };
}

/** Rows and columns of a tile, and of a thread's part of it. */
type Cut = readonly [rows: number, columns: number, down: number, across: number];
/** From the quickest on a large GPU to the smallest; a thread that has many other sums computes fewer scores. */
const cuts = (many: boolean): Cut[] => [...(many ? [] : [[64, 64, 4, 8] as const]), [64, 64, 4, 4], [32, 32, 4, 4], [16, 64, 2, 8], [16, 16, 2, 4]];
/** Vectors of rows that are staged at once. */
const chunks = [8, 4, 1];

/** What a kernel computes with tiles: vectors in the rows that are scored, first those that may stay there, and in a row of the results; rows in all. */
interface Work { readonly depths: readonly number[]; readonly results: number; readonly many: boolean; readonly rows: number }

const odd = (n: number): number => n | 1;
/** Shared memory, in vectors: the tile's own rows, the other rows or what the weights are multiplied with, the weights or other own rows. */
function layout([rows, columns, down, across]: Cut, whole: boolean, chunk: number, { depths, results }: Work) {
  const lanes = columns / across;
  const most = Math.max(...depths);
  const step = Math.ceil(most / Math.ceil(most / chunk));
  const own = odd(whole ? Math.ceil(depths[0]! / step) * step : step);
  const sums = Math.ceil(Math.min(results, mostVectors) / lanes);
  const right = whole ? rows * own : 0;
  const scored = rows * own + columns * odd(step);
  const block = [columns, columns / 2, columns / 4].find((n) => right + n * sums * lanes <= scored) ?? Math.min(columns, 8);
  const weights = Math.max(scored, right + block * sums * lanes);
  const vectors = weights + rows * Math.max(odd(columns / 4), odd(step));
  return { rows, columns, down, across, lanes, threads: lanes * (rows / down), whole, step, own, other: rows * own, right, sums, block, weights, vectors };
}
type Layout = ReturnType<typeof layout>;

/** Loops count by ones and indices are sums of what they count: so Dawn sees that they stay within the shared memory, and checks none. */
export class Tiles {
  readonly l: Layout;
  /** Four of a thread's scores, and of its sums, are a vector: so many for each of its rows. */
  readonly groups: number;
  /** Vectors of a result's row that the group computes, and groups for all. */
  readonly span: number;
  readonly pieces: number;

  constructor(s: Shader, work: Work) {
    const { maxComputeWorkgroupStorageSize: room } = s.gpu.device.limits;
    const roomy = (l: Layout): boolean => 16 * l.vectors + 4 * l.rows * l.lanes <= room && (l.rows < 2 * work.rows || l.rows === 16);
    const all = cuts(work.many).flatMap((cut) => chunks.flatMap((chunk) => [true, false].map((whole) => layout(cut, whole, chunk, work))));
    this.l = all.find(roomy) ?? all[all.length - 1]!;
    this.groups = this.l.across / 4;
    this.span = this.l.sums * this.l.lanes;
    this.pieces = Math.ceil(work.results / this.span);
    s.declare(`var<workgroup> tile: array<vec4<f32>, ${this.l.vectors}>;`);
  }

  /** Statements that say which of a tile's threads one is: `lx`, `ly`. */
  get begin(): string { return `let lx = lid % ${this.l.lanes};\nlet ly = lid / ${this.l.lanes};\n`; }
  /** The i-th of a thread's rows, and the j-th of its columns, in the tile. */
  row(i: number): string { return `ly + ${(i * this.l.rows) / this.l.down}`; }
  column(j: number): string { return `lx + ${j * this.l.lanes}`; }
  /** For each of a thread's rows and each vector of its scores, or of its sums. */
  eachScore(text: (i: number, g: number) => string): string { return lines(this.l.down * this.groups, (n) => text(Math.floor(n / this.groups), n % this.groups)); }
  eachSum(text: (i: number, g: number) => string): string { return lines(this.l.down * this.l.sums, (n) => text(Math.floor(n / this.l.sums), n % this.l.sums)); }
  /** Four numbers for four neighbouring columns of a thread. */
  four(g: number, of: (j: number) => string): string { return `vec4(${[0, 1, 2, 3].map((e) => of(4 * g + e)).join(', ')})`; }

  /** Brings vectors from `c` on of rows from `first` on into shared memory, zeroes where there are none. */
  private stage(x: Rows, at: number, stride: number, rows: number, width: number, first: string, limit: string, c: string): string {
    const { threads } = this.l;
    const cells = rows * width;
    const guard = cells % threads ? `if (e < ${cells}) ` : '';
    return `for (var times = 0; times < ${Math.ceil(cells / threads)}; times++) { let e = lid + times * ${threads}; ${guard}{
  let r = e / ${width};
  let c = ${c} + e % ${width};
  var four = vec4<f32>();
  if (${first} + r < ${limit} && c < ${x.width}) { four = ${x.vector(`${first} + r`, 'c')}; }
  tile[${at} + r * ${stride} + e % ${width}] = four;
} }\n`;
  }
  /** Before the tiles: the own rows, where they stay. */
  keep(x: Rows, first: string, limit: string): string {
    const { whole, own, rows, step } = this.l;
    return whole ? this.stage(x, 0, own, rows, Math.ceil(x.width / step) * step, first, limit, '0') : '';
  }

  /** Adds the products of own and other rows to the scores `name`. The first own rows have a place of their own, the second lie where weights do. Ends with a barrier. */
  score(name: string, which: 0 | 1, x: Rows, y: Rows, [first, limit]: readonly string[], [start, end]: readonly string[]): string {
    const { l } = this;
    const stays = l.whole && which === 0;
    const stride = stays ? l.own : odd(l.step);
    const at = which ? l.weights : 0;
    const axes = ['x', 'y', 'z', 'w'];
    const product = `for (var d = 0; d < ${l.step}; d++) {
${lines(l.across, (j) => `let y${j} = tile[${l.other} + (${this.column(j)}) * ${odd(l.step)} + d];`)}${
  lines(this.groups, (g) => axes.map((e) => `let z${g}${e} = ${this.four(g, (j) => `y${j}.${e}`)};`).join(' '))}${
  lines(l.down, (i) => `let x${i} = tile[${at} + (${this.row(i)}) * ${stride} + ${stays ? 'part + ' : ''}d];`)}${
  this.eachScore((i, g) => axes.map((e) => `${name}${i}_${g} += x${i}.${e} * z${g}${e};`).join(' '))}}\n`;
    const parts = Math.ceil(x.width / l.step);
    return `for (var turn = 0; turn < ${parts}; turn++) {
let part = turn * ${l.step};
${stays ? '' : this.stage(x, at, stride, l.rows, l.step, first!, limit!, 'part')}${this.stage(y, l.other, odd(l.step), l.columns, l.step, start!, end!, 'part')}workgroupBarrier();
${product}workgroupBarrier();
}\n`;
  }

  /** Puts the thread's part of a tile `name` down where all can see it; the next barrier comes with `multiply`. */
  put(name: string): string {
    const { l } = this;
    const at = (i: number, j: number) => `tile[${l.weights} + (${this.row(i)}) * ${odd(l.columns / 4)} + lx / 4 + ${(j * l.lanes) / 4}][lx % 4]`;
    return this.eachScore((i, g) => [0, 1, 2, 3].map((e) => `${at(i, 4 * g + e)} = ${name}${i}_${g}[${e}];`).join(' '));
  }
  /** Adds the product of what was put down and rows of `y`, vectors from `lead` on, to the sums `name`. Ends with a barrier. */
  multiply(name: string, y: Rows, [start, end]: readonly string[]): string {
    const { l } = this;
    return `for (var turn = 0; turn < ${l.columns / l.block}; turn++) {
let part = turn * ${l.block};
${this.stage(y, l.right, this.span, l.block, this.span, `${start} + part`, end!, 'lead')}workgroupBarrier();
for (var step = 0; step < ${l.block / 4}; step++) {
${lines(l.down, (i) => `let x${i} = tile[${l.weights} + (${this.row(i)}) * ${odd(l.columns / 4)} + part / 4 + step];`)}${
  lines(4, (e) => `${lines(l.sums, (g) => `let y${e}_${g} = tile[${l.right} + (4 * step + ${e}) * ${this.span} + lx + ${g * l.lanes}];`)}${
    this.eachSum((i, g) => `${name}${i}_${g} += x${i}[${e}] * y${e}_${g};`)}`)}}
workgroupBarrier();
}\n`;
  }

  /** Writes the sums, as `value` says, to the rows of a result. */
  write(y: Rows, [first, limit]: readonly string[], value: (i: number, g: number) => string): string {
    return this.eachSum((i, g) => `if (${first} + ${this.row(i)} < ${limit} && lead + lx + ${g * this.l.lanes} < ${y.width}) { ${y.store(`${first} + ${this.row(i)}`, `lead + lx + ${g * this.l.lanes}`, value(i, g))} }`);
  }
}

/** Where scores are and what changes them: `byQuery`: a tile's rows are queries, its columns keys; else the other way round. */
export interface Scores { readonly T: string; readonly S: string; readonly reach: string; readonly scale: string; readonly byQuery: boolean; readonly mask?: (t: string, key: string) => string; readonly bias?: (t: string, key: string) => string }

/** The numbers of a call that its scores need, its mask and its bias; and a statement that finds their heads. */
export function scoresOf(s: Shader, p: AttentionParams, { B, T, H, S }: Sizes, extras: readonly Operand[], byQuery: boolean): Scores & { readonly heads: string } {
  const [mask, bias] = [p.masked ? extras[0] : undefined, p.biased ? extras[p.masked ? 1 : 0] : undefined];
  const seen = ([[mask, 'mask0'], [bias, 'bias0']] as const).map(([x, name]) => x && { ...onScores(s, x, name, [B, H, T, S]), x });
  const load = (o: (typeof seen)[number]) => o && ((t: string, key: string) => o.x.load(o.at(t, key)));
  return {
    T: s.int(T), S: s.int(S), reach: s.int(Math.max(-everything, Math.min(everything, p.reach ?? everything))), scale: s.float(p.scale * Math.LOG2E), byQuery,
    mask: load(seen[0]), bias: load(seen[1]), heads: seen.flatMap((o) => (o ? [o.head] : [])).join('\n'),
  };
}

/** Scores of a tile at query `t0` and key `s0` times log2(e), with the bias; those that are hidden, or not there, are `low`. */
export function change(t: Tiles, { T, S, reach, scale, byQuery, mask, bias }: Scores, name: string): string {
  const { rows, columns, down, across, lanes } = t.l;
  const steps = (g: number) => `vec4<i32>(${[0, 1, 2, 3].map((e) => (4 * g + e) * lanes).join(', ')})`;
  const bounds = byQuery
    ? lines(down, (i) => `let last${i} = select(min(t0 + ${t.row(i)} + ${reach}, ${S} - 1), -1, t0 + ${t.row(i)} >= ${T}) - s0 - lx;`)
    : `let last = ${T} - 1 - t0 - lx;\n${lines(down, (i) => `let first${i} = s0 + ${t.row(i)} - ${reach} - t0 - lx;`)}`;
  const beyond = (i: number, g: number) => (byQuery ? `${steps(g)} > vec4(last${i})` : `(${steps(g)} < vec4(first${i})) | (${steps(g)} > vec4(last))`);
  const place = byQuery
    ? lines(down, (i) => `let r${i} = min(t0 + ${t.row(i)}, ${T} - 1);`) + lines(across, (j) => `let c${j} = min(s0 + ${t.column(j)}, ${S} - 1);`)
    : lines(down, (i) => `let r${i} = min(s0 + ${t.row(i)}, ${S} - 1);`) + lines(across, (j) => `let c${j} = min(t0 + ${t.column(j)}, ${T} - 1);`);
  const four = (load: (t: string, key: string) => string, i: number, g: number) => t.four(g, (j) => (byQuery ? load(`r${i}`, `c${j}`) : load(`c${j}`, `r${i}`)));
  const hide = (i: number, g: number) => `${name}${i}_${g} = select(${name}${i}_${g}, vec4(${low}), ${beyond(i, g)}${mask ? ` | !${four(mask, i, g)}` : ''});`.replace(`${beyond(i, g)} |`, `(${beyond(i, g)}) |`);
  const edge = byQuery ? `s0 + ${columns} > ${S} || t0 + ${rows} > ${T} || s0 + ${columns - 1} > t0 + ${reach}` : `t0 + ${columns} > ${T} || s0 + ${rows - 1} > t0 + ${reach}`;
  return `${mask || bias ? place : ''}${t.eachScore((i, g) => `${name}${i}_${g} = ${name}${i}_${g} * ${scale}${bias ? ` + ${Math.LOG2E}f * ${four(bias, i, g)}` : ''};`)}${
    mask ? '' : `if (${edge}) {\n`}${bounds}${t.eachScore(hide)}${mask ? '' : '}\n'}`;
}
