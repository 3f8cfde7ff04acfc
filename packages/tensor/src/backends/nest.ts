/** Loop nests: the sizes and strides that a strided kernel really has to walk. */
import { broadcastStrides, type Shape } from '../shape.js';

/** Sizes of the loops from outermost to innermost, and per operand its stride in each. */
export interface Nest {
  readonly sizes: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/**
 * The loop nest over `shape` for operands that broadcast to it. Axes of size 1 vanish and neighbours that every operand
 * walks as one are merged, so dense work of any rank is a single loop. There is always at least one loop.
 */
export function nest(shape: Shape, operands: readonly { shape: Shape; strides: readonly number[] }[]): Nest {
  const full = operands.map((x) => broadcastStrides(x.shape, x.strides, shape));
  const sizes: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const n = shape[axis]!;
    if (n === 1) continue;
    const last = sizes.length - 1;
    if (last >= 0 && full.every((s, k) => strides[k]![last] === s[axis]! * n)) {
      sizes[last]! *= n;
      full.forEach((s, k) => { strides[k]![last] = s[axis]!; });
    } else {
      sizes.push(n);
      full.forEach((s, k) => strides[k]!.push(s[axis]!));
    }
  }
  if (!sizes.length) {
    sizes.push(1);
    strides.forEach((s) => s.push(0));
  }
  return { sizes, strides };
}

/** Calls `body` with every operand's offset at the start of each innermost loop, in row-major order. */
export function walkOuter({ sizes, strides }: Nest, starts: readonly number[], body: (at: readonly number[]) => void): void {
  const outer = sizes.length - 1;
  const index = new Array<number>(outer).fill(0);
  const at = [...starts];
  if (sizes.some((n) => n === 0)) return;
  for (;;) {
    body(at);
    let axis = outer - 1;
    for (; axis >= 0; axis--) {
      if (++index[axis]! < sizes[axis]!) {
        for (let k = 0; k < at.length; k++) at[k]! += strides[k]![axis]!;
        break;
      }
      for (let k = 0; k < at.length; k++) at[k]! -= strides[k]![axis]! * (sizes[axis]! - 1);
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}
