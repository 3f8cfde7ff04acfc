/**
 * Elementwise ops: one scalar expression says forward, gradient, and every backend's kernel.
 * The gradient is derived symbolically and is itself an elementwise op, so gradients of gradients need nothing more.
 */
import { isTensor } from '../brand.js';
import { mapFamily, type MapParams } from '../backends/js/map.js';
import type { Call } from '../backend.js';
import { tensor, type Like } from '../create.js';
import { ValueError } from '../errors.js';
import { dtypeOfKind, isFloat, kindOf, promote, type DType } from '../dtype.js';
import { defineOp, run, run1, type Op, type Reads, type Saved } from '../op.js';
import { derivative } from '../scalar/derivative.js';
import { add, input, rewrite, slots, type Expr, type Kind } from '../scalar/expression.js';
import { broadcastShapes, sameShape } from '../shape.js';
import type { Spec, Tensor } from '../tensor.js';
import { cast, weakDtype } from './cast.js';
import { sumTo } from './sum.js';
import { withOp, type OpFunction } from './with-op.js';

/** Builds the expressions of an op's outputs from its inputs. */
export type Build<A> = (x: Expr[], a: A) => Expr | readonly Expr[];

export interface Elementwise<A> extends Op<A> {
  /** The expressions for inputs of these kinds. */
  rootsFor(kinds: readonly Kind[], a: A): readonly Expr[];
}

/** An elementwise op for inputs of certain dtypes and certain attributes: all that is worked out once. */
interface Variant {
  readonly roots: readonly Expr[];
  /** Of the outputs. */
  readonly dtypes: readonly DType[];
  readonly call: Call<MapParams>;
  readonly gradients: Map<number, Gradient>;
}

const digit: Readonly<Record<DType, number>> = { float32: 0, float64: 1, int32: 2, bool: 3 };
/** The dtypes of operands as the digits of a number. */
function codeOf(inputs: readonly Spec[]): number {
  let code = 1;
  for (let i = 0; i < inputs.length; i++) code = 4 * code + digit[inputs[i]!.dtype];
  return code;
}
/** JSON knows no infinities. */
const exactly = (_: string, v: unknown): unknown => (typeof v === 'number' && !Number.isFinite(v) ? String(v) : v);
/** Which of a list are there (true, not null), as a number, length included. */
function bits(list: readonly unknown[]): number {
  let n = 1;
  for (let i = 0; i < list.length; i++) n = 2 * n + (list[i] ? 1 : 0);
  return n;
}

/** An op from expressions, and its gradients from their derivatives. */
export function elementwiseOp<A = void>(name: string, build: Build<A>, names: readonly string[] = ['a', 'b', 'c']): Elementwise<A> {
  const variants = new Map<string | number, Variant>();
  const variantOf = (inputs: readonly Spec[], a: A): Variant => {
    const code = codeOf(inputs);
    const key = a === undefined ? code : code + JSON.stringify(a, exactly);
    let variant = variants.get(key);
    if (!variant) {
      const built = build(inputs.map((x, i) => input(i, kindOf(x.dtype))), a);
      const roots = Array.isArray(built) ? (built as Expr[]) : [built as Expr];
      const float = inputs.some((x) => x.dtype === 'float64') ? 'float64' : 'float32';
      const dtypes = roots.map((r) => (r.type === 'f' ? float : dtypeOfKind[r.type]));
      variants.set(key, (variant = { roots, dtypes, call: { family: mapFamily, params: { roots } }, gradients: new Map() }));
    }
    return variant;
  };
  /** What computes the gradients of the float inputs in `need`, given those of the outputs in `given` (all, if left out). */
  const gradientFor = (x: readonly Spec[], a: A, need: readonly boolean[], given?: readonly (Tensor | null)[]): Gradient => {
    const { roots, gradients } = variantOf(x, a);
    const key = bits(need) * 65536 + bits(given ?? roots);
    let gradient = gradients.get(key);
    if (!gradient) {
      const wanted = need.map((n, i) => n && isFloat(x[i]!.dtype));
      gradients.set(key, (gradient = gradientOf(`${name}Gradient`, roots, x.length, wanted, (given ?? roots).map(Boolean))));
    }
    return gradient;
  };
  const op: Elementwise<A> = {
    name,
    rootsFor: (given, a) => variantOf(given.map((k) => ({ shape: [], dtype: dtypeOfKind[k] })), a).roots,
    infer(inputs, a) {
      const { shape: first } = inputs[0]!;
      const alike = inputs.length === 1 || (inputs.length === 2 && sameShape(first, inputs[1]!.shape));
      const shape = alike ? first : broadcastShapes(name, inputs.map((x) => x.shape), names);
      return variantOf(inputs, a).dtypes.map((dtype) => ({ shape, dtype }));
    },
    lower: (inputs, a) => variantOf(inputs, a).call,
    vjp: {
      joint(g, { x, y, a }: Saved<A>, need) {
        const { op: gradient, takes, gives, passes } = gradientFor(x, a, need, g);
        const [n, m] = [x.length, y.length];
        const results: (Tensor | null)[] = x.map(() => null);
        const give = (slot: number, found: Tensor) => { results[slot] = cast(sumTo(found, x[slot]!.shape), x[slot]!.dtype); };
        if (gives.length) {
          const out = run(gradient, takes.map((slot) => (slot < n ? x[slot]! : slot < n + m ? y[slot - n]! : g[slot - n - m]!)), undefined);
          for (let k = 0; k < gives.length; k++) give(gives[k]!, out[k]!);
        }
        for (const { slot, output } of passes) give(slot, g[output]!);
        return results;
      },
    },
    reads: (x, a, need) => gradientFor(x, a, need).reads,
  };
  return defineOp(op) as Elementwise<A>;
}

