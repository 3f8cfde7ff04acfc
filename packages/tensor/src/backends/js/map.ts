/** Elementwise work: any expression over inputs that broadcast to the outputs' shape. */
import type { Family, View } from '../../backend.js';
import type { TypedArray } from '../../dtype.js';
import { dtypeOf } from '../../dtype.js';
import type { Expr } from '../../scalar/expression.js';
import { chunk, interpret } from '../../scalar/interpret.js';
import { helpers, loopSource } from '../../scalar/to-js.js';
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
const [one, none] = [[1], [0]];
const flat = new WeakMap<MapParams, Loop>();

export const mapFamily: Family<MapParams> = {
  name: 'map',
  quick(params, inputs, outputs) {
    const { size, shape } = outputs[0]!;
    if (size > few) return false;
    const [strides, starts, x]: [number[][], number[], TypedArray[]] = [[], [], []];
    let single = true;
    for (const t of inputs) {
      const { storage } = t;
      if (storage.kind !== 'host') return false;
      if (t.size === 1) strides.push(none);
      else if (sameShape(t.shape, shape) && isContiguous(t.shape, t.strides)) strides.push(one);
      else return false;
      if (t.dtype === 'float64') single = false;
      starts.push(t.offset);
      x.push(storage.data);
    }
    if (!single) return false;
    const y: TypedArray[] = [];
    for (const { storage } of outputs) y.push((storage as { data: TypedArray }).data);
    let loop = flat.get(params);
    if (!loop) flat.set(params, (loop = loopFor(params.roots, 1, true)));
    loop([size], strides, starts, x, y, helpers);
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
