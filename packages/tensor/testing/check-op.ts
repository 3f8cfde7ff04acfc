/** What must hold of every op, whatever it computes. */
import { random, run, tensor, withBackend, type Like, type Op, type Tensor } from '@heed/tensor';
import { isFloat } from '@heed/tensor/dtype';
import { dense, fromData, shapeOnly, Tensor as TensorClass, viewOf } from '@heed/tensor/tensor';
import { prepareCall, withDoor } from '@heed/tensor/op';
import type { Heap } from '@heed/tensor/backend';
import { loaded, type BackendName } from '@heed/tensor/use-backend';
import { close, type Tolerance } from './close.js';

/** Inputs, or inputs with the op's attributes. */
export type Sample = readonly Like[] | { readonly x: readonly Like[]; readonly a?: unknown };
export type Demand = 'rank3' | 'size1' | 'zero' | 'broadcast';

export interface CheckOptions extends Tolerance {
  /** Demands on the samples that the op cannot meet, each with the reason. */
  readonly without?: Readonly<Partial<Record<Demand, string>>>;
  /** Why the gradient is not compared with differences (it jumps at every point, say). */
  readonly skipGradient?: string;
}

type Any = Op<unknown>;
interface Case { readonly x: readonly Tensor[]; readonly a: unknown }

const checked: Set<string> = ((globalThis as Record<symbol, unknown>)[Symbol.for('heed.checkedOps')] ??= new Set<string>()) as Set<string>;

/**
 * Proves, for every sample: the shape rule tells the truth; every loaded backend agrees with js; strided, reversed and repeated
 * inputs change nothing; every vjp agrees with central differences in float64 and needs nothing outside `reads`.
 * The samples must have an input of rank 3, a size-1 axis, a zero-size axis and, for several inputs, a broadcast pair.
 */
export async function checkOp(what: object, samples: readonly Sample[], o: CheckOptions = {}): Promise<void> {
  const op = ('op' in what ? what.op : what) as Any;
  const cases = samples.map((s): Case => (Array.isArray(s) ? { x: s.map((v) => tensor(v)), a: undefined } : { x: (s as { x: Like[] }).x.map((v) => tensor(v)), a: (s as { a?: unknown }).a }));
  insist(op, cases, o);
  for (const [i, c] of cases.entries()) {
    try {
      checkForward(op, c, o);
      checkStrides(op, c, o);
      if (!o.skipGradient) checkVjp(op, c);
    } catch (error) {
      throw new Error(`checkOp: ${op.name}, sample ${i} (${c.x.map((t) => `${t.dtype} [${t.shape.join(', ')}]`).join(', ')}): ${(error as Error).message}`);
    }
  }
  checked.add(op.name);
}

function insist(op: Any, cases: readonly Case[], { without = {} }: CheckOptions): void {
  const shapes = cases.flatMap((c) => c.x.map((t) => t.shape));
  const met: Record<Demand, boolean> = {
    rank3: shapes.some((s) => s.length >= 3),
    size1: shapes.some((s) => s.includes(1)),
    zero: shapes.some((s) => s.includes(0)),
    broadcast: cases.every((c) => c.x.length < 2) || cases.some((c) => c.x.length > 1 && c.x.some((t) => t.shape.join() !== c.x[0]!.shape.join())),
  };
  const words: Record<Demand, string> = { rank3: 'an input of rank 3', size1: 'an axis of size 1', zero: 'an axis of size 0', broadcast: 'inputs of different shapes' };
  for (const demand of Object.keys(met) as Demand[]) {
    if (!met[demand] && !without[demand]) throw new Error(`checkOp: ${op.name}: no sample has ${words[demand]}; add one, or say in { without: { ${demand}: 'why' } } why there can be none.`);
  }
}

const onJs = (op: Any, x: readonly Tensor[], a: unknown): Tensor[] => withBackend('js', () => run(op, x, a));

