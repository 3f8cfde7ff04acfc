/** Running sums. */
import { scanFamily } from '../backends/js/scan.js';
import { tensor, type Like } from '../create.js';
import { defineOp, run1, type Op } from '../op.js';
import { normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { withOp } from './with-op.js';

interface ScanAttributes {
  readonly axis: number;
  readonly reverse: boolean;
}

export const cumsumOp: Op<ScanAttributes> = defineOp<ScanAttributes>({
  name: 'cumsum',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower: (_, a) => ({ family: scanFamily, params: a }),
  vjp: [([g], { a }) => run1(cumsumOp, [g!], { axis: a.axis, reverse: !a.reverse })],
  reads: { inputs: [], outputs: [] },
});

/**
 * Running sum along an axis: y_i = x_0 + ... + x_i.
 *
 * Gradient: the running sum of g from the end.
 */
export const cumsum = /* @__PURE__ */ withOp(cumsumOp, (x: Like, { axis = -1 }: { axis?: number } = {}): Tensor => {
  const t = tensor(x);
  return run1(cumsumOp, [t.dtype === 'bool' ? cast(t, 'int32') : t], { axis: normalizeAxis('cumsum', axis, t.shape), reverse: false });
});
