/** Layer normalization of rows, forwards and backwards. */
import { sizeOf } from '../../shape.js';
import type { LayerNormGradientParams, LayerNormParams } from '../js/layer-norm.js';
import { nest } from '../nest.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import { planReduce } from './reduce.js';
import type { GpuView, Operand, Shader } from './shader.js';
import { sums, Team, type Read } from './team.js';

/** Operands with a last axis of n, and those that have a number for each row of them. */
interface Rows {
  readonly s: Shader;
  readonly lines: readonly Operand[];
  readonly numbers: readonly Operand[];
  readonly rows: number;
  readonly n: number;
  /** Where row `line` begins: `at0`, `at1`, ..., the lines' first. */
  start(line: string): string;
  read(k: number): Read;
  at(k: number, j: string): string;
}

function rowsOf(context: Context, shape: readonly number[], lines: readonly [GpuView, written: boolean][], numbers: readonly [GpuView, written: boolean][]): Rows {
  const s = shaderOf(context);
  const operand = ([view, written]: readonly [GpuView, boolean]) => (written ? s.output(view) : s.input(view));
  const [long, short] = [lines.map(operand), numbers.map(operand)];
  const outer = shape.slice(0, -1);
  const last = (o: Operand) => (o.shape[o.shape.length - 1] === 1 ? 0 : o.strides[o.strides.length - 1]!);
  const loops = nest(outer, [...long.map((o) => ({ shape: o.shape.slice(0, -1), strides: o.strides.slice(0, -1) })), ...short]);
  const along = long.map((o) => s.along(last(o)));
  const at = (k: number, j: string) => `at${k} + ${along[k]!(j)}`;
  return {
    s, lines: long, numbers: short, rows: sizeOf(outer), n: shape[shape.length - 1]!, at,
    start: (line) => s.walk(loops, line, [...long, ...short].map((_, k) => `at${k}`)),
    read: (k) => ({ name: `x${k}`, type: 'f32', at: (j) => long[k]!.load(at(k, j)) }),
  };
}

/** y, means and reciprocal deviations of x, gamma and beta. */
export function planLayerNorm(context: Context, { epsilon, scaled, shifted }: LayerNormParams, inputs: readonly GpuView[], [y, m, r]: readonly GpuView[]): Dispatch[] {
  const { s, lines, numbers, rows, n, start, read, at } = rowsOf(context, y!.shape, [...inputs.map((x): [GpuView, boolean] => [x, false]), [y!, true]], [[m!, true], [r!, true]]);
  const team = new Team(s, rows, n, false);
  const count = s.float(n);
  const parameters = [scaled, shifted].flatMap((there, i) => (there ? [read(i && scaled ? 2 : 1)] : []));
  const to = lines.length - 1;
  const [mean, deviation] = numbers.map((o, i) => o.store(`at${to + 1 + i}`, ['mean', 'scale'][i]!));
  return [team.body(`${start('line')}  var total = 0f;
${team.each([read(0)], (_, [x]) => `total += ${x};`)}${team.fold(['total'], sums(1))}  let near = total / ${count};
  var missed = 0f;
  var squares = 0f;
${team.each([read(0)], (_, [x]) => `let d = ${x} - near; missed += d; squares += d * d;`)}${team.fold(['missed', 'squares'], sums(2))}  let off = missed / ${count};
  let mean = near + off; // the first mean's rounding error goes, too
  let scale = inverseSqrt(max(squares / ${count} - off * off, 0f) + ${s.float(epsilon)});
  if (live && me == 0) { ${mean} ${deviation} }
${team.each([read(0), ...parameters], (j, [x, ...rest]) => `if (live) { ${lines[to]!.store(at(to, j), `(${x} - mean) * scale${scaled ? ` * ${rest[0]}` : ''}${shifted ? ` + ${rest[rest.length - 1]}` : ''}`)} }`)}`).dispatch()];
}

