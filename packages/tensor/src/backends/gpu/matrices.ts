/**
 * Matrix products by the matrices of 16 x 16 that teams of 32 threads multiply as one instruction (tensor cores), where a device shows
 * them: operands rounded to 16 bits, sums in 32. Compiled in the tests, where no device here can run it; so `checkHalf` compares it before its first use.
 */
import { sizeOf } from '../../shape.js';
import type { Dispatch, Gpu } from './device.js';
import { starts, writer } from './finish.js';
import { shaderOf, type Context } from './plan.js';
import { along, isDense, type Product } from './product.js';

const threads = 128;
/** A group's tile: a quarter of it is a team's, as two by two matrices. */
const [side, depth] = [64, 32];
/** Sums that pass through shared memory at once on their way to the epilogue: half of the tile's, so that it is 16 KiB in all. */
const passing = (side * side) / 2;

interface Config { readonly componentType: string; readonly resultComponentType: string; readonly M: number; readonly N: number; readonly K: number }

/** Whether a device has such matrices, and teams of the one size that they are written for. */
export function hasMatrices({ device, info }: Gpu): boolean {
  const { subgroupMatrixConfigs = [], subgroupMinSize, subgroupMaxSize } = info as GPUAdapterInfo & { subgroupMatrixConfigs?: Iterable<Config> };
  return device.features.has('chromium-experimental-subgroup-matrix') && subgroupMinSize === 32 && subgroupMaxSize === 32
    && [...subgroupMatrixConfigs].some((c) => c.componentType === 'f16' && c.resultComponentType === 'f32' && c.M === 16 && c.N === 16 && c.K === 16);
}

/** A product whose sides are long enough for it. */
export const fitsMatrices = ({ m, n, k }: Product): boolean => m >= side && n >= side && k >= depth;

export function planMatrices(context: Context, product: Product): Dispatch {
  const { m, n, k, batch, a, b } = product;
  const s = shaderOf(context);
  for (const feature of ['f16', 'subgroups', 'chromium_experimental_subgroup_matrix']) s.enable(feature);
  s.trust('chromium.subgroup_matrix_uniformity'); // where a matrix lies is the same for all of a team
  s.declare(`var<workgroup> ta: array<f16, ${side * depth}>;\nvar<workgroup> tb: array<f16, ${side * depth}>;\nvar<workgroup> sums: array<f32, ${passing}>;`);
  const [p, q] = [s.input(a.view), s.input(b.view)];
  const [aSide, aDepth, bDepth, bSide] = [along(s, 'a_side', a.row), along(s, 'a_depth', a.column), along(s, 'b_depth', b.row), along(s, 'b_side', b.column)];
  const to = writer(s, product);
  const [across, down] = [Math.ceil(n / side), Math.ceil(m / side)];
  const [W, H, M, N, K] = [s.int(across), s.int(down), s.int(m), s.int(n), s.int(k)];
  // Neighbouring threads read what neighbours in memory.
  const [ra, ca] = isDense(a.column) ? [`t / ${depth}`, `t % ${depth}`] : [`t % ${side}`, `t / ${side}`];
  const [rb, cb] = isDense(b.column) ? [`t / ${side}`, `t % ${side}`] : [`t % ${depth}`, `t / ${depth}`];
  const two = [0, 1];
  const each = (text: (i: number, j: number) => string): string => two.flatMap((i) => two.map((j) => text(i, j))).join('\n');
  const body = `  let n0 = (row % ${W}) * ${side};
  let m0 = (row / ${W} % ${H}) * ${side};
${s.walk(batch, `row / ${W} / ${H}`, starts(product))}  let team = subgroupBroadcastFirst(lid / 32);
  let top = (team / 2) * 32;
  let left = (team % 2) * 32;
${each((i, j) => `  var c${i}${j}: subgroup_matrix_result<f32, 16, 16>;`)}
  for (var k0 = 0; k0 < ${K}; k0 += ${depth}) {
    for (var t = lid; t < ${side * depth}; t += ${threads}) {
      { let r = ${ra}; let c = ${ca}; var v = 0f; if (m0 + r < ${M} && k0 + c < ${K}) { v = ${p.load(`a0 + ${aSide('m0 + r')} + ${aDepth('k0 + c')}`)}; } ta[r * ${depth} + c] = f16(v); }
      { let r = ${rb}; let c = ${cb}; var v = 0f; if (k0 + r < ${K} && n0 + c < ${N}) { v = ${q.load(`b0 + ${bDepth('k0 + r')} + ${bSide('n0 + c')}`)}; } tb[r * ${side} + c] = f16(v); }
    }
    workgroupBarrier();
    for (var d = 0; d < ${depth}; d += 16) {
${two.map((i) => `      let u${i} = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>>(&ta, u32((top + ${16 * i}) * ${depth} + d), false, ${depth}u);
      let w${i} = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>>(&tb, u32(d * ${side} + left + ${16 * i}), false, ${side}u);`).join('\n')}
${each((i, j) => `      c${i}${j} = subgroupMatrixMultiplyAccumulate(u${i}, w${j}, c${i}${j});`)}
    }
    workgroupBarrier();
  }
${two.map((i) => `${two.map((j) => `  subgroupMatrixStore(&sums, u32(top / 2 * ${side} + left + ${16 * j}), c${i}${j}, false, ${side}u);\n`).join('')}  workgroupBarrier();
  for (var t = lid; t < ${passing}; t += ${threads}) {
    let r = m0 + t / ${passing / 2} * 32 + ${16 * i} + t / ${side} % 16;
    let c = n0 + t % ${side};
    ${to.one('r', 'c', 'sums[t]')}
  }
  workgroupBarrier();`).join('\n')}`;
  return s.rows(across * down * sizeOf(batch.sizes), threads, body).dispatch();
}
