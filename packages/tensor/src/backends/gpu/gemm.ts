/**
 * Matrix products by tiles: a group of threads stages a tile of each operand in its shared memory, as vectors of four along the axis
 * on which the operand is dense, and each thread keeps a block of sums. Rows and columns beyond the last are computed from whatever
 * WebGPU gives for them and not written; beyond the end of K there are zeros.
 */
import { sizeOf } from '../../shape.js';
import type { Dispatch } from './device.js';
import { starts, writer } from './finish.js';
import { shaderOf, type Context } from './plan.js';
import { along, byFours, inSteps, isDense, type Axis, type Matrix, type Product } from './product.js';
import type { Shader } from './shader.js';

/** Rows, columns and depth of a group's tile, and the rows and columns of a thread's sums: multiples of 4 that divide it. */
export interface Tile { readonly m: number; readonly n: number; readonly k: number; readonly rows: number; readonly columns: number }

export const threadsOf = ({ m, n, rows, columns }: Tile): number => (m / rows) * (n / columns);
/** Bytes of shared memory, at most. */
export const sharedBytes = ({ m, n, k }: Tile): number => 16 * (m + n) * (k / 4 + 1);

/** What all threads of a group know: names in WGSL. */
interface Frame { readonly s: Shader; readonly tile: Tile; readonly half: boolean; readonly masked: boolean }
/** An operand in shared memory: text before the loop over K, in it, and how a thread reads what it multiplies. */
interface Staged {
  readonly before: string;
  readonly load: string;
  /** Vectors for four steps of K, read before them, and those read for each. */
  readonly first: string;
  each(step: number): string;
  /** The d-th of the q-th four rows or columns of a thread. */
  item(q: number, d: number, step: number): string;
  four(q: number, step: number): string;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const xyzw = 'xyzw';

/** Stages `span` rows or columns, of which a thread has `own`, by the tile's depth; `steps`: whether matrices lie multiples of four apart. */
function staged({ s, tile, half, masked }: Frame, name: 'a' | 'b', { view }: Matrix, side: Axis, depth: Axis, span: number, own: number, steps: boolean): Staged {
  const x = s.input(view);
  const [sideAt, depthAt] = [along(s, `${name}_side`, side), along(s, `${name}_depth`, depth)];
  const deep = isDense(depth);
  const wide = steps && (deep ? byFours(depth) && inSteps(side) : byFours(side) && inSteps(depth));
  const [fours, quads] = [tile.k / 4, span / 4];
  const row = deep ? fours + 1 : quads; // a column of padding keeps threads off each other's banks
  const kind = half ? 'f16' : 'f32';
  s.declare(`var<workgroup> t${name}: array<vec4<${kind}>, ${deep ? span * row : tile.k * row}>;`);
  const [base, thread, first] = [`${name}0`, ...(name === 'a' ? ['ty', 'm0'] : ['tx', 'n0'])];
  const before: string[] = [];
  const load: string[] = [];
  range((span * fours) / threadsOf(tile)).forEach((turn) => {
    const id = `${name}${turn}`;
    const across = deep ? fours : quads;
    before.push(`let ${id}_u = lid + ${turn * threadsOf(tile)};`, `let ${id}_l = ${id}_u / ${across};`, `let ${id}_q = ${id}_u % ${across};`);
    const k = (d: number) => (deep ? `k0 + ${id}_q * 4 + ${d}` : `k0 + ${id}_l`);
    const at = (d: number) => `${id}_${deep || wide ? 0 : d} + ${depthAt(k(deep ? d : 0))}`;
    if (deep) before.push(`let ${id}_0 = ${base} + ${sideAt(`${first} + ${id}_l`)};`);
    else for (const d of wide ? [0] : range(4)) before.push(`let ${id}_${d} = ${base} + ${sideAt(`${first} + ${id}_q * 4 + ${d}`)};`);
    const to = deep ? `((${id}_l & 3) * ${quads} + (${id}_l >> 2)) * ${row} + ${id}_q` : `${id}_u`;
    const within = (value: string, zero: string, d: number) => (masked ? `select(${zero}, ${value}, ${k(d)} < end)` : value);
    const value = wide ? within(x.load4(`(${at(0)}) >> 2`), 'vec4<f32>()', 0) : `vec4<f32>(${range(4).map((d) => within(x.load(at(d)), '0f', d)).join(', ')})`;
    load.push(`t${name}[${to}] = ${half ? `vec4<f16>(${value})` : value};`);
  });
  const read = (at: string) => (half ? `vec4<f32>(t${name}[${at}])` : `t${name}[${at}]`);
  const place = (q: number) => `${thread} + ${(q * span) / own}`;
  return {
    before: before.map((line) => `  ${line}\n`).join(''),
    load: load.map((line) => `    ${line}\n`).join(''),
    first: deep ? range(own / 4).flatMap((q) => range(4).map((d) => `let ${name}_${q}${d} = ${read(`(${d * quads} + ${place(q)}) * ${row} + q`)};`)).map((line) => `      ${line}\n`).join('') : '',
    each: (step) => (deep ? '' : range(own / 4).map((q) => `      let ${name}_${q}s${step} = ${read(`(q * 4 + ${step}) * ${row} + ${place(q)}`)};\n`).join('')),
    item: (q, d, step) => (deep ? `${name}_${q}${d}.${xyzw[step]}` : `${name}_${q}s${step}.${xyzw[d]}`),
    four: (q, step) => (deep ? `vec4<f32>(${range(4).map((d) => `${name}_${q}${d}.${xyzw[step]}`).join(', ')})` : `${name}_${q}s${step}`),
  };
}

/** A product by tiles; with `splits`, each of as many parts of K, `chunk` long, into its own sums, which lie one behind the other in y. */
export function planTiles(context: Context, product: Product, tile: Tile, splits = 1, chunk = product.k): Dispatch {
  const { m, n, k, batch, a, b } = product;
  const s = shaderOf(context);
  const { half } = context.gpu;
  if (half) s.enable('f16');
  const frame: Frame = { s, tile, half, masked: k % tile.k !== 0 };
  const even = (i: number) => batch.strides[i]!.every((stride) => stride % 4 === 0);
  const left = staged(frame, 'a', a, a.row, a.column, tile.m, tile.rows, even(0));
  const right = staged(frame, 'b', b, b.column, b.row, tile.n, tile.columns, even(1));
  const to = writer(s, product);
  const [across, down, count] = [Math.ceil(n / tile.n), Math.ceil(m / tile.m), sizeOf(batch.sizes)];
  const [TN, TM, K, P] = [s.int(across), s.int(down), s.int(k), splits > 1 ? s.int(splits) : ''];
  const [ty, tx] = [tile.m / tile.rows, tile.n / tile.columns];
  const [iq, jq] = [range(tile.rows / 4), range(tile.columns / 4)];
  const step = (d: number) => left.each(d) + right.each(d) + iq.flatMap((i) => range(4).flatMap((r) => jq.map((j) => `      c${i}${r}_${j} += ${left.item(i, r, d)} * ${right.four(j, d)};\n`))).join('');
  const body = `  let n0 = (row % ${TN}) * ${tile.n};
  let m0 = (row / ${TN} % ${TM}) * ${tile.m};
${splits > 1 ? `  let part = row / ${TN} / ${TM} % ${P};\n` : ''}  let z = row / ${TN} / ${TM}${splits > 1 ? ` / ${P}` : ''};
  let tx = lid % ${tx};
  let ty = lid / ${tx};
${s.walk(batch, 'z', starts(product).map((name) => (splits > 1 && name === 'y0' ? 'y_z' : name)))}${splits > 1 ? `  let y0 = y_z + part * ${s.int(count * m * n)};\n` : ''}${splits > 1 ? `  let begin = part * ${s.int(chunk)};\n  let end = min(${K}, begin + ${s.int(chunk)});` : `  let begin = 0;\n  let end = ${K};`}
${left.before}${right.before}${iq.flatMap((i) => range(4).flatMap((r) => jq.map((j) => `  var c${i}${r}_${j} = vec4<f32>();\n`))).join('')}  for (var k0 = begin; k0 < end; k0 += ${tile.k}) {
${left.load}${right.load}    workgroupBarrier();
    for (var q = 0; q < ${tile.k / 4}; q++) {
${left.first}${right.first}${range(4).map(step).join('')}    }
    workgroupBarrier();
  }
${iq.flatMap((i) => range(4).flatMap((r) => jq.map((j) => `  ${to.four(`m0 + (ty + ${i * ty}) * 4 + ${r}`, `n0 + (tx + ${j * tx}) * 4`, `c${i}${r}_${j}`)}\n`))).join('')}`;
  return s.rows(across * down * count * splits, threadsOf(tile), body).dispatch();
}
