/** How kernels of a matrix product write what they computed, through the epilogue if there is one. */
import { wgsl } from '../../scalar/to-wgsl.js';
import { sizeOf } from '../../shape.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import { along, type Product } from './product.js';
import type { GpuView, Shader } from './shader.js';

/** Writers of sums; `i` and `j` are WGSL for the row and the column of the first. */
export interface Writer {
  one(i: string, j: string, sum: string): string;
  four(i: string, j: string, sums: string): string;
}

/** Declares y and what its epilogue reads; the kernel has `x0, x1, ...` and `y0`, where its matrix begins in each of them. */
export function writer(s: Shader, { m, n, others, y, epilogue }: Product): Writer {
  const to = s.output(y);
  const [M, N] = [s.int(m), s.int(n)];
  const inputs = others.map((x, i) => ({ ...x, from: s.input(x.view), row: along(s, `x${i}_row`, x.row), column: along(s, `x${i}_column`, x.column) }));
  if (epilogue) {
    const { lines, values } = wgsl([epilogue], (slot) => {
      const at = inputs.findIndex((x) => x.slot === slot);
      return at < 0 ? 'sum' : inputs[at]!.from.load(`e${at}`);
    });
    s.declare(`fn finish(${['sum: f32', ...inputs.map((_, i) => `e${i}: i32`)].join(', ')}) -> ${to.type} {\n${lines.map((line) => `  ${line}\n`).join('')}  return ${values[0]};\n}`);
  }
  const value = (i: string, j: string, sum: string) => (epilogue ? `finish(${[sum, ...inputs.map((x, k) => `x${k} + ${x.row(i)} + ${x.column(j)}`)].join(', ')})` : sum);
  const cell = (i: string, j: string) => `y0 + (${i}) * ${N} + ${j}`;
  const each = [0, 1, 2, 3];
  return {
    one: (i, j, sum) => `if (${i} < ${M} && ${j} < ${N}) { ${to.store(cell(i, j), value(i, j, sum))} }`,
    four(i, j, sums) {
      const [row, columns] = ['to_i', each.map((d) => `to_j + ${d}`)];
      const values = columns.map((column, d) => value(row, column, `sums[${d}]`));
      const body = to.type === 'f32' && n % 4 === 0
        ? `if (to_j < ${N}) { ${to.store4(`(${cell(row, 'to_j')}) >> 2`, epilogue ? `vec4<f32>(${values.join(', ')})` : 'sums')} }`
        : columns.map((column, d) => `if (${column} < ${N}) { ${to.store(cell(row, column), values[d]!)} }`).join(' ');
      return `{ let to_i = ${i}; let to_j = ${j}; let sums = ${sums}; if (to_i < ${M}) { ${body} } }`;
    },
  };
}

/** Names of the places where a matrix begins, as `walk` declares them for a product's batch. */
export const starts = ({ others }: Product): string[] => ['a0', 'b0', ...others.map((_, i) => `x${i}`), 'y0'];

/** Adds up the sums of the parts of K, always in their order. */
export function joined(context: Context, product: Product, sums: GpuView, splits: number): Dispatch {
  const s = shaderOf(context);
  const { m, n, batch } = product;
  const size = sizeOf(batch.sizes) * m * n;
  const from = s.input(sums);
  const to = writer(s, product);
  const [M, N, count, step] = [s.int(m), s.int(n), s.int(splits), s.int(size)];
  return s.line(size, `  let j = i % ${N};
  let r = (i / ${N}) % ${M};
${s.walk(batch, `i / ${N} / ${M}`, starts(product))}  var sum = 0f;
  for (var part = 0; part < ${count}; part++) { sum += ${from.load(`i + part * ${step}`)}; }
  ${to.one('r', 'j', 'sum')}`).dispatch();
}