function checkForward(op: Any, { x, a }: Case, o: Tolerance): void {
  const expected = onJs(op, x, a);
  op.infer(x, a).forEach((spec, k) => {
    const y = expected[k]!;
    if (spec.dtype !== y.dtype || spec.shape.join() !== y.shape.join()) throw new Error(`the shape rule says ${spec.dtype} [${spec.shape.join(', ')}], the result is ${y.dtype} [${y.shape.join(', ')}].`);
  });
  everywhere(op, x, a, expected, o);
}

/** Every backend gives what is expected, from ordinary arrays and, where it has memory of its own, jitted: all in that memory. */
function everywhere(op: Any, x: readonly Tensor[], a: unknown, expected: readonly Tensor[], o: Tolerance): void {
  for (const name of loaded.keys()) {
    withBackend(name as BackendName, () => {
      run(op, x, a).forEach((y, k) => close(y, expected[k]!, o));
      const { heap } = loaded.get(name)!;
      if (!heap) return;
      const addresses: number[] = [];
      const there = x.map((t) => {
        const { data } = viewOf(t);
        const address = heap.reserve(Math.max(1, data.byteLength));
        addresses.push(address);
        const copy = heap.view(t.dtype, address, data.length);
        copy.set(data);
        return new TensorClass(t.shape, t.dtype, t.strides, t.offset, { kind: 'host', data: copy });
      });
      const outputs = op.lower && !(op.view && op.view(there[0]!, a)) ? inHeap(op, there, a, heap, addresses) : run(op, there, a);
      outputs.forEach((y, k) => close(y, expected[k]!, o));
      addresses.forEach((address) => heap.release(address));
    });
  }
}

/** The op's kernel with its outputs, too, in the backend's memory. */
function inHeap(op: Any, x: readonly Tensor[], a: unknown, heap: Heap, addresses: number[]): Tensor[] {
  const outputs = op.infer(x, a).map(({ shape, dtype }) => {
    const size = shape.reduce((n, d) => n * d, 1);
    const address = heap.reserve(Math.max(1, size * 8));
    addresses.push(address);
    return fromData(heap.view(dtype, address, size).fill(7), shape, dtype);
  });
  if (outputs.some((y) => y.size > 0)) prepareCall(op.lower!(x, a), x, outputs)();
  return outputs;
}

/** The same numbers in another order of memory: reversed along every axis, every second cell, first axis innermost. */
function layouts(t: Tensor): Tensor[] {
  const data = t.data();
  const wide = new (data.constructor as Float32ArrayConstructor)(2 * data.length + 1);
  for (let i = 0; i < data.length; i++) wide[2 * (data.length - 1 - i)] = data[i]!;
  const base = viewOf(fromData(data, t.shape, t.dtype)).strides;
  const reversed = new TensorClass(t.shape, t.dtype, base.map((s) => -2 * s), Math.max(0, 2 * (t.size - 1)), { kind: 'host', data: wide });
  const order = [...t.shape.keys()].reverse();
  const turned = order.map((i) => t.shape[i]!);
  const column = new TensorClass(turned, t.dtype, order.map((i) => base[i]!), 0, { kind: 'host', data });
  const packed = dense(viewOf(column));
  const strides = new Array<number>(t.rank);
  let step = 1;
  t.shape.forEach((n, i) => { strides[i] = step; step *= n; });
  const first = new TensorClass(t.shape, t.dtype, strides, 0, { kind: 'host', data: dense({ ...viewOf(fromData(packed, turned, t.dtype)) }) });
  return [reversed, first];
}

/** Along its last axis, one element shown again and again (stride 0), and the same numbers laid out densely. */
function repeated(t: Tensor): [Tensor, Tensor] {
  const view = new TensorClass(t.shape, t.dtype, viewOf(t).strides.map((s, i) => (i === t.rank - 1 ? 0 : s)), viewOf(t).offset, t.storage);
  return [view, fromData(dense(viewOf(view)), t.shape, t.dtype)];
}

