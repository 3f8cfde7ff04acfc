/** What must hold of every op, whatever it computes. */
import { run, tensor, withBackend, type Like, type Op, type Tensor } from '@heed/tensor';
import { over, storageOf, Tensor as TensorClass, viewOf } from '@heed/tensor/tensor';
import { fusedCall, prepareCall } from '@heed/tensor/op';
import { transfer, type Heap } from '@heed/tensor/backend';
import { arrayType } from '@heed/tensor/dtype';
import { loaded, type BackendName } from '@heed/tensor/use-backend';
import { checkRules, type GradientOptions } from './check-rules.js';
import { atHome, close, type Tolerance } from './close.js';
import { shared } from '../src/shared.js';
import { layouts, repeated } from './layouts.js';

/** Inputs, or inputs with the op's attributes. */
export type Sample = readonly Like[] | { readonly x: readonly Like[]; readonly a?: unknown };
export type Demand = 'rank3' | 'size1' | 'zero' | 'broadcast';

export interface CheckOptions extends Tolerance {
  /** Demands on the samples that the op cannot meet, each with the reason. */
  readonly without?: Readonly<Partial<Record<Demand, string>>>;
  /** How gradients are compared with central differences; `kinks` says why they are not. */
  readonly gradient?: GradientOptions;
}

type Any = Op<unknown>;
export interface Case { readonly x: readonly Tensor[]; readonly a: unknown }

const checked = shared('checkedOps', () => new Set<string>());

/**
 * Proves, for every sample: the shape rule tells the truth; every loaded backend agrees with js; strided, reversed and repeated
 * inputs change nothing; every vjp agrees with central differences in float64 and needs nothing outside `reads`.
 * The samples must have an input of rank 3, a size-1 axis, a zero-size axis and, for several inputs, a broadcast pair.
 */
export async function checkOp(what: object, samples: readonly Sample[], o: CheckOptions = {}): Promise<void> {
  const op = ('op' in what ? what.op : what) as Any;
  const cases = samples.map(caseOf);
  insist(op, cases, o);
  for (const [i, c] of cases.entries()) {
    try {
      const expected = onJs(op, c.x, c.a);
      checkShapes(op, c, expected);
      await everywhere(op, c.x, c.a, expected, o);
      await checkStrides(op, c, expected, o);
      await checkRules(op, c.x, c.a, o.gradient);
    } catch (error) {
      throw new Error(`checkOp: ${op.name}, sample ${i} (${c.x.map((t) => `${t.dtype} [${t.shape.join(', ')}]`).join(', ')}): ${(error as Error).message}`, { cause: error });
    }
  }
  checked.add(op.name);
}

/** The tensors and attributes of a sample. */
export const caseOf = (s: Sample): Case => {
  const { x, a } = 'x' in s ? s : { x: s, a: undefined };
  return { x: x.map((v) => tensor(v)), a };
};

function insist(op: Any, cases: readonly Case[], { without = {} }: CheckOptions): void {
  const shapes = cases.flatMap((c) => c.x.map((t) => t.shape));
  const met: Record<Demand, boolean> = {
    rank3: shapes.some((s) => s.length >= 3),
    size1: shapes.some((s) => s.includes(1)),
    zero: shapes.some((s) => s.includes(0)),
    broadcast: cases.every((c) => c.x.length < 2) || cases.some(broadcasts),
  };
  const words: Record<Demand, string> = { rank3: 'an input of rank 3', size1: 'an axis of size 1', zero: 'an axis of size 0', broadcast: 'two inputs that broadcast' };
  for (const demand of Object.keys(met) as Demand[]) {
    if (!met[demand] && !without[demand]) throw new Error(`checkOp: ${op.name}: no sample has ${words[demand]}; add one, or say in { without: { ${demand}: 'why' } } why there can be none.`);
  }
}

/** Whether two inputs have unequal shapes that broadcast: whole, or before the last two axes. */
const broadcasts = ({ x }: Case): boolean => x.some(({ shape: p }, i) => x.slice(i + 1).some(({ shape: q }) =>
  fit(p, q) || (Math.max(p.length, q.length) > 2 && fit(p.slice(0, -2), q.slice(0, -2)))));
function fit(p: readonly number[], q: readonly number[]): boolean {
  for (let i = 1; i <= Math.min(p.length, q.length); i++) {
    const [m, n] = [p[p.length - i], q[q.length - i]];
    if (m !== n && m !== 1 && n !== 1) return false;
  }
  return p.join() !== q.join();
}

