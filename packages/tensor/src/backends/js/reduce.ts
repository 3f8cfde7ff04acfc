/** Reductions over any axes. Sums run in float64 and are rounded once. */
import type { Family } from '../../backend.js';
import { contiguousStrides, sizeOf } from '../../shape.js';
import { nest, walkOuter } from '../nest.js';

export type ReduceKind = 'sum' | 'prod' | 'max' | 'min' | 'any' | 'all' | 'argmax' | 'argmin';
export interface ReduceParams {
  readonly kind: ReduceKind;
  /** Ascending, from the front. Arguments are counted along all of them together, row-major. */
  readonly axes: readonly number[];
}

const start: Record<ReduceKind, number> = { sum: 0, prod: 1, max: -Infinity, min: Infinity, any: 0, all: 1, argmax: 0, argmin: 0 };

const step: Record<'sum' | 'prod' | 'max' | 'min' | 'any' | 'all', (acc: number, v: number) => number> = {
  sum: (acc, v) => acc + v,
  prod: (acc, v) => acc * v,
  max: (acc, v) => (v > acc || v !== v ? v : acc),
  min: (acc, v) => (v < acc || v !== v ? v : acc),
  any: (acc, v) => (acc || v ? 1 : 0),
  all: (acc, v) => (acc && v ? 1 : 0),
};

export const reduceFamily: Family<ReduceParams> = {
  name: 'reduce',
  js({ kind, axes }, [x], [y]) {
    const kept = x!.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const order = [...kept, ...axes];
    const shape = order.map((i) => x!.shape[i]!);
    const keptStrides = contiguousStrides(kept.map((i) => x!.shape[i]!));
    const into = { shape, strides: [...keptStrides, ...axes.map(() => 0)] };
    const loops = nest(shape, [{ shape, strides: order.map((i) => x!.strides[i]!) }, into]);
    const inner = loops.sizes.length - 1;
    const n = loops.sizes[inner]!;
    const [sx, sy] = [loops.strides[0]![inner]!, loops.strides[1]![inner]!];
    const [from, to] = [x!.data, y!.data];
    if (kind === 'argmax' || kind === 'argmin') {
      const best = new Float64Array(to.length);
      const seen = new Int32Array(to.length);
      const better = kind === 'argmax' ? (v: number, b: number) => v > b : (v: number, b: number) => v < b;
      walkOuter(loops, [x!.offset, 0], ([p, q]) => {
        for (let i = 0, a = p!, o = q!; i < n; i++, a += sx, o += sy) {
          const v = from[a]!;
          if (!seen[o] || better(v, best[o]!) || (v !== v && best[o] === best[o])) { best[o] = v; to[o] = seen[o]!; }
          seen[o]!++;
        }
      });
      return;
    }
    const f = step[kind];
    const acc = new Float64Array(sizeOf(y!.shape)).fill(start[kind]);
    walkOuter(loops, [x!.offset, 0], ([p, q]) => {
      if (sy === 0 && kind === 'sum') {
        let total = acc[q!]!;
        for (let i = 0, a = p!; i < n; i++, a += sx) total += from[a]!;
        acc[q!] = total;
      } else for (let i = 0, a = p!, o = q!; i < n; i++, a += sx, o += sy) acc[o] = f(acc[o]!, from[a]!);
    });
    for (let i = 0; i < acc.length; i++) to[i] = acc[i]!;
  },
};
