/** Adding cells around a tensor. */
import { tensor, type Like } from '../create.js';
import { isFloat } from '../dtype.js';
import { ShapeError, ValueError } from '../errors.js';
import { run1 } from '../op.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { gather } from './gather.js';
import { placeOp } from './slice.js';
import { withOp } from './with-op.js';

/** The cell that stands at i, outside 0 ... n - 1 too. */
const cells = {
  /** a a a b c c c (Keras and SciPy say 'nearest'). */
  edge: (i: number, n: number): number => Math.min(Math.max(i, 0), n - 1),
  /** b c a b c a b: the tensor again and again. */
  wrap: (i: number, n: number): number => ((i % n) + n) % n,
  /** b a a b c c b: mirrored, the last cell twice. */
  symmetric(i: number, n: number): number {
    const k = cells.wrap(i, 2 * n);
    return k < n ? k : 2 * n - 1 - k;
  },
  /** c b a b c b a: mirrored at the last cell. */
  reflect(i: number, n: number): number {
    const k = n === 1 ? 0 : cells.wrap(i, 2 * n - 2);
    return k < n ? k : 2 * n - 2 - k;
  },
};

export type PadMode = 'constant' | keyof typeof cells;
export interface PadOptions {
  readonly mode?: PadMode;
  /** What the added cells hold in mode 'constant'. */
  readonly value?: number;
}

/** Refuses a value that the dtype cannot hold. */
function checkValue({ dtype, shape }: Tensor, value: number): void {
  if (isFloat(dtype) || (dtype === 'int32' ? (value | 0) === value : Number(value) === 0 || Number(value) === 1)) return;
  throw new ValueError(`pad: value ${value} does not fit x ${formatShape(shape)}, which is ${dtype}; give ${dtype === 'int32' ? 'a whole number in [-2147483648, 2147483647]' : '0 or 1'}, or cast x.`);
}

/**
 * x with cells added before and after along each axis: `widths` has one [before, after] per axis, or one number for all. As in
 * NumPy, they hold `value`, or what `mode` says: 'edge' a a|a b c|c c, 'reflect' c b|a b c|b a, 'symmetric' b a|a b c|c b,
 * 'wrap' b c|a b c|a b; widths may be larger than the axis.
 *
 * Gradient: g without the added cells; in the other modes each added cell's goes where it came from.
 */
export const pad = /* @__PURE__ */ withOp(placeOp, (x: Like, widths: number | readonly (readonly [number, number])[], { mode = 'constant', value = 0 }: PadOptions = {}): Tensor => {
  const t = tensor(x);
  const pairs = typeof widths === 'number' ? t.shape.map(() => [widths, widths] as const) : widths;
  if (!Array.isArray(pairs) || pairs.length !== t.rank || pairs.some((p) => p.length !== 2 || p.some((w: number) => !Number.isInteger(w) || w < 0))) {
    const given = Array.isArray(widths) ? `[${widths.map((p) => (Array.isArray(p) ? formatShape(p) : String(p))).join(', ')}]` : String(widths);
    throw new ShapeError(`pad: widths ${given} for x ${formatShape(t.shape)}; give a pair [before, after] of whole numbers >= 0 for each of its ${t.rank} axes.`);
  }
  if (mode !== 'constant' && !Object.hasOwn(cells, mode)) throw new ValueError(`pad: there is no mode '${String(mode)}'; use 'constant', ${Object.keys(cells).map((name) => `'${name}'`).join(', ')}.`);
  if (mode === 'constant') checkValue(t, value);
  if (pairs.every(([p, q]) => p === 0 && q === 0)) return t;
  if (mode === 'constant') return run1(placeOp, [t], { start: pairs.map((p) => p[0]), step: pairs.map(() => 1), shape: t.shape.map((n, i) => n + pairs[i]![0] + pairs[i]![1]), value: Number(value) });
  const empty = t.shape.findIndex((n, axis) => n === 0 && pairs[axis]!.some((w: number) => w > 0));
  if (empty >= 0) throw new ShapeError(`pad: x ${formatShape(t.shape)} has no cells along axis ${empty} to fill ${pairs[empty]!.join(' + ')} others with; use mode 'constant'.`);
  return pairs.reduce<Tensor>((y, [before, after], axis) => {
    const n = t.shape[axis]!;
    if (before + after === 0) return y;
    return gather(y, tensor(Int32Array.from({ length: before + n + after }, (_, p) => cells[mode](p - before, n))), { axis });
  }, t);
});
