/** Recurrences: one step, repeated along an axis. */
import { run, ShapeError, split, squeeze, stack, ValueError, zeros, type Op, type Spec, type Tensor, type Variable } from '@heed/tensor';
import { concatOp } from '@heed/tensor/concat';
import { isFloat } from '@heed/tensor/dtype';
import { loopFamily, type Body, type Loop } from '@heed/tensor/jit/loop';
import { isTraced, isTracing, mapTensors, traceBody } from '@heed/tensor/jit/trace';
import { formatShape, isContiguous, sameShape } from '@heed/tensor/shape';
import { orZeros, recorded, Tape } from './tape.js';

/** One step on lists: the new carried values, then what is stacked. */
type Flat = (carried: Tensor[], slices: Tensor[]) => Tensor[];

const flat = (tree: unknown): Tensor[] => {
  const found: Tensor[] = [];
  mapTensors(tree, (x) => found.push(x));
  return found;
};
/** A tree of the same form with other tensors, in order. */
function like<T>(tree: T, tensors: readonly Tensor[]): T {
  let at = 0;
  return mapTensors(tree, () => tensors[at++]!) as T;
}

/**
 * Repeats a step: carry_{t+1}, y_t = step(carry_t, x_t), x_t the slices of xs along their first axis, in order or in reverse. Gives the
 * last carry and all y_t stacked, y_t at the place of x_t. Carry, xs and y are tensors, or lists and records of them; y may be null. Under `jit` the step is traced once,
 * whatever the number of steps, and so is its gradient; variables may be read in it, and not assigned.
 *
 * Shape:    xs [T, ...], each; y_t [...] -> ys [T, ...]; the carry keeps shapes and dtypes.
 * Gradient: the reversed recurrence of the step's vector-Jacobian product, to any order.
 * Errors:   ShapeError where lengths differ, there is no step, or the carry changes its shape.
 *
 * `const [sum, sums] = scan((s, x) => [add(s, x), add(s, x)], tensor(0), x)` is a cumulative sum.
 */
export function scan<C, X, Y>(step: (carry: C, x: X) => readonly [C, Y], initial: C, xs: X, { reverse = false }: { readonly reverse?: boolean } = {}): [C, Y] {
  const [start, stacks] = [flat(initial), flat(xs)];
  if (!stacks.length) throw new ValueError('scan: xs has no tensor; give at least one, whose first axis says how many steps there are.');
  const steps = stacks[0]!.shape[0] ?? 0;
  for (const x of stacks) {
    if (x.rank === 0 || x.shape[0] !== steps) throw new ShapeError(`scan: xs has ${stacks.map((t) => formatShape(t.shape)).join(' and ')}; all must have the same first axis, of steps.`);
  }
  if (steps === 0) throw new ShapeError(`scan: xs ${formatShape(stacks[0]!.shape)} has no steps; it needs at least one.`);
  let form: Y | undefined;
  const body: Flat = (carried, slices) => {
    const made = step(like(initial, carried), like(xs, slices));
    if (!Array.isArray(made) || made.length !== 2) throw new ValueError('scan: the step must return [carry, y], the carry of the next step and what is stacked; y may be null.');
    const [next, y] = made as readonly [C, Y];
    form = y;
    const after = flat(next);
    if (after.length !== start.length) throw new ValueError(`scan: the carry had ${start.length} tensors and has ${after.length} after a step; it must keep its form.`);
    after.forEach((x, k) => {
      const was = start[k]!;
      if (x.dtype !== was.dtype || !sameShape(x.shape, was.shape)) throw new ShapeError(`scan: the carry had ${was.dtype} ${formatShape(was.shape)} and has ${x.dtype} ${formatShape(x.shape)} after a step; it must keep shapes and dtypes.`);
    });
    return [...after, ...flat(y)];
  };
  const found = repeat(body, start, stacks, reverse);
  return [like(initial, found), like(form as Y, found.slice(start.length))];
}

/** The last carried values and the stacks of `body`: as a loop while tracing, else step by step. */
function repeat(body: Flat, start: readonly Tensor[], stacks: readonly Tensor[], reverse: boolean, variables = new Map<Variable, Tensor>()): Tensor[] {
  return (isTracing() && stacks[0]!.shape[0]! > 1 ? asLoop(body, start, stacks, reverse, variables) : null) ?? stepByStep(body, start, stacks, reverse);
}

function stepByStep(body: Flat, start: readonly Tensor[], stacks: readonly Tensor[], reverse: boolean): Tensor[] {
  const slices = stacks.map((x) => split(x, x.shape[0]!, { axis: 0 }).map((s) => squeeze(s, { axis: 0 })));
  const order = [...slices[0]!.keys()];
  if (reverse) order.reverse();
  const made: Tensor[][] = [];
  let carried = [...start];
  for (const t of order) {
    const results = body(carried, slices.map((s) => s[t]!));
    carried = results.slice(0, start.length);
    made[t] = results.slice(start.length);
  }
  return [...carried, ...made[0]!.map((_, k) => stack(made.map((y) => y[k]!)))];
}

