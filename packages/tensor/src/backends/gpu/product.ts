/** A matrix product as kernels count it: how far apart rows, columns and matrices lie in each operand. */
import { BackendError } from '../../errors.js';
import { slots, type Expr } from '../../scalar/expression.js';
import { formatShape, sizeOf, type Shape } from '../../shape.js';
import { nest, type Nest } from '../nest.js';
import { cut, halves, margin, spanOf, type GpuView, type Shader } from './shader.js';

/** Loops, outermost first, that together count an axis: one, unless the operand is a view that no single stride describes. */
export interface Axis { readonly sizes: readonly number[]; readonly strides: readonly number[] }
export interface Matrix { readonly view: GpuView; readonly row: Axis; readonly column: Axis }
/** An operand of the epilogue, in the shape of the product, and its slot there. */
export interface Other extends Matrix { readonly slot: number }

export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Loops over the matrices, with the strides of a, b, the others and y. */
  readonly batch: Nest;
  readonly a: Matrix;
  readonly b: Matrix;
  readonly others: readonly Other[];
  readonly y: GpuView;
  readonly epilogue?: Expr;
}

const axis = (shape: Shape, strides: readonly number[]): Axis => {
  const { sizes, strides: [s] } = nest(shape, [{ shape, strides }]);
  return { sizes, strides: s! };
};
export const isDense = ({ strides }: Axis): boolean => strides[strides.length - 1] === 1;
/** Whether four neighbours on a dense axis, the first a multiple of four, are neighbours in memory. */
export const byFours = ({ sizes, strides }: Axis): boolean =>
  isDense({ sizes, strides }) && sizes[sizes.length - 1]! % 4 === 0 && strides.slice(0, -1).every((s) => s % 4 === 0);
export const inSteps = ({ strides }: Axis): boolean => strides.every((s) => s % 4 === 0);

/** The first of a view's last axes that together count so many columns. */
function columnsFrom(view: Shape, columns: number): number {
  let at = view.length;
  for (let n = 1; at > 0 && n < columns;) n *= view[--at]!;
  return at;
}

/** The last two axes of a view; if its elements are taken as a dense copy in the shape of a matrix, all of them. */
function matrix(view: GpuView, taken: Shape | null = null): Matrix {
  const rank = view.shape.length;
  const [from, at] = taken ? [0, columnsFrom(view.shape, taken[1]!)] : [rank - 2, rank - 1];
  return { view, row: axis(view.shape.slice(from, at), view.strides.slice(from, at)), column: axis(view.shape.slice(at), view.strides.slice(at)) };
}

/** Whether the axes of a view can be parted into the rows and columns of a matrix. */
export function parts(view: Shape, [rows, columns]: Shape): boolean {
  const at = columnsFrom(view, columns!);
  return sizeOf(view.slice(at)) === columns && sizeOf(view.slice(0, at)) === rows;
}

/** The product of the first two inputs, each taken in the shape that `taken` names, if it does. `y` has its shape. */
export function productOf(inputs: readonly GpuView[], y: GpuView, epilogue?: Expr, taken: readonly (Shape | null)[] = []): Product {
  const lead = y.shape.slice(0, -2);
  const [m, n] = y.shape.slice(-2) as [number, number];
  const [a, b] = [matrix(inputs[0]!, taken[0]), matrix(inputs[1]!, taken[1])];
  const others = epilogue ? [...slots([epilogue])].filter((slot) => slot < inputs.length).sort((p, q) => p - q).map((slot) => ({ slot, ...matrix(inputs[slot]!) })) : [];
  const start = ({ shape, strides }: GpuView, whole = false) => (whole ? { shape: [], strides: [] } : { shape: shape.slice(0, -2), strides: shape.slice(0, -2).map((_, i) => strides[i]!) });
  const batch = nest(lead, [start(a.view, Boolean(taken[0])), start(b.view, Boolean(taken[1])), ...others.map((x) => start(x.view)), start(y)]);
  return tall({ m, n, k: sizeOf(a.column.sizes), batch, a, b, others, y, epilogue });
}

/** Many matrices by one as a tall matrix by one, where their rows lie evenly. */
function tall(p: Product): Product {
  const { sizes, strides } = p.batch;
  const inner = sizes.length - 1;
  const rows = [p.a.row, null, ...p.others.map((x) => x.row), axis([p.m], [p.n])];
  const even = rows.every((row, i) => !row || (row.sizes.length === 1 && (p.m === 1 || strides[i]![inner] === p.m * row.strides[0]!)));
  if (sizes[inner] === 1 || strides[1]![inner] !== 0 || !even) return p;
  const m = p.m * sizes[inner]!;
  const row = (i: number): Axis => axis([m], [p.m === 1 ? strides[i]![inner]! : rows[i]!.strides[0]!]);
  const rest = nest(sizes.slice(0, -1), strides.map((s) => ({ shape: sizes.slice(0, -1), strides: s.slice(0, -1) })));
  return { ...p, m, batch: rest, a: { ...p.a, row: row(0) }, others: p.others.map((x, i) => ({ ...x, row: row(2 + i) })) };
}

/** Indices are i32, also those of what lies beyond the edge of a tile. */
const mostElements = 2 ** 31 - 2 ** 16;

/** The operands of a product in pieces that a device binds and 32 bits count: halves along the rows of y and its leading axes. */
export function pieces(inputs: readonly GpuView[], y: GpuView, mostBytes: number, canCut = true): { inputs: readonly GpuView[]; y: GpuView }[] {
  const all = [...inputs, y];
  const most = Math.min(mostBytes, 4 * mostElements);
  const large = all.findIndex((v) => spanOf(v) > most);
  if (large < 0) return [{ inputs, y }];
  const at = y.shape.slice(0, -1).findIndex((n) => n > 1);
  if (!canCut || at < 0 || (large === 1 && at === y.shape.length - 2)) {
    throw new BackendError(`matmul: ${['a', 'b'][large] ?? 'an operand'} ${formatShape(all[large]!.shape)} spans ${spanOf(all[large]!) - margin} bytes; a kernel here reaches ${most}. Multiply it in parts.`);
  }
  const fromEnd = y.shape.length - at;
  const part = (v: GpuView, i: number, from: number, to: number): GpuView => {
    const axis = v.shape.length - fromEnd;
    if (axis < 0 || v.shape[axis] === 1 || (i === 1 && fromEnd === 2)) return v;
    return cut(v, axis, from, to);
  };
  return halves(y.shape[at]!).flatMap(([from, to]) => pieces(inputs.map((v, i) => part(v, i, from, to)), part(y, -1, from, to), mostBytes));
}

/** In WGSL, how far from the first the index-th lies on an axis. */
export function along(s: Shader, name: string, { sizes, strides }: Axis): (index: string) => string {
  if (sizes.length === 1) {
    const [stride] = strides;
    const n = stride! > 1 || stride! < 0 ? s.int(stride!) : '';
    return (index) => (stride === 0 ? '0' : stride === 1 ? index : `(${index}) * ${n}`);
  }
  s.declare(`fn ${name}(i: i32) -> i32 {\n${s.walk({ sizes, strides: [strides] }, 'i', ['at'])}  return at;\n}`);
  return (index) => `${name}(${index})`;
}
