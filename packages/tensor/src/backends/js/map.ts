/** Elementwise work: any expression over inputs that broadcast to the outputs' shape. */
import type { Family, View } from '../../backend.js';
import type { TypedArray } from '../../dtype.js';
import { dtypeOf } from '../../dtype.js';
import type { Expr } from '../../scalar/expression.js';
import { chunk, interpret } from '../../scalar/interpret.js';
import { flatSource, helpers, loopSource } from '../../scalar/to-js.js';
import type { Tensor } from '../../tensor.js';
import { nest, walkOuter, type Nest } from '../nest.js';
import { isContiguous, sameShape, sizeOf } from '../../shape.js';

export interface MapParams {
  /** One expression per output; input k is slot k. */
  readonly roots: readonly Expr[];
}

type Loop = (n: readonly number[], s: readonly (readonly number[])[], at: readonly number[], x: readonly TypedArray[], y: readonly TypedArray[], h: typeof helpers) => void;

const compiled = new WeakMap<readonly Expr[], Map<string, Loop>>();

/** Whether this page or process may compile code from text; under a strict CSP it may not. */
export const canCompile: boolean = (() => {
  try {
    return new Function('return true')() as boolean;
  } catch {
    return false;
  }
})();

function loopFor(roots: readonly Expr[], rank: number, single: boolean): Loop {
  const key = `${rank}${single}`;
  let loops = compiled.get(roots);
  if (!loops) compiled.set(roots, (loops = new Map()));
  let loop = loops.get(key);
  if (!loop) {
    loop = canCompile
      ? (new Function('n', 's', 'at', 'x', 'y', 'h', loopSource(roots, rank, single)) as Loop)
      : interpretedLoop(roots, single);
    loops.set(key, loop);
  }
  return loop;
}

/** The same loop without compiling anything: operands are laid out densely, a chunk at a time. */
export function interpretedLoop(roots: readonly Expr[], single: boolean): Loop {
  const evaluate = interpret(roots, single);
  return (sizes, strides, at, x, y) => {
    const inputs = x.map(() => new Float64Array(chunk));
    let [filled, written] = [0, 0];
    const flush = () => {
      evaluate(inputs, y.map((out) => out.subarray(written)), filled);
      written += filled;
      filled = 0;
    };
    const inner = sizes.length - 1;
    walkOuter({ sizes, strides } as Nest, at, (p) => {
      for (let i = 0; i < sizes[inner]!; i++) {
        for (let k = 0; k < x.length; k++) inputs[k]![filled] = x[k]![p[k]! + i * strides[k]![inner]!]!;
        if (++filled === chunk) flush();
      }
    });
    flush();
  };
}

/** No more elements than this are computed at once, without a look at layouts and backends. */
const few = 128;

type Flat = (n: number, x: readonly Tensor[], y: readonly Tensor[], h: typeof helpers) => void;
const flats = new WeakMap<MapParams, Flat[]>();

/** The loop of a map over dense operands. Bits of `code`: the lowest, whether it rounds to float32; then, for each operand, whether it stands still. */
function flatFor(params: MapParams, inputs: number, code: number): Flat {
  let list = flats.get(params);
  if (!list) flats.set(params, (list = []));
  const still = Array.from({ length: inputs }, (_, k) => Boolean(code & (2 << k)));
  return (list[code] ??= new Function('n', 'x', 'y', 'h', flatSource(params.roots, still, Boolean(code & 1))) as Flat);
}

export const mapFamily: Family<MapParams> = {
  name: 'map',
  quick(params, inputs, outputs) {
    const { size, shape } = outputs[0]!;
    if (size > few || inputs.length > 8 || !canCompile) return false;
    let code = 1; // see flatFor
    for (let k = 0; k < inputs.length; k++) {
      const t = inputs[k]!;
      if (t.storage.kind !== 'host') return false;
      if (t.dtype === 'float64') code &= ~1;
      if (t.size === 1) code |= 2 << k;
      else if (!sameShape(t.shape, shape) || !isContiguous(t.shape, t.strides)) return false;
    }
    const loop = flats.get(params)?.[code] ?? flatFor(params, inputs.length, code);
    loop(size, inputs, outputs, helpers);
    return true;
  },
  js({ roots }, inputs, outputs) {
    const { shape } = outputs[0]!;
    if (!sizeOf(shape)) return;
    const { sizes, strides } = nest(shape, inputs);
    const single = !outputs.some((y) => dtypeOf(y.data) === 'float64') && !inputs.some((x) => x.dtype === 'float64');
    const loop = loopFor(roots, sizes.length, single);
    loop(sizes, strides, inputs.map((x: View) => x.offset), inputs.map((x) => x.data), outputs.map((y) => y.data), helpers);
  },
};