function checkStrides(op: Any, { x, a }: Case, o: Tolerance): void {
  const expected = onJs(op, x, a);
  const swap = (i: number, t: Tensor) => x.map((v, k) => (k === i ? t : v));
  x.forEach((t, i) => {
    for (const other of layouts(t)) {
      everywhere(op, swap(i, other), a, expected, o);
    }
    if (t.rank === 0 || t.size === 0) return;
    const [view, same] = repeated(t);
    const wanted = onJs(op, swap(i, same), a);
    everywhere(op, swap(i, view), a, wanted, o);
  });
}

const inner = (p: Tensor, q: Tensor): number => {
  const [x, y] = [p.data(), q.data()];
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i]! * y[i]!;
  return total;
};
const direction = (t: Tensor, seed: number): Tensor => random.normal(t.shape, { seed }).cast(t.dtype);

/** <vjp(g), v> must be d/de <g, f(x + e v)>, for a random cotangent g and a random direction v of one input at a time. */
function checkVjp(op: Any, c: Case): void {
  if (op.vjp === 'compose') return;
  withBackend('js', () => {
    const x = c.x.map((t) => (isFloat(t.dtype) ? t.cast('float64') : t));
    const y = run(op, x, c.a);
    const g = y.map((t, k) => (isFloat(t.dtype) ? direction(t, 100 + k) : null));
    if (g.every((v) => !v)) return;
    x.forEach((t, i) => {
      if (!isFloat(t.dtype) || (Array.isArray(op.vjp) && !op.vjp[i])) return;
      const need = x.map((_, k) => k === i);
      const gx = gradientOf(op, c.a, x, y, g, need, i);
      if (!gx) {
        if (differenceOf(op, c.a, x, i, g) !== 0) throw new Error(`the vjp gives no gradient for input ${i}, which the output depends on.`);
        return;
      }
      if (gx.shape.join() !== t.shape.join() || gx.dtype !== t.dtype) throw new Error(`the gradient of input ${i} is ${gx.dtype} [${gx.shape.join(', ')}], the input ${t.dtype} [${t.shape.join(', ')}].`);
      const claimed = inner(gx, direction(t, 7 + i));
      const found = differenceOf(op, c.a, x, i, g);
      if (!(Math.abs(claimed - found) <= 1e-6 * Math.max(1, Math.abs(found)))) throw new Error(`the vjp of input ${i} gives ${claimed} along a random direction, central differences give ${found}.`);
    });
  });
}

function gradientOf(op: Any, a: unknown, x: readonly Tensor[], y: readonly Tensor[], g: readonly (Tensor | null)[], need: readonly boolean[], i: number): Tensor | null {
  const reads = typeof op.reads === 'function' ? op.reads(x, a, need) : op.reads;
  const keep = (ts: readonly Tensor[], read?: readonly number[]) => ts.map((t, k) => (!read || read.includes(k) ? t : shapeOnly(t, `its vjp reads a tensor that is not in its reads.`)));
  const saved = { x: keep(x, reads?.inputs), y: keep(y, reads?.outputs), a };
  return withDoor({ recorders: [] }, () => ('joint' in (op.vjp as object)
    ? (op.vjp as { joint: (...args: unknown[]) => (Tensor | null)[] }).joint(g, saved, need)[i] ?? null
    : (op.vjp as readonly ((g: readonly (Tensor | null)[], s: unknown) => Tensor)[])[i]!(g, saved)));
}

function differenceOf(op: Any, a: unknown, x: readonly Tensor[], i: number, g: readonly (Tensor | null)[]): number {
  const epsilon = 1e-6;
  const v = direction(x[i]!, 7 + i);
  const value = (e: number) => run(op, x.map((t, k) => (k === i ? t.add(v.mul(e)) : t)), a).reduce((sum, y, k) => sum + (g[k] ? inner(g[k], y) : 0), 0);
  return (value(epsilon) - value(-epsilon)) / (2 * epsilon);
}
