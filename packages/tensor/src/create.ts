/** From numbers to tensors. */
import type { NdArray } from 'ndarray';
import { isTensor, isVariable } from './brand.js';
import { allocate, dtypeOf, isFloat, type DType, type TypedArray } from './dtype.js';
import { DTypeError, ShapeError, ValueError } from './errors.js';
import { fromNdarrayView } from './from-ndarray.js';
import { cast, checkDType } from './ops/cast.js';
import { checkShape, formatShape, sameShape, sizeOf, type Shape } from './shape.js';
import { fromData, Tensor, type Nested } from './tensor.js';
import type { Variable } from './variable.js';

/** Whatever can stand for a tensor. */
export type Like = Tensor | Variable | number | boolean | Nested | TypedArray | NdArray;

const isNdarray = (x: object): x is NdArray => 'stride' in x && 'offset' in x && 'data' in x && 'pick' in x;

/**
 * A tensor of the given numbers: nested arrays, a number or boolean, a typed array (copied; with `shape`), an ndarray, a
 * tensor or variable. Numbers become float32, booleans bool; typed arrays keep their type.
 *
 * Errors: ragged arrays, sizes that don't multiply to the number of elements, elements that aren't numbers.
 */
export function tensor(x: Like, { dtype, shape }: { dtype?: DType; shape?: Shape } = {}): Tensor {
  if (dtype !== undefined) checkDType('tensor', dtype);
  if (shape !== undefined) checkShape('tensor', shape);
  if (isVariable(x)) x = x.value;
  if (isTensor(x)) {
    if (shape && !sameShape(shape, x.shape)) throw new ShapeError(`tensor: x has shape ${formatShape(x.shape)}, not ${formatShape(shape)}; use reshape.`);
    return dtype && dtype !== x.dtype ? cast(x, dtype) : x;
  }
  if (typeof x === 'number' || typeof x === 'boolean') return filled(x, dtype ?? (typeof x === 'number' ? 'float32' : 'bool'), shape ?? []);
  if (ArrayBuffer.isView(x)) return fromTyped(x as TypedArray, dtype, shape);
  if (Array.isArray(x)) return fromNested(x, dtype, shape);
  if (typeof x === 'object' && x !== null && isNdarray(x)) return tensor(fromNdarray(x), { dtype, shape });
  throw new ValueError(`tensor: cannot make a tensor of ${x === null ? 'null' : typeof x}; give numbers, nested arrays, a typed array, an ndarray or a tensor.`);
}

/** Looks at the memory of an `ndarray`; nothing is copied, strides may be negative or zero. */
export function fromNdarray(a: NdArray): Tensor {
  const v = fromNdarrayView(a);
  return new Tensor(v.shape, v.dtype, v.strides, v.offset, { kind: 'host', data: v.data, borrowed: true });
}

function fill(data: TypedArray, value: number): TypedArray { return data.fill(value); }
const filled = (v: number | boolean, dtype: DType, shape: Shape) => fromData(fill(allocate(dtype, sizeOf(shape)), element(v, dtype)), shape, dtype);

/** A number as an element of `dtype`: int32 takes whole numbers of its range only. */
function element(v: number | boolean, dtype: DType): number {
  if (typeof v !== 'number' && typeof v !== 'boolean') throw new ValueError(`tensor: the value is ${v === null ? 'null' : typeof v}; it must be a number or boolean.`);
  if (dtype === 'bool') return v ? 1 : 0;
  const n = Number(v);
  if (dtype === 'int32' && (n | 0) !== n) throw new ValueError(`tensor: ${n} is not an int32; give a whole number in [-2147483648, 2147483647], or another dtype.`);
  return n;
}

function fromTyped(x: TypedArray, dtype: DType | undefined, shape: Shape = [x.length]): Tensor {
  const own = dtypeOf(x);
  if (!own) throw new DTypeError(`tensor: cannot hold a ${x && (x as object).constructor.name}; give Float32Array, Float64Array, Int32Array, or Uint8Array (bool).`);
  if (sizeOf(shape) !== x.length) throw new ShapeError(`tensor: shape ${formatShape(shape)} needs ${sizeOf(shape)} elements, the array has ${x.length}.`);
  const target = dtype ?? own;
  if (own === 'bool' && target === 'bool' && x.some((v) => v > 1)) throw new ValueError('tensor: a Uint8Array is bool and may hold 0 and 1 only; pass { dtype: \'int32\' } or { dtype: \'float32\' } for bytes.');
  if (own === target) return fromData(x.slice(), shape, own);
  const data = allocate(target, x.length);
  for (let i = 0; i < x.length; i++) data[i] = element(x[i]!, target);
  return fromData(data, shape, target);
}

