/** Batched matrix product. Sums run in float64 and are rounded once. */
import type { Family } from '../../backend.js';
import type { Shape } from '../../shape.js';
import { nest, walkOuter } from '../nest.js';

export interface MatmulParams {
  /** Shapes in which inputs are taken, as if each were copied densely into it first; only backends whose `fuses` says so do that. */
  readonly taken?: readonly (Shape | null)[];
}

export const matmulFamily: Family<MatmulParams> = {
  name: 'matmul',
  js(_, [a, b], [y]) {
    const rank = y!.shape.length;
    const [m, n] = [y!.shape[rank - 2]!, y!.shape[rank - 1]!];
    const k = a!.shape[a!.shape.length - 1]!;
    const [am, ak] = a!.strides.slice(-2) as [number, number];
    const [bk, bn] = b!.strides.slice(-2) as [number, number];
    const batch = y!.shape.slice(0, -2);
    const lead = (x: typeof a) => ({ shape: x!.shape.slice(0, -2), strides: x!.strides.slice(0, -2) });
    const loops = nest([...batch, 1], [{ ...lead(a), shape: [...lead(a).shape, 1], strides: [...lead(a).strides, 0] }, { shape: [...lead(b).shape, 1], strides: [...lead(b).strides, 0] }]);
    const row = new Float64Array(n);
    let q = 0;
    const inner = loops.sizes.length - 1;
    walkOuter(loops, [a!.offset, b!.offset], ([pa, pb]) => {
      for (let t = 0; t < loops.sizes[inner]!; t++) {
        const [a0, b0] = [pa! + t * loops.strides[0]![inner]!, pb! + t * loops.strides[1]![inner]!];
        for (let i = 0; i < m; i++) {
          row.fill(0);
          for (let j = 0; j < k; j++) {
            const v = a!.data[a0 + i * am + j * ak]!;
            for (let c = 0, p = b0 + j * bk; c < n; c++, p += bn) row[c]! += v * b!.data[p]!;
          }
          for (let c = 0; c < n; c++) y!.data[q++] = row[c]!;
        }
      }
    });
  },
};
