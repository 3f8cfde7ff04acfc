/** Products of a matrix with a few vectors, and of matrices so small that each sum is a thread's own. */
import { sizeOf } from '../../shape.js';
import type { Dispatch } from './device.js';
import { starts, writer } from './finish.js';
import { shaderOf, type Context } from './plan.js';
import { along, byFours, inSteps, isDense, type Product } from './product.js';

const threads = 256;
/** Vectors that a group takes at once, at most. */
export const mostVectors = 8;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * A large operand by a few vectors, the rows of a or the columns of b: `slices` threads add up each sum, side by side along K where
 * memory is dense there, along the results elsewhere. Splits are as in `planTiles`.
 */
export function planVectors(context: Context, product: Product, slices: number, splits = 1, chunk = product.k): Dispatch {
  const { m, n, k, batch, a, b } = product;
  const s = shaderOf(context);
  const byRow = m <= n; // the vectors are rows of a
  const vectors = Math.min(m, n);
  const sides = [{ x: a, side: a.row, depth: a.column }, { x: b, side: b.column, depth: b.row }] as const;
  const [small, large] = byRow ? sides : [sides[1], sides[0]];
  const size = Math.max(m, n);
  const even = batch.strides.slice(0, 2).every((strides) => strides.every((x) => x % 4 === 0));
  const { side, depth } = large;
  const deep = isDense(depth) && even && byFours(depth) && inSteps(side) && chunk % 4 === 0; // vectors of four along K
  const flat = !isDense(depth) && even && byFours(side) && inSteps(depth); // or along the results
  const vectorDeep = deep && byFours(small.depth) && inSteps(small.side);
  const [x, v] = [s.input(large.x.view), s.input(small.x.view)];
  const [sideAt, depthAt, placeAt, vectorAt] = [along(s, 'side', side), along(s, 'depth', depth), along(s, 'place', small.side), along(s, 'place_depth', small.depth)];
  const to = writer(s, product);
  const [xs, vs] = byRow ? ['b0', 'a0'] : ['a0', 'b0'];
  const width = flat ? 4 : 1;
  const results = threads / slices; // of a group, in fours if flat
  const [groups, count] = [Math.ceil(size / (results * width)), sizeOf(batch.sizes)];
  const type = flat ? 'vec4<f32>' : 'f32';
  const [G, K, P] = [s.int(groups), s.int(k), s.int(splits)];
  s.declare(`var<workgroup> sums_of: array<${type}, ${threads}>;`);
  const w = deep || flat ? x.load4(`(x_at + ${depthAt('k')}) >> 2`) : x.load(`x_at + ${depthAt('k')}`);
  const at = (i: number, d = 0) => `${vs} + ${placeAt(String(i))} + ${vectorAt(`k + ${d}`)}`;
  const factor = (i: number) => (!deep ? v.load(at(i)) : vectorDeep ? v.load4(`(${at(i)}) >> 2`) : `vec4<f32>(${range(4).map((d) => v.load(at(i, d))).join(', ')})`);
  const write = (i: number) => {
    if (byRow) return to[flat ? 'four' : 'one'](String(i), 'r', 'sums_of[c]');
    return flat ? range(4).map((d) => to.one(`r + ${d}`, String(i), `sums_of[c][${d}]`)).join(' ') : to.one('r', String(i), 'sums_of[c]');
  };
  const body = `  let part = row / ${G} % ${P};
  let z = row / ${G} / ${P};
  ${isDense(depth) ? `let t = lid % ${slices};
  let c = lid / ${slices};` : `let t = lid / ${results};
  let c = lid % ${results};`}
  let r = ((row % ${G}) * ${results} + c) * ${width};
${s.walk(batch, 'z', starts(product).map((name) => (name === 'y0' ? 'y_z' : name)))}  let y0 = y_z + part * ${s.int(count * m * n)};
  let begin = part * ${s.int(chunk)};
  let end = min(${K}, begin + ${s.int(chunk)});
  let x_at = ${xs} + ${sideAt('r')};
${range(vectors).map((i) => `  var a${i}_ = ${deep ? 'vec4<f32>' : type}();\n`).join('')}  for (var k = begin + t * ${deep ? 4 : 1}; k < end; k += ${slices * (deep ? 4 : 1)}) {
    let w = ${w};
${range(vectors).map((i) => `    a${i}_ += w * ${factor(i)};\n`).join('')}  }
${range(vectors).map((i) => `  sums_of[t * ${results} + c] = ${deep ? `dot(a${i}_, vec4<f32>(1f))` : `a${i}_`};
  workgroupBarrier();
  for (var half = ${slices / 2}; half > 0; half = half >> 1) {
    if (t < half) { sums_of[t * ${results} + c] += sums_of[(t + half) * ${results} + c]; }
    workgroupBarrier();
  }
  if (t == 0) { ${write(i)} }
  workgroupBarrier();
`).join('')}`;
  return s.rows(groups * splits * count, threads, body).dispatch();
}

/** A thread for each sum, or for 4 x 4 of them, all from memory: no thread waits for another. */
export function planCells(context: Context, product: Product): Dispatch {
  const { m, n, k, batch, a, b } = product;
  const side = !context.gpu.teams && m > 1 && n > 1 ? 4 : 1;
  const s = shaderOf(context);
  const [p, q] = [s.input(a.view), s.input(b.view)];
  const [row, rowDepth, column, columnDepth] = [along(s, 'a_side', a.row), along(s, 'a_depth', a.column), along(s, 'b_side', b.column), along(s, 'b_depth', b.row)];
  const to = writer(s, product);
  const [M, N, K] = [s.int(m), s.int(n), s.int(k)];
  const [down, across] = [Math.ceil(m / side), Math.ceil(n / side)];
  const each = Array.from({ length: side }, (_, d) => d);
  const [H, W] = [s.int(down), s.int(across)];
  return s.line(sizeOf(batch.sizes) * down * across, `  let j = i % ${W} * ${side};
  let r = i / ${W} % ${H} * ${side};
${s.walk(batch, `i / ${W} / ${H}`, starts(product))}${each.map((d) => `  let a_at${d} = a0 + ${row(`min(r + ${d}, ${M} - 1)`)};
  let b_at${d} = b0 + ${column(`min(j + ${d}, ${N} - 1)`)};
${each.map((e) => `  var sum${d}_${e} = 0f;\n`).join('')}`).join('')}  for (var k = 0; k < ${K}; k++) {
    let depth = ${rowDepth('k')};
    let height = ${columnDepth('k')};
${each.map((d) => `    let u${d} = ${p.load(`a_at${d} + depth`)};\n    let w${d} = ${q.load(`b_at${d} + height`)};\n`).join('')}${each.flatMap((d) => each.map((e) => `    sum${d}_${e} += u${d} * w${e};\n`)).join('')}  }
${each.flatMap((d) => each.map((e) => `  ${to.one(`r + ${d}`, `j + ${e}`, `sum${d}_${e}`)}`)).join('\n')}`).dispatch();
}