function fromNested(x: readonly unknown[], dtype: DType | undefined, shape?: Shape): Tensor {
  const found: number[] = [];
  for (let level: unknown = x; Array.isArray(level); level = level[0]) found.push(level.length);
  const flat: (number | boolean)[] = [];
  const walk = (level: unknown, axis: number, path: string): void => {
    if (axis === found.length) {
      if (typeof level !== 'number' && typeof level !== 'boolean') {
        throw Array.isArray(level)
          ? new ShapeError(`tensor: ragged array: x${path} is an array of ${level.length} where its neighbours are numbers; all parts of a level must have the same shape.`)
          : new ValueError(`tensor: x${path} is ${level === null ? 'null' : typeof level}; elements must be numbers or booleans.`);
      }
      flat.push(level);
      return;
    }
    if (!Array.isArray(level) || level.length !== found[axis]) {
      const got = Array.isArray(level) ? `has ${level.length} elements` : `is ${typeof level}`;
      throw new ShapeError(`tensor: ragged array: x${path} ${got}, x${path.replace(/\[\d+\]$/, '[0]')} has ${found[axis]}; all parts of a level must have the same size.`);
    }
    for (let i = 0; i < level.length; i++) walk(level[i], axis + 1, `${path}[${i}]`); // holes too
  };
  walk(x, 0, '');
  if (shape && sizeOf(shape) !== flat.length) throw new ShapeError(`tensor: shape ${formatShape(shape)} needs ${sizeOf(shape)} elements, the array has ${flat.length}.`);
  const own: DType = flat.length && flat.every((v) => typeof v === 'boolean') ? 'bool' : 'float32';
  const target = dtype ?? own;
  const data = allocate(target, flat.length);
  for (let i = 0; i < flat.length; i++) data[i] = element(flat[i]!, target);
  return fromData(data, shape ?? found, target);
}

type Options = { dtype?: DType };

export const full = (shape: Shape, value: number | boolean, { dtype }: Options = {}): Tensor =>
  filled(value, checkDType('full', dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32')), checkShape('full', shape));
export const zeros = (shape: Shape, { dtype = 'float32' }: Options = {}): Tensor => {
  checkShape('zeros', shape);
  return fromData(allocate(checkDType('zeros', dtype), sizeOf(shape)), shape, dtype);
};
export const ones = (shape: Shape, { dtype = 'float32' }: Options = {}): Tensor => filled(1, checkDType('ones', dtype), checkShape('ones', shape));

/** Ones on the diagonal of an n x n matrix. */
export function eye(n: number, { dtype = 'float32' }: Options = {}): Tensor {
  const out = allocate(checkDType('eye', dtype), sizeOf(checkShape('eye', [n, n])));
  for (let i = 0; i < n; i++) out[i * (n + 1)] = 1;
  return fromData(out, [n, n], dtype);
}

type RangeOptions = { step?: number; dtype?: DType };

/** 0, 1, ... below `stop`; or from `start` in steps of `step`. Whole numbers give int32, others float32. */
export function arange(start: number, stop?: number | RangeOptions, options: RangeOptions = {}): Tensor {
  const [from, to] = typeof stop === 'number' ? [start, stop] : [0, start];
  const { step = 1, dtype: wanted } = typeof stop === 'object' ? stop : options;
  if (![from, to, step].every(Number.isFinite) || step === 0) throw new ValueError(`arange: start ${from}, stop ${to}, step ${step}; all must be finite and step not 0.`);
  const dtype = checkDType('arange', wanted ?? ([from, to, step].every(Number.isInteger) ? 'int32' : 'float32'));
  if (dtype === 'bool') throw new DTypeError('arange: dtype bool does not count; use int32, float32 or float64.');
  const n = Math.max(0, Math.ceil((to - from) / step));
  const last = from + (n - 1) * step;
  if (dtype === 'int32' && n > 0 && [from, step, last].some((v) => (v | 0) !== v)) {
    throw new ValueError(`arange: ${from} ... ${last} in steps of ${step} are not int32; pass { dtype: 'float32' } or { dtype: 'float64' }.`);
  }
  const data = allocate(dtype, n);
  for (let i = 0; i < n; i++) data[i] = from + i * step;
  return fromData(data, [n], dtype);
}

/** n numbers evenly from a to b, both included. */
export function linspace(a: number, b: number, n: number, { dtype = 'float32' }: Options = {}): Tensor {
  checkShape('linspace', [n]);
  if (!isFloat(dtype)) throw new DTypeError(`linspace: dtype ${dtype} is not a float; use float32 or float64.`);
  const data = allocate(dtype, n);
  for (let i = 0; i < n; i++) data[i] = n === 1 ? a : i === n - 1 ? b : a + ((b - a) * i) / (n - 1);
  return fromData(data, [n], dtype);
}
