/** Sums, maxima and minima of float32 over any axes: each step reduces the middle of [outer, middle, inner]. */
import type { Layout } from '../../backend.js';
import { bytesPer, type DType } from '../../dtype.js';
import { input, type Expr } from '../../scalar/expression.js';
import { contiguousStrides, isContiguous, reshapeStrides, sizeOf } from '../../shape.js';
import { bodyOf, compileBody, typed, type Body } from './body.js';
import { copyDense, planCopy } from './copy.js';
import type { Engine } from './engine.js';
import { writeColumns, writeRows, type Fold, type Walk } from './reduce-code.js';
import type { Kernel, Located, Place, Recipe } from './recipe.js';

interface Group { size: number; stride: number; reduced: boolean }

/** The axes of `x`, neighbours of one kind that are walked as one being merged; axes of size 1 vanish. */
export function groupsOf(x: Located, axes: readonly number[]): Group[] {
  const groups: Group[] = [];
  x.shape.forEach((size, i) => {
    if (size === 1) return;
    const reduced = axes.includes(i);
    const last = groups[groups.length - 1];
    if (last && last.reduced === reduced && last.stride === size * x.strides[i]) {
      last.size *= size;
      last.stride = x.strides[i];
    } else groups.push({ size, stride: x.strides[i], reduced });
  });
  return groups;
}

/** Adds the steps that reduce `given` over `axes` into the dense `to`; nothing is empty. */
export function planReduce(engine: Engine, recipe: Recipe, kind: Fold, given: Located, axes: readonly number[], to: Located): void {
  let x = given;
  let groups = groupsOf(x, axes);
  if (!groups.some((g) => g.reduced)) return planCopy(engine, recipe, x, { ...to, shape: x.shape, strides: contiguousStrides(x.shape) });
  const simple = singleStep(groups);
  if (simple) return addStep(engine, recipe, kind, plainStep(simple, x.place), to.place);
  if (!isContiguous(x.shape, x.strides)) {
    x = copyDense(engine, recipe, x);
    groups = groupsOf(x, axes);
  }
  // Dense from here on, one reduced group at a time, the innermost first.
  let place = x.place;
  const sizes = (list: readonly Group[]) => sizeOf(list.map((g) => g.size));
  for (;;) {
    const at = groups.map((g) => g.reduced).lastIndexOf(true);
    if (at < 0) break;
    const [before, group, after] = [groups.slice(0, at), groups[at], groups.slice(at + 1)];
    const [outer, inner] = [sizes(before), sizes(after)];
    const final = !before.some((g) => g.reduced);
    const target = final ? to.place : recipe.room(4 * outer * inner);
    addStep(engine, recipe, kind, plainStep({ outer, outerStride: group.size * inner, middle: group.size, middleStride: inner, inner }, place), target);
    place = target;
    groups = [...before, ...after];
  }
}

interface Middle { outer: number; outerStride: number; middle: number; middleStride: number; inner: number }

/** The one step that does it, from the strides as they are; null where there is none. */
export function singleStep(groups: readonly Group[]): Middle | null {
  const reduced = groups.filter((g) => g.reduced);
  const kept = groups.filter((g) => !g.reduced);
  if (reduced.length > 1 || kept.length > 2) return null;
  const { size: middle, stride: middleStride } = reduced[0];
  const last = kept[kept.length - 1];
  if (middleStride === 1 || !last) {
    if (kept.length > 1 || (middleStride !== 1 && middle > 1)) return null;
    return { outer: last?.size ?? 1, outerStride: last?.stride ?? 0, middle, middleStride: 1, inner: 1 };
  }
  if (last.stride !== 1) return null;
  const first = kept.length === 2 ? kept[0] : { size: 1, stride: 0 };
  return { outer: first.size, outerStride: first.stride, middle, middleStride, inner: last.size };
}

/** A step's operand, with its strides along outer, middle and inner. */
interface Strided { readonly place: Place; readonly dtype: DType; readonly strides: readonly number[] }

/** What one step does: it folds the values of a body over the middle of [outer, middle, inner]; `rows`: along memory, inner being 1. */
interface Step { readonly body: Body; readonly operands: readonly Strided[]; readonly outer: number; readonly middle: number; readonly inner: number; readonly rows: boolean }

const itself = [input(0)];

/** The step that folds what lies there. */
const plainStep = ({ outer, outerStride, middle, middleStride, inner }: Middle, place: Place): Step => ({
  body: bodyOf(itself), operands: [{ place, dtype: 'float32', strides: [outerStride, middleStride, 1] }], outer, middle, inner, rows: inner === 1 && middleStride === 1,
});

/** A reduction longer than this is cut into pieces of this length, whose results are reduced in turn: so errors stay small. */
const piece = 1 << 14;
/** Columns in a unit, where that divides them; more than 64, below which sums are taken in another order. */
const columnStrip = 128;