/** Threads that the sums over rows are shared out to, at least, and the fewest rows for one. */
const manyThreads = 2 ** 16;
const leastRows = 8;

/** gx and, if wanted, ggamma and gbeta: sums over parts of the rows, then over the parts. */
export function planLayerNormGradient(context: Context, { scaled, parameters }: LayerNormGradientParams, inputs: readonly GpuView[], [gx, ggamma, gbeta]: readonly GpuView[]): Dispatch[] {
  const [x, m, r, g, gamma] = inputs as [GpuView, GpuView, GpuView, GpuView, GpuView?];
  return [...(parameters ? planSums(context, [x, m, r, g], [ggamma!, gbeta!]) : []), planRowGradient(context, scaled ? [x, g, gamma!] : [x, g], [m, r], gx!)];
}

/** With h = (x - mean) r and s = g gamma: gx = r (s - mean(s) - h mean(s h)). */
function planRowGradient(context: Context, given: readonly GpuView[], [m, r]: readonly [GpuView, GpuView], gx: GpuView): Dispatch {
  const { s, lines, numbers, rows, n, start, read, at } = rowsOf(context, gx.shape, [...given.map((x): [GpuView, boolean] => [x, false]), [gx, true]], [[m, false], [r, false]]);
  const team = new Team(s, rows, n, false);
  const to = lines.length - 1;
  const reads = given.map((_, k) => read(k));
  const terms = ([x, g, gamma]: readonly string[]) => `let h = (${x} - mean) * scale; let t = ${g}${gamma ? ` * ${gamma}` : ''};`;
  return team.body(`${start('line')}  let mean = ${numbers[0]!.load(`at${to + 1}`)};
  let scale = ${numbers[1]!.load(`at${to + 2}`)};
  var total = 0f;
  var slope = 0f;
${team.each(reads, (_, v) => `${terms(v)} total += t; slope += t * h;`)}${team.fold(['total', 'slope'], sums(2))}  let average = total / ${s.float(n)};
  let along = slope / ${s.float(n)};
${team.each(reads, (j, v) => `${terms(v)} if (live) { ${lines[to]!.store(at(to, j), 'scale * (t - average - h * along)')} }`)}`).dispatch();
}

/** The sums over all rows of g h and of g: a thread for each column of each part of the rows, then a sum over the parts. */
function planSums(context: Context, [x, m, r, g]: readonly [GpuView, GpuView, GpuView, GpuView], outputs: readonly GpuView[]): Dispatch[] {
  const n = x.shape[x.shape.length - 1]!;
  const total = sizeOf(m.shape);
  const parts = Math.max(1, Math.min(Math.ceil(manyThreads / n), Math.ceil(total / leastRows)));
  const rest = outputs.map(() => context.scratch({ shape: [parts, n], dtype: 'float32' }));
  const { s, lines, numbers, rows, start, at } = rowsOf(context, x.shape, [[x, false], [g, false]], [[m, false], [r, false]]);
  const to = rest.map((view) => s.output(view));
  const [columns, all, share] = [s.int(n), s.int(rows), s.int(Math.ceil(rows / parts))];
  const sum = s.line(parts * n, `  let part = i / ${columns};
  let j = i % ${columns};
  var a = 0f;
  var b = 0f;
  for (var line = part * ${share}; line < min(${all}, (part + 1) * ${share}); line++) {
${start('line')}    let v = ${lines[1]!.load(at(1, 'j'))};
    a += v * (${lines[0]!.load(at(0, 'j'))} - ${numbers[0]!.load('at2')}) * ${numbers[1]!.load('at3')};
    b += v;
  }
  ${to[0]!.store('i', 'a')}
  ${to[1]!.store('i', 'b')}`).dispatch();
  return [sum, ...outputs.flatMap((y, k) => planReduce(context, { kind: 'sum', axes: [0] }, [rest[k]!], y))];
}