const onJs = (op: Any, x: readonly Tensor[], a: unknown): Tensor[] => withBackend('js', () => run(op, x, a));

function checkShapes(op: Any, { x, a }: Case, y: readonly Tensor[]): void {
  const said = op.infer(x, a);
  if (said.length !== y.length) throw new Error(`the shape rule tells of ${said.length} outputs, there are ${y.length}.`);
  said.forEach((spec, k) => {
    const { dtype, shape } = y[k]!;
    if (spec.dtype !== dtype || spec.shape.join() !== shape.join()) throw new Error(`the shape rule says ${spec.dtype} [${spec.shape.join(', ')}], the result is ${dtype} [${shape.join(', ')}].`);
  });
}

/** Every backend gives what is expected, from ordinary arrays and, where it has memory of its own, jitted: all in that memory. */
async function everywhere(op: Any, x: readonly Tensor[], a: unknown, expected: readonly Tensor[], o: Tolerance): Promise<void> {
  for (const [name, { heap }] of loaded) {
    const on = <R>(f: () => R): R => withBackend(name as BackendName, f);
    await agree(name, 'output', on(() => run(op, x, a)), expected, o);
    if (!heap || (name === 'gpu' && [...x, ...expected].some((t) => t.dtype === 'float64'))) continue;
    const addresses: number[] = [];
    const outputs = on(() => {
      const there = x.map((t) => {
        const { data } = viewOf(t);
        const address = heap.reserve(Math.max(1, data.length * 8));
        addresses.push(address);
        const copy = heap.view(t.dtype, address, data.length);
        transfer(data, copy);
        return new TensorClass(t.shape, t.dtype, t.strides, t.offset, storageOf(copy));
      });
      const kernel = op.lower && !(op.view && op.view(there[0]!, a));
      return kernel || fusedCall(op, there, a, expected) ? inHeap(op, there, a, heap, addresses) : run(op, there, a);
    });
    await agree(name, 'output in its own memory', outputs, expected, o);
    addresses.forEach((address) => heap.release(address));
  }
}

/** What a GPU may differ by. */
const gpuTolerance = 1e-4;

async function agree(name: string, what: string, got: readonly Tensor[], expected: readonly Tensor[], o: Tolerance): Promise<void> {
  for (const [k, y] of got.entries()) {
    const tolerance = name === 'gpu' && y.dtype === 'float32' ? { rtol: Math.max(o.rtol ?? 0, gpuTolerance), atol: Math.max(o.atol ?? 0, gpuTolerance) } : o;
    try {
      close(await atHome(y), expected[k]!, tolerance);
    } catch (error) {
      throw new Error(`${name}: ${what} ${k}: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** The op's kernel with its outputs, too, in the backend's memory. */
function inHeap(op: Any, x: readonly Tensor[], a: unknown, heap: Heap, addresses: number[]): Tensor[] {
  const outputs = op.infer(x, a).map(({ shape, dtype }) => {
    const size = shape.reduce((n, d) => n * d, 1);
    const address = heap.reserve(Math.max(1, size * 8));
    addresses.push(address);
    const there = heap.view(dtype, address, size);
    transfer(new (arrayType(dtype))(size).fill(7), there);
    return over(there, { shape, dtype });
  });
  if (outputs.some((y) => y.size > 0)) prepareCall(fusedCall(op, x, a, outputs) ?? op.lower!(x, a), x, outputs)();
  return outputs;
}

/** Inputs that lie elsewhere, and slices repeated by stride 0, change nothing. */
async function checkStrides(op: Any, { x, a }: Case, expected: readonly Tensor[], o: Tolerance): Promise<void> {
  for (const [i, t] of x.entries()) {
    const swap = (other: Tensor) => x.map((v, k) => (k === i ? other : v));
    const same = async (how: string, other: Tensor, wanted: readonly Tensor[]) => {
      try {
        await everywhere(op, swap(other), a, wanted, o);
      } catch (error) {
        throw new Error(`input ${i} in ${how}: ${(error as Error).message}`, { cause: error });
      }
    };
    for (const [how, lay] of Object.entries(layouts)) await same(how, lay(t), expected);
    for (const [axis, n] of t.shape.entries()) {
      if (n < 2) continue;
      const [dense, stretched] = repeated(t, axis);
      await same(`one slice repeated along axis ${axis}`, stretched, onJs(op, swap(dense), a));
    }
  }
}
