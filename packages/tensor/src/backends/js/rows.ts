/** Row work: softmax and log-softmax along one axis, with or without a mask. */
import { fusedFamily, type Family } from '../../backend.js';
import { broadcastStrides } from '../../shape.js';
import { nest, walkOuter } from '../nest.js';

export interface RowParams {
  readonly kind: 'softmax' | 'logSoftmax';
  readonly axis: number;
  /** A second input, bool: true = takes part. A row in which nothing takes part gives 0. */
  readonly masked: boolean;
}

/** From y, the output's gradient and, if masked, the mask of a logarithm: the gradient of x. */
export const rowsGradientFamily = /* @__PURE__ */ fusedFamily<RowParams>('rowsGradient');

export const rowsFamily: Family<RowParams> = {
  name: 'rows',
  js({ kind, axis, masked }, [x, mask], [y]) {
    const n = x!.shape[axis]!;
    const without = (s: readonly number[]) => s.map((v, i) => (i === axis ? (s === x!.shape || s === y!.shape ? 1 : 0) : v));
    const shape = without(x!.shape);
    const maskStrides = masked ? broadcastStrides(mask!.shape, mask!.strides, x!.shape) : [];
    const loops = nest([...shape, 1], [
      { shape: [...shape, 1], strides: [...without(x!.strides), 0] },
      { shape: [...shape, 1], strides: [...without(y!.strides), 0] },
      ...(masked ? [{ shape: [...shape, 1], strides: [...without(maskStrides), 0] }] : []),
    ]);
    const [sx, sy, sm] = [x!.strides[axis]!, y!.strides[axis]!, maskStrides[axis] ?? 0];
    const inner = loops.sizes.length - 1;
    const row = new Float64Array(n);
    const log = kind === 'logSoftmax';
    walkOuter(loops, [x!.offset, y!.offset, masked ? mask!.offset : 0].slice(0, loops.strides.length), ([p0, q0, m0]) => {
      for (let t = 0; t < loops.sizes[inner]!; t++) {
        const p = p0! + t * loops.strides[0]![inner]!;
        const q = q0! + t * loops.strides[1]![inner]!;
        const m = masked ? m0! + t * loops.strides[2]![inner]! : 0;
        const part = (i: number) => !masked || mask!.data[m + i * sm] !== 0;
        let top = -Infinity;
        for (let i = 0; i < n; i++) if (part(i)) top = Math.max(top, x!.data[p + i * sx]!);
        let total = 0;
        for (let i = 0; i < n; i++) total += row[i] = part(i) ? Math.exp(x!.data[p + i * sx]! - top) : 0;
        const shift = top + Math.log(total);
        for (let i = 0; i < n; i++) {
          y!.data[q + i * sy] = !part(i) ? 0 : log ? x!.data[p + i * sx]! - shift : row[i]! / total;
        }
      }
    });
  },
};
