/** Running sums along an axis. */
import type { Family } from '../../backend.js';
import { contiguousStrides, sizeOf } from '../../shape.js';
import { nest, walkOuter } from '../nest.js';

export const scanFamily: Family<{ readonly axis: number; readonly reverse: boolean }> = {
  name: 'scan',
  js({ axis, reverse }, [x], [y]) {
    const n = x!.shape[axis]!;
    if (!sizeOf(x!.shape)) return;
    const strides = contiguousStrides(y!.shape);
    const rest = <T>(s: readonly T[]): T[] => s.filter((_, i) => i !== axis);
    const shape = [...rest(x!.shape), 1];
    const loops = nest(shape, [{ shape, strides: [...rest(x!.strides), 0] }, { shape, strides: [...rest(strides), 0] }]);
    const [sx, sy] = [x!.strides[axis]!, strides[axis]!];
    const inner = loops.sizes.length - 1;
    walkOuter(loops, [x!.offset, 0], ([p0, q0]) => {
      for (let t = 0; t < loops.sizes[inner]!; t++) {
        const [p, q] = [p0! + t * loops.strides[0]![inner]!, q0! + t * loops.strides[1]![inner]!];
        let total = 0;
        for (let i = 0; i < n; i++) {
          const k = reverse ? n - 1 - i : i;
          y!.data[q + k * sy] = total += x!.data[p + k * sx]!;
        }
      }
    });
  },
};