interface Gradient {
  readonly op: Op<void>;
  /** Which of [...x, ...y, ...g] the gradient op takes. */
  readonly takes: readonly number[];
  /** The inputs whose gradients it gives. */
  readonly gives: readonly number[];
  /** Inputs whose gradient is that of an output as it is, and which: nothing is computed for them. */
  readonly passes: readonly { readonly slot: number; readonly output: number }[];
  /** Which inputs and outputs it takes. */
  readonly reads: Reads;
}

/** The op that computes the wanted gradients from inputs, outputs and the outputs' gradients, in one kernel. */
function gradientOf(name: string, roots: readonly Expr[], n: number, need: readonly boolean[], given: readonly boolean[]): Gradient {
  const m = roots.length;
  const gives: number[] = [];
  const expressions: Expr[] = [];
  const passes: { slot: number; output: number }[] = [];
  for (let slot = 0; slot < n; slot++) {
    if (!need[slot]) continue;
    let total: Expr | null = null;
    for (let k = 0; k < m; k++) {
      if (!given[k]) continue;
      const d = derivative([roots[k]!], new Map([[slot, input(n + m + k)]]))[0];
      if (d) total = total ? add(total, d) : d;
    }
    if (!total) continue;
    if (total.op === 'in') {
      passes.push({ slot, output: total.value - n - m });
      continue;
    }
    gives.push(slot);
    expressions.push(rewrite(total, (node) => {
      const k = roots.indexOf(node);
      return k >= 0 && node.args.length ? input(n + k, node.type) : null;
    }));
  }
  const takes = [...slots(expressions)].sort((p, q) => p - q);
  const op = elementwiseOp(name, (x) => expressions.map((e) => rewrite(e, (node) => (node.op === 'in' ? x[takes.indexOf(node.value)]! : null))));
  const reads = { inputs: takes.filter((s) => s < n), outputs: takes.filter((s) => s >= n && s < n + m).map((s) => s - n) };
  return { op, takes, gives, passes, reads };
}

function areTensors(xs: readonly Like[]): xs is readonly Tensor[] {
  for (let i = 0; i < xs.length; i++) if (!isTensor(xs[i])) return false;
  return true;
}

/** Numbers, arrays and tensors as tensors; JS numbers take the dtype of the tensors beside them. */
export function operands(xs: readonly Like[]): readonly Tensor[] {
  if (areTensors(xs)) return xs;
  const beside = xs.reduce<DType>((d, x) => (typeof x === 'object' && x !== null && 'dtype' in x ? promote(d, (x as Tensor).dtype) : d), 'bool');
  const known = xs.some((x) => typeof x === 'object' && x !== null && 'dtype' in x);
  return xs.map((x) => (known && (typeof x === 'number' || typeof x === 'boolean') ? tensor(x, { dtype: weakDtype(x, beside) }) : tensor(x)));
}

type Likes<X extends unknown[]> = { [K in keyof X]: Like };

/**
 * An elementwise function on tensors from a function on expressions: `elementwise('square', (x) => x.mul(x))`.
 * Its gradient, to any order, and its kernels on every backend follow. Inputs broadcast.
 */
export function elementwise<X extends Expr[]>(name: string, f: (...x: X) => Expr): OpFunction<(...x: Likes<X>) => Tensor> {
  if (typeof f !== 'function') throw new ValueError(`elementwise: ${name} has no function; give one from expressions to an expression.`);
  const n = f.length;
  const op = elementwiseOp(name, (x) => f(...(x as X)), n === 1 ? ['x'] : undefined);
  return withOp(op, (...x: Likes<X>) => {
    if (x.length < n) throw new ValueError(`${name}: got ${x.length} operands; it takes ${n}.`);
    return run1(op, operands(x.length > n ? x.slice(0, n) : x), undefined); // xs.map(relu) hands over more
  });
}
