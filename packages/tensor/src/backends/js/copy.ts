/** Moving elements: dense copies, joining, placing into a larger block, windows added back. */
import type { Family, View } from '../../backend.js';
import { kindOf } from '../../dtype.js';
import { convert } from '../../scalar/convert.js';
import { contiguousStrides, sizeOf } from '../../shape.js';
import { nest, walkOuter } from '../nest.js';

/** Copies the elements of `from` into the strided block `to` of the same shape. `add` adds instead. */
function move(from: View, to: View, add = false): void {
  const loops = nest(to.shape, [from, to]);
  const inner = loops.sizes.length - 1;
  const n = loops.sizes[inner]!;
  const [sx, sy] = [loops.strides[0]![inner]!, loops.strides[1]![inner]!];
  const [x, y] = [from.data, to.data];
  walkOuter(loops, [from.offset, to.offset], ([p, q]) => {
    if (add) for (let i = 0, a = p!, o = q!; i < n; i++, a += sx, o += sy) y[o]! += x[a]!;
    else for (let i = 0, a = p!, o = q!; i < n; i++, a += sx, o += sy) y[o] = x[a]!;
  });
}

/** A dense copy of a view of any strides; the output may have another shape with as many elements. */
export const copyFamily: Family<Record<string, never>> = {
  name: 'copy',
  js: (_, [x], [y]) => move(x!, { ...y!, shape: x!.shape, strides: contiguousStrides(x!.shape) }),
};

/** A dense copy in another dtype: floats become integers by dropping the fraction, saturating, NaN -> 0; anything but 0 is true. */
export const castFamily: Family<Record<string, never>> = {
  name: 'cast',
  js(_, [x], [y]) {
    const kind = kindOf(y!.dtype);
    if (kind === 'f' || kind === kindOf(x!.dtype)) return move(x!, y!);
    const wide = new Float64Array(sizeOf(y!.shape));
    move(x!, { ...y!, data: wide, dtype: 'float64' });
    for (let i = 0; i < wide.length; i++) y!.data[i] = convert(wide[i]!, kind);
  },
};

/** Inputs side by side along an axis. */
export const concatFamily: Family<{ readonly axis: number }> = {
  name: 'concat',
  js({ axis }, inputs, [y]) {
    const strides = contiguousStrides(y!.shape);
    let at = 0;
    for (const x of inputs) {
      move(x, { ...y!, shape: x.shape, strides, offset: at * strides[axis]! });
      at += x.shape[axis]!;
    }
  },
};

export interface PlaceParams {
  readonly start: readonly number[];
  readonly step: readonly number[];
  readonly value: number;
}

/** The input at positions start + i step of a block that holds `value` elsewhere. */
export const placeFamily: Family<PlaceParams> = {
  name: 'place',
  js({ start, step, value }, [x], [y]) {
    const strides = contiguousStrides(y!.shape);
    y!.data.fill(value);
    const offset = start.reduce((sum, s, i) => sum + s * strides[i]!, 0);
    move(x!, { ...y!, shape: x!.shape, strides: strides.map((s, i) => s * step[i]!), offset });
  },
};

export interface WindowParams {
  /** Strides of the windows' view into the output, one per axis of the input. */
  readonly strides: readonly number[];
}

/** Adds windows back to where they were cut from: the transpose of a view that shows elements more than once. */
export const foldFamily: Family<WindowParams> = {
  name: 'fold',
  js({ strides }, [x], [y]) {
    y!.data.fill(0);
    move(x!, { ...y!, shape: x!.shape, strides, offset: 0 }, true);
  },
};