const dense = (x: Tensor): Tensor => (isContiguous(x.shape, x.strides) ? x : run(concatOp, [x], { axis: 0 })[0]!);
const specOf = ({ shape, dtype }: Spec, from = 0): Spec => ({ shape: shape.slice(from), dtype });

/** The loop as one op; null where nothing in it is traced. Beside its results, the carried values that each step began with are stacked: its gradient starts from them. */
function asLoop(body: Flat, start: readonly Tensor[], stacks: readonly Tensor[], reverse: boolean, variables: Map<Variable, Tensor>): Tensor[] | null {
  const count = start.length;
  const keeping = (x: Tensor[]): Tensor[] => [...body(x.slice(0, count), x.slice(count)), ...x.slice(0, count)];
  const { graph, result } = traceBody(keeping, [...start.map((x) => specOf(x)), ...stacks.map((x) => specOf(x, 1))], variables);
  const outer = [...graph.captured.values()].map((symbol) => (graph.buffers[graph.bufferOf(symbol)]!.source as { outer: Tensor }).outer);
  if (![...start, ...stacks, ...outer].some(isTraced)) return null;
  const steps = stacks[0]!.shape[0]!;
  const loop: Loop = {
    body: { graph, nodes: graph.nodes, assigns: new Map(), result } satisfies Body,
    steps,
    reverse,
    carries: start.map((_, k) => k), // the arguments are the first buffers
    slices: stacks.map((_, k) => count + k),
    captures: [...graph.captured.values()].map((symbol) => graph.bufferOf(symbol)),
  };
  const op: Op<void> = {
    name: 'scan',
    infer: () => result.map((y, k) => (k < count ? specOf(y) : { shape: [steps, ...y.shape], dtype: y.dtype })),
    lower: () => ({ family: loopFamily, params: loop }),
    vjp: {
      joint(g, { x, y }, need) {
        const began = y.slice(y.length - count);
        return backwards(keeping, { count, began, stacks: x.slice(count, count + stacks.length), outer, g, need, reverse, variables });
      },
    },
  };
  const found = run(op, [...start, ...stacks, ...outer].map(dense), undefined);
  return found.slice(0, found.length - count);
}

interface Backwards {
  /** How many values are carried. */
  readonly count: number;
  /** Stacks of the carried values that each step began with, and of the slices. */
  readonly began: readonly Tensor[];
  readonly stacks: readonly Tensor[];
  /** What the body takes from around it. */
  readonly outer: readonly Tensor[];
  readonly g: readonly (Tensor | null)[];
  readonly need: readonly boolean[];
  readonly reverse: boolean;
  readonly variables: Map<Variable, Tensor>;
}

/** The gradients of a loop's inputs: the loop the other way, which carries the carry's gradient and sums those of what all steps see. */
function backwards(body: (x: Tensor[]) => Tensor[], { count, began, stacks, outer, g, need, reverse, variables }: Backwards): (Tensor | null)[] {
  const floats = <T>(list: readonly T[], of: (x: T) => boolean): number[] => [...list.keys()].filter((k) => of(list[k]!));
  const carried = floats(began, (x) => isFloat(x.dtype));
  const sliced = floats(stacks, (x) => isFloat(x.dtype)).filter((k) => need[count + k]);
  const seen = floats(outer, (x) => isFloat(x.dtype)).filter((k) => need[count + stacks.length + k]);
  const given = floats(g, Boolean).filter((k) => k >= count);
  const step: Flat = (sums, slices) => {
    const x = slices.slice(0, count + stacks.length);
    const tape = new Tape();
    const sources = [...carried.map((k) => x[k]!), ...sliced.map((k) => x[count + k]!), ...seen.map((k) => outer[k]!)];
    for (const source of sources) tape.watch(source);
    const y = recorded(tape, () => body(x));
    const results = [...carried.map((k) => y[k]!), ...given.map((k) => y[k]!)];
    const cotangents = [...sums.slice(0, carried.length), ...slices.slice(count + stacks.length)];
    const found = tape.backward(results, cotangents, sources).map((v, k) => orZeros(v, sources[k]!));
    const [c, s] = [carried.length, carried.length + sliced.length];
    return [...found.slice(0, c), ...found.slice(s).map((v, k) => sums[c + k]!.add(v)), ...found.slice(c, s)];
  };
  const zero = (x: Spec): Tensor => zeros(x.shape, { dtype: x.dtype });
  const start = [...carried.map((k) => g[k] ?? zero({ shape: began[k]!.shape.slice(1), dtype: began[k]!.dtype })), ...seen.map((k) => zero(outer[k]!))];
  const found = repeat(step, start, [...began, ...stacks, ...given.map((k) => g[k]!)], !reverse, variables);
  const gradients: (Tensor | null)[] = need.map(() => null);
  carried.forEach((k, i) => { if (need[k]) gradients[k] = found[i]!; });
  seen.forEach((k, i) => { gradients[count + stacks.length + k] = found[carried.length + i]!; });
  sliced.forEach((k, i) => { gradients[count + k] = found[start.length + i]!; });
  return gradients;
}