function addStep(engine: Engine, recipe: Recipe, kind: Fold, step: Step, to: Place, least = 1): void {
  const { body, operands, outer, middle, inner, rows } = step;
  /** The operands with another stride along outer, from `skip` elements of middle on. */
  const along = (outerStride: (s: readonly number[]) => number, skip = 0): Strided[] =>
    operands.map((x) => ({ ...x, place: x.place.plus(bytesPer[x.dtype] * skip * x.strides[1]), strides: [outerStride(x.strides), x.strides[1], x.strides[2]] }));
  if (outer === 1 && middle > piece) {
    const pieces = Math.floor(middle / piece);
    const rest = middle - pieces * piece;
    const parts = recipe.room(4 * inner * (pieces + 1));
    addStep(engine, recipe, kind, { ...step, operands: along((s) => piece * s[1]), outer: pieces, middle: piece }, parts);
    if (rest) addStep(engine, recipe, kind, { ...step, operands: along(() => 0, pieces * piece), middle: rest }, parts.plus(4 * pieces * inner));
    return addStep(engine, recipe, kind, plainStep({ outer, outerStride: 0, middle: pieces + (rest ? 1 : 0), middleStride: inner, inner }, parts), to);
  }
  if (outer === 1 && inner > columnStrip && inner % columnStrip === 0) { // strips of columns are units that threads can share
    return addStep(engine, recipe, kind, { ...step, operands: along((s) => columnStrip * s[2]), outer: inner / columnStrip, inner: columnStrip }, to, 4);
  }
  const walks = operands.map(({ strides: [, m, i] }): Walk => (rows ? (m ? 'lanes' : 'still') : i ? 'lanes' : m ? 'rows' : 'still'));
  const kernel: Kernel = engine.kernel(`reduce:${kind}:${rows ? 'rows' : 'columns'}:${body.key}:${walks}`, () =>
    compileBody(engine, body, (module, host) => (rows ? writeRows : writeColumns)(module, kind, body, walks, host)));
  const side = operands.every(({ strides: [o, , i] }) => o === inner * i);
  const params: (number | Place)[] = [middle, inner, Number(side), to];
  for (const { place, dtype, strides } of operands) params.push(place, bytesPer[dtype] * strides[0], bytesPer[dtype] * strides[1]);
  recipe.step(kernel, params, outer, { nanoseconds: (0.05 + body.cost.wasm) * middle * inner, least });
}

export const reduces = (kind: string): kind is Fold => kind === 'sum' || kind === 'max' || kind === 'min';

/** The strides of an operand in a block whose axes are these ones of its own, each list walked as one; null where that can't be. */
function blockStrides({ shape, strides }: Layout, block: readonly (readonly number[])[]): number[] | null {
  const found = block.map((axes) => (axes.length ? reshapeStrides(axes.map((i) => shape[i]), axes.map((i) => strides[i]), [sizeOf(axes.map((i) => shape[i]))]) : [0]));
  return found.some((s) => s === null) ? null : found.map((s) => s![0]);
}

interface MappedReduction { readonly block: readonly (readonly number[])[]; readonly strides: readonly (readonly number[])[] }

/** The first step of a reduction of what expressions compute of operands of one shape: the axes that it walks as outer, middle and inner; null where it has to be computed before. */
function firstStep(axes: readonly number[], body: Body, operands: readonly Layout[]): MappedReduction | null {
  const { shape } = operands[0];
  const walked = shape.flatMap((n, i) => (n > 1 ? [i] : []));
  const reduced = walked.map((i) => axes.includes(i));
  const end = reduced.lastIndexOf(true) + 1;
  const start = reduced.lastIndexOf(false, end - 1) + 1;
  const block = [walked.slice(0, start), walked.slice(start, end), walked.slice(end)];
  const strides = body.slots.map((slot) => blockStrides(operands[slot], block));
  const innermost = block[2].length ? 2 : 1;
  const fits = strides.every((s) => s && (s[innermost] === 0 || s[innermost] === 1));
  return end > 0 && fits ? { block, strides: strides as number[][] } : null;
}

/** Nanoseconds per element: down columns, where each row is another page, arithmetic that takes longer (an elementary function) is quicker on its own. */
const mostDownColumns = 1;

/** Whether there is one pass, and a quicker one, for a reduction of what expressions compute of operands of one shape. */
export function reducesMapped(kind: string, roots: readonly Expr[], axes: readonly number[], operands: readonly Layout[]): boolean {
  const body = bodyOf(roots);
  if (!reduces(kind) || !typed(body, operands, [{ dtype: 'float32' }])) return false;
  const step = firstStep(axes, body, operands);
  return step !== null && (step.block[2].length === 0 || body.cost.wasm <= mostDownColumns);
}

/** Adds the steps that reduce what expressions compute, in the order in which `planReduce` reduces it where it lies dense in memory. */
export function planMappedReduce(engine: Engine, recipe: Recipe, kind: Fold, roots: readonly Expr[], given: readonly Located[], axes: readonly number[], to: Located): void {
  const body = bodyOf(roots);
  const { shape } = given[0];
  const { block, strides } = firstStep(axes, body, given)!;
  const [outer, middle, inner] = block.map((list) => sizeOf(list.map((i) => shape[i])));
  const final = !block[0].some((i) => axes.includes(i));
  const rest = shape.map((n, i) => (block[1].includes(i) ? 1 : n));
  const place = final ? to.place : recipe.room(4 * sizeOf(rest));
  const operands = body.slots.map((slot, k): Strided => ({ place: given[slot].place, dtype: given[slot].dtype, strides: strides[k] }));
  addStep(engine, recipe, kind, { body, operands, outer, middle, inner, rows: inner === 1 }, place);
  if (!final) planReduce(engine, recipe, kind, { shape: rest, strides: contiguousStrides(rest), dtype: 'float32', place }, axes, to);
}
