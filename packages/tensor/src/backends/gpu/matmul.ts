/** Matrix products by tiles: a group of threads stages a tile of each operand in its shared memory, and each thread has 4 x 4 sums. */
import { broadcastStrides, sizeOf } from '../../shape.js';
import { nest } from '../nest.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import type { GpuView } from './shader.js';

const tile = 64;
const depth = 16;

/** a [..., M, K], b [..., K, N] -> y [..., M, N], batches broadcast. */
export function planMatmul(context: Context, a: GpuView, b: GpuView, y: GpuView): Dispatch[] {
  const rank = y.shape.length;
  const [m, n, k] = [y.shape[rank - 2]!, y.shape[rank - 1]!, a.shape[a.shape.length - 1]!];
  const batch = y.shape.slice(0, -2);
  const s = shaderOf(context);
  const [p, q, r] = [s.input(a), s.input(b), s.output(y)];
  const lead = (v: GpuView) => ({ shape: batch, strides: broadcastStrides(v.shape.slice(0, -2), v.strides.slice(0, -2), batch) });
  const loops = nest(batch, [lead(a), lead(b), lead(y)]);
  const [am, ak] = a.strides.slice(-2) as [number, number];
  const [bk, bn] = b.strides.slice(-2) as [number, number];
  const [M, N, K] = [s.int(m), s.int(n), s.int(k)];
  s.declare(`var<workgroup> ta: array<f32, ${tile * (depth + 1)}>;\nvar<workgroup> tb: array<f32, ${depth * tile}>;`);
  const across = ak === 1 ? ['t / 16', 't % 16'] : ['t % 64', 't / 64']; // neighbours in memory for neighbours among the threads
  const along = bn === 1 ? ['t / 64', 't % 64'] : ['t % 16', 't / 16'];
  const each = [0, 1, 2, 3];
  const body = `  let lid = i32(local.x);
${s.walk(loops, 'i32(wid.z)', ['a0', 'b0', 'y0'])}  let m0 = i32(wid.y) * ${tile};
  let n0 = i32(wid.x) * ${tile};
  let mt = (lid / 16) * 4;
  let nt = (lid % 16) * 4;
${each.map((i) => `  var c${i} = vec4<f32>();`).join('\n')}
  for (var k0 = 0; k0 < ${K}; k0 += ${depth}) {
    for (var j = 0; j < 4; j++) {
      let t = lid + j * 256;
      { let r = ${across[0]}; let c = ${across[1]}; var v = 0f; if (m0 + r < ${M} && k0 + c < ${K}) { v = ${p.load(`a0 + ${s.times('(m0 + r)', am)} + ${s.times('(k0 + c)', ak)}`)}; } ta[r * ${depth + 1} + c] = v; }
      { let r = ${along[0]}; let c = ${along[1]}; var v = 0f; if (k0 + r < ${K} && n0 + c < ${N}) { v = ${q.load(`b0 + ${s.times('(k0 + r)', bk)} + ${s.times('(n0 + c)', bn)}`)}; } tb[r * ${tile} + c] = v; }
    }
    workgroupBarrier();
    for (var c = 0; c < ${depth}; c++) {
      let w = vec4<f32>(tb[c * ${tile} + nt], tb[c * ${tile} + nt + 1], tb[c * ${tile} + nt + 2], tb[c * ${tile} + nt + 3]);
${each.map((i) => `      c${i} += ta[(mt + ${i}) * ${depth + 1} + c] * w;`).join('\n')}
    }
    workgroupBarrier();
  }
${each.map((i) => `  if (m0 + mt + ${i} < ${M}) {\n${each.map((j) => `    if (n0 + nt + ${j} < ${N}) { ${r.store(`y0 + (m0 + mt + ${i}) * ${N} + n0 + nt + ${j}`, `c${i}[${j}]`)} }`).join('\n')}\n  }`).join('\n')}`;
  return [s.grid([Math.ceil(n / tile), Math.ceil(m / tile), sizeOf(batch)], [256, 1, 1], body).dispatch()];
}
