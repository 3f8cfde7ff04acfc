/** The Tensor: an immutable, strided block of numbers with a shape and a dtype. */
import { isDeviceArray, type DeviceArray, type Memory, type View } from './backend.js';
import { tensorBrand } from './brand.js';
import { allocateResult, arrayType, bytesPer, ownArray, type DType, type TypedArray } from './dtype.js';
import { ValueError } from './errors.js';
import { formatTensor } from './format.js';
import { walkOuter, nest } from './backends/nest.js';
import { shared } from './shared.js';
import { contiguousStrides, formatShape, isContiguous, sizeOf, type Shape } from './shape.js';

export type Nested = number | boolean | Nested[];

/** Where the elements are. `absent`: only shape and dtype are known, and `why` says what to do for the rest. */
export type Storage =
  /** `borrowed`: somebody else's array, which may change. */
  | { readonly kind: 'host'; readonly data: TypedArray; readonly borrowed?: true }
  | { readonly kind: 'device'; readonly data: DeviceArray }
  | { readonly kind: 'traced'; readonly graph: object; readonly node: number; readonly output: number }
  | { readonly kind: 'absent'; readonly why: string };

/** Shape and dtype: all that shape rules look at. */
export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

const ids = shared('tensor-ids', () => ({ next: 1 }));

export class Tensor {
  /** Names the tensor on tapes. */
  readonly id = ids.next++;
  readonly size: number;
  constructor(
    readonly shape: Shape,
    readonly dtype: DType,
    readonly strides: readonly number[],
    readonly offset: number,
    readonly storage: Storage,
  ) {
    this.size = sizeOf(shape);
  }

  get rank(): number { return this.shape.length; }

  /** The elements in row-major order. May share memory with the tensor where they lie densely: treat it as read-only. */
  data(): TypedArray {
    const view = viewOf(this);
    return isContiguous(this.shape, this.strides)
      ? ownArray(view.data.subarray(view.offset, view.offset + this.size))
      : dense(view);
  }

  /** The elements, wherever they are. */
  async read(): Promise<TypedArray> {
    const { storage } = this;
    return storage.kind === 'device' ? storage.data.read(this) : this.data();
  }

  /** Nested arrays of numbers (booleans for bool); a number for a scalar. */
  toArray(): Nested {
    const data = this.data();
    const value = this.dtype === 'bool' ? (i: number) => data[i] !== 0 : (i: number) => data[i]!;
    let at = 0;
    const level = (axis: number): Nested =>
      axis === this.rank ? value(at++) : Array.from({ length: this.shape[axis]! }, () => level(axis + 1));
    return level(0);
  }

  /** The only element, as a number (0 or 1 for bool). */
  item(): number {
    if (this.size !== 1) throw new ValueError(`item: x ${formatShape(this.shape)} has ${this.size} elements; item() reads exactly one.`);
    const view = viewOf(this);
    return view.data[view.offset]!;
  }

  toString(): string { return formatTensor(this); }
}
Object.defineProperty(Tensor.prototype, tensorBrand, { value: true });

/** The elements of a tensor where a kernel can reach them; refuses where there are none to reach. */
export function viewOf(x: Tensor): View {
  const { storage } = x;
  if (storage.kind === 'host') return { data: storage.data, shape: x.shape, strides: x.strides, offset: x.offset, dtype: x.dtype };
  if (storage.kind === 'absent') throw new ValueError(storage.why);
  if (storage.kind === 'device') throw new ValueError(`data: x ${formatShape(x.shape)} lies on the GPU, where nothing can be looked at at once; use await x.read().`);
  throw new ValueError(`jit: the value of a traced tensor ${formatShape(x.shape)} was read; only shapes and dtypes are known while tracing, so return it from the jitted function and read it there.`);
}

/** Elements of a view, copied densely in row-major order. */
export function dense(view: View): TypedArray {
  const size = sizeOf(view.shape);
  const out = new (arrayType(view.dtype))(size);
  const loops = nest(view.shape, [view]);
  const [n, step] = [loops.sizes[loops.sizes.length - 1]!, loops.strides[0]![loops.sizes.length - 1]!];
  let q = 0;
  walkOuter(loops, [view.offset], ([at]) => {
    for (let i = 0, p = at!; i < n; i++, p += step) out[q++] = view.data[p]!;
  });
  return out;
}

/** Wraps an array that lies densely in row-major order; nothing is copied. */
export const fromData = (data: TypedArray, shape: Shape, dtype: DType): Tensor =>
  new Tensor(shape, dtype, contiguousStrides(shape), 0, { kind: 'host', data });

/** A tensor over memory in which its elements lie densely. */
export const over = (data: Memory, { shape, dtype }: Spec): Tensor => new Tensor(shape, dtype, contiguousStrides(shape), 0, storageOf(data));

/** A tensor for the result of an op, zeros until then. */
export const blank = ({ shape, dtype }: Spec): Tensor => fromData(allocateResult(dtype, sizeOf(shape)), shape, dtype);

/** A tensor of which only shape and dtype are known. */
export const shapeOnly = ({ shape, dtype }: Spec, why: string): Tensor =>
  new Tensor(shape, dtype, contiguousStrides(shape), 0, { kind: 'absent', why });

/** A tensor's elements where they lie, in memory that JavaScript may not reach. */
export const placeOf = (x: Tensor): View<Memory> =>
  x.storage.kind === 'device' ? { data: x.storage.data, shape: x.shape, strides: x.strides, offset: x.offset, dtype: x.dtype } : viewOf(x);

/** Memory as the storage of a tensor. */
export const storageOf = (data: Memory): Storage => (isDeviceArray(data) ? { kind: 'device', data } : { kind: 'host', data });

/** How elements come into memory that is typed arrays, and out of it. */
export const copying = {
  write(to: Memory, x: Tensor): void { to.set(x.data()); },
  keep: (x: Tensor): Tensor => fromData(x.data().slice(), x.shape, x.dtype),
};

/** Bytes to set aside for elements in any backend's memory; a GPU keeps a bool in 4. */
export const roomFor = ({ shape, dtype }: Spec): number => sizeOf(shape) * Math.max(4, bytesPer[dtype]);

/** Bytes that the elements take when they lie densely. */
export const byteSize = ({ shape, dtype }: Spec): number => sizeOf(shape) * bytesPer[dtype];
