/** Softmax and its logarithm along any axis, and their gradients: a team of threads for each row. */
import { broadcastStrides, sizeOf } from '../../shape.js';
import type { Spec } from '../../tensor.js';
import type { RowParams } from '../js/rows.js';
import { nest } from '../nest.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import type { GpuView } from './shader.js';
import { sums, Team, type Joining, type Read } from './team.js';

/** Below every number that is computed with, and not infinite, so that differences are numbers. */
export const low = '-3.0e38f';

/** Rows and, if `masked`, a mask as the last input. */
export const fitsRows = ({ masked }: RowParams, inputs: readonly Spec[], outputs: readonly Spec[]): boolean =>
  [...inputs, ...outputs].every((x, i) => x.dtype === (masked && i === inputs.length - 1 ? 'bool' : 'float32'));

/** e^x and log x that leave a NaN what it is, and log 0: some devices give numbers there. */
const careful = `fn power(x: f32) -> f32 { return select(exp(x), x, is_nan(x)); }
fn logarithm(x: f32) -> f32 { return select(select(log(x), minus_infinity(), x == 0f), x, is_nan(x)); }`;

interface Lines {
  readonly team: Team;
  /** Where the row begins in each operand: `at0`, `at1`, ... */
  readonly start: string;
  /** An operand's element at j. */
  read(k: number): Read;
  write(j: string, value: string): string;
}

/** Rows along an axis of operands that broadcast to the shape of the last, which is written. */
function linesOf(context: Context, axis: number, inputs: readonly GpuView[], y: GpuView): Lines {
  const { shape } = y;
  const s = shaderOf(context);
  s.declare(careful);
  const operands = [...inputs.map((x) => s.input(x)), s.output(y)];
  const strides = operands.map((o) => broadcastStrides(o.shape, o.strides, shape));
  const without = (list: readonly number[]) => list.filter((_, i) => i !== axis);
  const outer = without(shape);
  const rows = sizeOf(outer);
  const loops = nest(outer, strides.map((list) => ({ shape: outer, strides: without(list) })));
  const team = new Team(s, rows, shape[axis]!, strides[0]![axis] !== 1 && shape[axis] !== 1 && rows > 1);
  const along = strides.map((list) => s.along(list[axis]!));
  const at = (k: number, j: string) => `at${k} + ${along[k]!(j)}`;
  return {
    team,
    start: s.walk(loops, 'line', operands.map((_, k) => `at${k}`)),
    read: (k) => ({ name: `x${k}`, type: operands[k]!.type === 'bool' ? 'bool' : 'f32', at: (j) => operands[k]!.load(at(k, j)) }),
    write: (j, value) => `if (live) { ${operands[inputs.length]!.store(at(inputs.length, j), value)} }`,
  };
}

/** Maxima with sums of e^(x - maximum). */
const shares: Joining = {
  start: [low, '0f'],
  join: ([m, l], [n, k]) => [`max(${m}, ${n})`, `${l} * power(${m} - max(${m}, ${n})) + ${k} * power(${n} - max(${m}, ${n}))`],
};

export function planRows(context: Context, { kind, axis, masked }: RowParams, inputs: readonly GpuView[], y: GpuView): Dispatch[] {
  if (sizeOf(y.shape) === 0) return [];
  const { team, start, read, write } = linesOf(context, axis, inputs, y);
  const reads = masked ? [read(0), read(1)] : [read(0)];
  const kept = ([x, part]: readonly string[]) => (part ? `select(${low}, ${x}, ${part})` : x!);
  const hide = (value: string, [, part]: readonly string[]) => (part ? `select(0f, ${value}, ${part})` : value);
  const result = (x: string) => (kind === 'softmax' ? `power(${x} - top) / total` : `${x} - top - rest`);
  return [team.body(`${start}  var top = ${low};
  var total = 0f;
${team.each(reads, (_, v) => `let u = ${kept(v)}; let high = max(top, u); total = total * power(top - high) + ${hide('power(u - high)', v)}; top = high;`)}${team.fold(['top', 'total'], shares)}  let rest = logarithm(total);
${team.each(reads, (j, v) => write(j, hide(result(v[0]!), v)))}`).dispatch()];
}

/** From y, its gradient g and the mask of a logarithm: gx = y (g - sum g y), or g - e^y sum g. */
export function planRowsGradient(context: Context, { kind, axis, masked }: RowParams, inputs: readonly GpuView[], gx: GpuView): Dispatch[] {
  if (sizeOf(gx.shape) === 0) return [];
  const { team, start, read, write } = linesOf(context, axis, inputs, gx);
  const soft = kind === 'softmax';
  const reads = [read(0), read(1), ...(masked ? [read(2)] : [])];
  const hide = (value: string, part: string | undefined) => (part ? `select(0f, ${value}, ${part})` : value);
  return [team.body(`${start}  var total = 0f;
${team.each(reads, (_, [y, g, part]) => `total += ${hide(soft ? `${y} * ${g}` : g!, part)};`)}${team.fold(['total'], sums(1))}${
  team.each(reads, (j, [y, g, part]) => write(j, hide(soft ? `${y} * (${g} - total)` : `${g} - power(${y}) * total`, part)))}`).dispatch()];
}
