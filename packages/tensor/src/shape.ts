/** Arithmetic of shapes, strides and axes. */
import { AxisError, ShapeError } from './errors.js';

export type Shape = readonly number[];
export type Axis = number | readonly number[];

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i]!;
  return size;
}

/** Strides of a dense row-major block. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** Whether the elements lie densely in row-major order (axes of size 1 may have any stride). */
export function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const n = shape[i]!;
    if (n === 0) return true;
    if (n !== 1 && strides[i] !== step) return false;
    step *= n;
  }
  return true;
}

export const sameShape = (a: Shape, b: Shape): boolean => a === b || (a.length === b.length && a.every((n, i) => n === b[i]));

/** `[2, 3]`, as errors and summaries write it. */
export const formatShape = (shape: readonly (number | null)[]): string => `[${shape.map((n) => n ?? 'null').join(', ')}]`;

/** Refuses sizes that are not whole numbers >= 0. */
export function checkShape(who: string, shape: Shape): Shape {
  if (!Array.isArray(shape)) throw new ShapeError(`${who}: a shape is an array of sizes, got ${String(shape)}.`);
  for (const n of shape) {
    if (!Number.isInteger(n) || n < 0) throw new ShapeError(`${who}: shape ${formatShape(shape)} has size ${n}; sizes must be whole numbers >= 0.`);
  }
  if (!Number.isSafeInteger(sizeOf(shape))) throw new ShapeError(`${who}: shape ${formatShape(shape)} has more elements than can be counted.`);
  return shape;
}

/** The shape both broadcast to, by NumPy's rule, without the last `skip` axes, which may be any; refuses with the names given. */
export function broadcastShapes(who: string, shapes: readonly Shape[], names: readonly string[] = ['a', 'b', 'c'], skip = 0): Shape {
  const first = shapes[0]!;
  if (shapes.every((s) => sameShape(s, first))) return skip ? first.slice(0, -skip) : first;
  const rank = Math.max(...shapes.map((s) => s.length)) - skip;
  const out = new Array<number>(rank).fill(1);
  for (let axis = 1; axis <= rank; axis++) {
    let owner = -1;
    for (let k = 0; k < shapes.length; k++) {
      const n = shapes[k]![shapes[k]!.length - skip - axis] ?? 1;
      if (n === 1) continue;
      if (owner < 0) { owner = k; out[rank - axis] = n; }
      else if (out[rank - axis] !== n) {
        const [p, q] = [names[owner] ?? `x${owner}`, names[k] ?? `x${k}`];
        throw new ShapeError(`${who}: cannot broadcast ${p} ${formatShape(shapes[owner]!)} with ${q} ${formatShape(shapes[k]!)}: axis -${axis + skip} is ${out[rank - axis]} in ${p} and ${n} in ${q}; sizes must be equal or 1.`);
      }
    }
  }
  return out;
}

/** Strides that make a view of `shape` look like `target` (repeated axes get stride 0). */
export function broadcastStrides(shape: Shape, strides: readonly number[], target: Shape): number[] {
  const lead = target.length - shape.length;
  return target.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : strides[i - lead]!));
}

/** One axis counted from the front; refuses what is out of range. */
export function normalizeAxis(who: string, axis: number, shape: Shape, name = 'x'): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    const range = rank === 0 ? 'there is no axis' : `axis must be in [${-rank}, ${rank - 1}]`;
    throw new AxisError(`${who}: axis ${axis} is out of range for ${name} ${formatShape(shape)}: rank is ${rank}, so ${range}.`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Several axes counted from the front, ascending; undefined means all of them. */
export function normalizeAxes(who: string, axis: Axis | undefined, shape: Shape, name = 'x'): number[] {
  if (axis === undefined || axis === null) return shape.map((_, i) => i);
  const axes = (typeof axis === 'number' ? [axis] : [...axis]).map((a) => normalizeAxis(who, a, shape, name)).sort((p, q) => p - q);
  axes.forEach((a, i) => {
    if (i && a === axes[i - 1]) throw new AxisError(`${who}: axis ${a} is given twice for ${name} ${formatShape(shape)}; give each axis once.`);
  });
  return axes;
}

/** The shape after reducing `axes`. */
export const reducedShape = (shape: Shape, axes: readonly number[], keepDims: boolean): number[] =>
  keepDims ? shape.map((n, i) => (axes.includes(i) ? 1 : n)) : shape.filter((_, i) => !axes.includes(i));

/** Whether strides can express `shape` as another shape without a copy; the new strides, or null. */
export function reshapeStrides(shape: Shape, strides: readonly number[], target: Shape): number[] | null {
  if (sizeOf(shape) === 0 || isContiguous(shape, strides)) return contiguousStrides(target);
  const [oldSizes, oldStrides] = [shape.filter((n) => n !== 1), strides.filter((_, i) => shape[i] !== 1)];
  const out = new Array<number>(target.length).fill(0);
  let o = 0;
  let t = 0;
  while (o < oldSizes.length && t < target.length) {
    let [no, nt, oEnd, tEnd] = [oldSizes[o]!, target[t]!, o + 1, t + 1];
    while (no !== nt) {
      if (no < nt) no *= oldSizes[oEnd++]!;
      else nt *= target[tEnd++]!;
    }
    for (let k = o; k < oEnd - 1; k++) if (oldStrides[k] !== oldSizes[k + 1]! * oldStrides[k + 1]!) return null;
    let step = oldStrides[oEnd - 1]!;
    for (let k = tEnd - 1; k >= t; k--) { out[k] = step; step *= target[k]!; }
    [o, t] = [oEnd, tEnd];
  }
  return out;
}
