/** Order along an axis. */
import type { Family } from '../../backend.js';
import { contiguousStrides } from '../../shape.js';
import { nest, walkOuter } from '../nest.js';

export interface SortParams {
  readonly axis: number;
  readonly descending: boolean;
}

/** Where the elements of each row lie in order; equal ones by their place, NaN last in either direction. */
export const sortFamily: Family<SortParams> = {
  name: 'sort',
  js({ axis, descending }, [x], [y]) {
    const n = x!.shape[axis]!;
    const shape = x!.shape.map((size, i) => (i === axis ? 1 : size));
    const strides = contiguousStrides(y!.shape);
    const [sx, sy] = [x!.strides[axis]!, strides[axis]!];
    const row = new Float64Array(n);
    const order = new Int32Array(n);
    const by = (p: number, q: number): number => {
      const [a, b] = [row[p]!, row[q]!];
      if (a < b) return descending ? 1 : -1;
      if (a > b) return descending ? -1 : 1;
      return a === b ? p - q : Number(a !== a) - Number(b !== b) || p - q;
    };
    const loops = nest([...shape, 1], [{ shape: [...shape, 1], strides: [...x!.strides, 0] }, { shape: [...shape, 1], strides: [...strides, 0] }]);
    const inner = loops.sizes.length - 1;
    walkOuter(loops, [x!.offset, 0], ([p0, q0]) => {
      for (let t = 0; t < loops.sizes[inner]!; t++) {
        const [p, q] = [p0! + t * loops.strides[0]![inner]!, q0! + t * loops.strides[1]![inner]!];
        for (let i = 0; i < n; i++) {
          row[i] = x!.data[p + i * sx]!;
          order[i] = i;
        }
        order.sort(by);
        for (let i = 0; i < n; i++) y!.data[q + i * sy] = order[i]!;
      }
    });
  },
};
