/** Rows by index: picking them out, and adding them back in. */
import type { Family, View } from '../../backend.js';
import { ValueError } from '../../errors.js';
import { sizeOf } from '../../shape.js';
import { nest, walkOuter } from '../nest.js';

/** Tells of the elements of a view in row-major order. */
function each(x: View, tell: (v: number, at: number) => void): void {
  const loops = nest(x.shape, [x]);
  const inner = loops.sizes.length - 1;
  let q = 0;
  walkOuter(loops, [x.offset], ([p]) => {
    for (let i = 0; i < loops.sizes[inner]!; i++) tell(x.data[p! + i * loops.strides[0]![inner]!]!, q++);
  });
}

/** Those elements, densely. */
function flat(x: View): ArrayLike<number> {
  const out = new Float64Array(sizeOf(x.shape));
  each(x, (v, at) => { out[at] = v; });
  return out;
}

/** Refuses an index out of range for an axis of size n; negative ones count from the end. */
export const checkRange = (who: string, indices: View, axis: number, n: number): void => each(indices, (i) => {
  if (i < -n || i >= n) throw new ValueError(`${who}: index ${i} is out of range for axis ${axis} of size ${n}; indices must be in [${-n}, ${n - 1}].`);
});

/** Indices of an axis of size n, counted from its start. */
function resolve(who: string, indices: View, axis: number, n: number): Int32Array {
  checkRange(who, indices, axis, n);
  return Int32Array.from(flat(indices), (i) => (i < 0 ? i + n : i));
}

export interface GatherParams {
  readonly axis: number;
}

const around = (shape: readonly number[], axis: number): [number, number] => [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];

/** y[..., i, ...] = x[..., indices[i], ...] along `axis`; the indices' axes take its place. */
export const gatherFamily: Family<GatherParams> = {
  name: 'gather',
  js({ axis }, [x, indices], [y]) {
    const n = x!.shape[axis]!;
    const at = resolve('gather', indices!, axis, n);
    const [outer, inner] = around(x!.shape, axis);
    const from = flat(x!);
    let q = 0;
    for (let o = 0; o < outer; o++) for (const i of at) for (let k = 0, p = (o * n + i) * inner; k < inner; k++) y!.data[q++] = from[p++]!;
  },
};

/** x with updates added along `axis` at the indices; repeated indices add up, in order. */
export const scatterAddFamily: Family<GatherParams> = {
  name: 'scatterAdd',
  js({ axis }, [x, indices, updates], [y]) {
    const n = x!.shape[axis]!;
    const at = resolve('scatterAdd', indices!, axis, n);
    const [outer, inner] = around(x!.shape, axis);
    y!.data.set(flat(x!));
    const from = flat(updates!);
    let p = 0;
    for (let o = 0; o < outer; o++) for (const i of at) for (let k = 0, q = (o * n + i) * inner; k < inner; k++) y!.data[q++]! += from[p++]!;
  },
};
