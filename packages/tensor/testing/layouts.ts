/** The same numbers in other places: what an op may be given instead of a dense block. */
import { fromData, Tensor } from '../src/tensor.js';
import { arrayType, isFloat } from '../src/dtype.js';
import { contiguousStrides, sizeOf } from '../src/shape.js';

/** A tensor with the elements of x that lie at the given strides, among cells that hold something else. */
function laid(x: Tensor, strides: readonly number[], offset: number, cells: number): Tensor {
  const data = new (arrayType(x.dtype))(cells).fill(isFloat(x.dtype) ? NaN : 1);
  const values = x.data();
  const dense = contiguousStrides(x.shape);
  for (let i = 0; i < x.size; i++) {
    let at = offset;
    x.shape.forEach((n, axis) => { at += (Math.floor(i / dense[axis]!) % n) * strides[axis]!; });
    data[at] = values[i]!;
  }
  return new Tensor(x.shape, x.dtype, strides, offset, { kind: 'host', data });
}

/** x at the same strides, from its dense ones by `change`. */
export const layouts: Record<string, (x: Tensor) => Tensor> = {
  'a transposed storage': (x) => {
    const reversed = contiguousStrides([...x.shape].reverse()).reverse();
    return laid(x, reversed, 0, x.size);
  },
  'every second cell': (x) => laid(x, contiguousStrides(x.shape).map((s) => 2 * s), 1, 2 * x.size + 1),
  'negative strides': (x) => laid(x, contiguousStrides(x.shape).map((s) => -s), x.size + 1, x.size + 3),
};

/** x with all its slices along `axis` made equal to the first: densely, and as one slice with stride 0. */
export function repeated(x: Tensor, axis: number): [dense: Tensor, stretched: Tensor] {
  const one = x.shape.map((n, i) => (i === axis ? 1 : n));
  const strides = contiguousStrides(x.shape);
  const first = new Tensor(one, x.dtype, strides, 0, { kind: 'host', data: x.data() }).data().slice();
  const stretched = new Tensor(x.shape, x.dtype, contiguousStrides(one).map((s, i) => (i === axis ? 0 : s)), 0, { kind: 'host', data: first });
  return [fromData(stretched.data().slice(), x.shape, x.dtype), stretched];
}

/** Numbers in [low, high), scattered evenly, distinct and the same at every call. */
export function scattered(shape: readonly number[], low = -2, high = 2, seed = 1): Tensor {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => low + (high - low) * (((i + 7 * seed) * 0.6180339887498949) % 1));
  return fromData(data, shape, 'float32');
}
