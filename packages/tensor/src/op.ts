/**
 * The one door. Every computation is `run(op, inputs, attributes)`: the op's shape rule, then the executor that stands at
 * the door (eager, or tracing), then every recorder beside it (tapes).
 */
import { jsBackend, type Backend, type Call, type Run } from './backend.js';
import { BackendError, HeedError } from './errors.js';
import { shared } from './shared.js';
import { blank, placeOf, Tensor, viewOf, type Spec } from './tensor.js';
import type { Variable } from './variable.js';
import { formatShape, type Shape } from './shape.js';

/** What a vjp rule may look at: inputs x and outputs y (shape and dtype only, unless listed in `reads`), attributes a. */
export interface Saved<A = unknown> {
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
  readonly a: A;
}
/** Gradient of one input from the outputs' gradients; a null g is zero and never materialized. */
export type Rule<A> = (g: readonly (Tensor | null)[], saved: Saved<A>) => Tensor;
/** Gradients of all inputs at once; only those in `need` are wanted. */
export interface Joint<A> {
  joint(g: readonly (Tensor | null)[], saved: Saved<A>, need: readonly boolean[]): (Tensor | null)[];
}
export interface Reads {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** An operation as a value. Exactly one of `view`, `lower` and `compose` says what it does. */
export interface Op<A = unknown> {
  readonly name: string;
  /** Shapes and dtypes of the outputs; refuses what doesn't fit. Pure. */
  infer(inputs: readonly Spec[], a: A): Spec[];
  /** The output as another look at the input's memory; null where it needs a copy. */
  view?(x: Tensor, a: A): { shape: Shape; strides: readonly number[]; offset: number } | null;
  /** One call of a kernel family. */
  lower?(inputs: readonly Spec[], a: A): Call;
  /** The meaning in smaller ops. */
  compose?(inputs: readonly Tensor[], a: A): Tensor[];
  /** One kernel that does what `compose` says, for backends that have it; null where none could. */
  fused?(inputs: readonly Spec[], a: A): Call | null;
  /** A rule per input (null: no gradient), or one for all, or 'compose': through the smaller ops. */
  readonly vjp: 'compose' | readonly (Rule<A> | null)[] | Joint<A>;
  /** All that the vjp reads the elements of; everything, if left out. */
  readonly reads?: Reads | ((inputs: readonly Spec[], a: A, need: readonly boolean[]) => Reads);
}

/** Computes outputs for inputs: now, or as a note in a graph. */
export interface Executor {
  execute<A>(op: Op<A>, inputs: readonly Tensor[], a: A, outputs: readonly Spec[]): Tensor[];
}
/** Is told what passed the door. */
export interface Recorder {
  record<A>(op: Op<A>, inputs: readonly Tensor[], a: A, outputs: readonly Tensor[]): void;
}
/** Stands between variables and their readers while a function is traced. */
export interface Watch {
  read(v: Variable): Tensor;
  assign(v: Variable, value: Tensor): void;
}
export interface Door {
  readonly version: string;
  readonly path: string;
  /** The executor that computes at once. */
  readonly eager: Executor;
  executor: Executor;
  recorders: readonly Recorder[];
  backend: Backend;
  variables: Watch | null;
  /** Calls that the chosen backend had no kernel for, by family; js computed them. */
  readonly fallbacks: Map<string, number>;
}

export const version = '0.1.0';

/** Checks and freezes an op. */
export function defineOp<A = void>(op: Op<A>): Op<A> {
  const ways = [op.view && !op.lower, op.lower, op.compose].filter(Boolean).length;
  if (ways !== 1) throw new HeedError(`defineOp: ${op.name} says what it does in ${ways} ways; give exactly one of view, lower and compose (view may have lower beside it, for the copy).`);
  return Object.freeze(op);
}

/** Runs an op on tensors: the door. */
export function run<A>(op: Op<A>, inputs: readonly Tensor[], a: A): Tensor[] {
  const outputs = door.executor.execute(op, inputs, a, op.infer(inputs, a));
  const { recorders } = door;
  for (let i = 0; i < recorders.length; i++) recorders[i]!.record(op, inputs, a, outputs);
  return outputs;
}

/** Runs an op with one output. */
export const run1 = <A>(op: Op<A>, inputs: readonly Tensor[], a: A): Tensor => run(op, inputs, a)[0]!;

/** Runs `f` with other things at the door, and puts back what stood there. */
export function withDoor<R>(change: Partial<Pick<Door, 'executor' | 'recorders' | 'backend' | 'variables'>>, f: () => R): R {
  const { executor, recorders, backend, variables } = door;
  door.executor = change.executor ?? executor;
  door.recorders = change.recorders ?? recorders;
  door.backend = change.backend ?? backend;
  if (change.variables !== undefined) door.variables = change.variables;
  try {
    return f();
  } finally {
    door.executor = executor;
    door.recorders = recorders;
    door.backend = backend;
    door.variables = variables;
  }
}

/** Runs `f` where results can be looked at at once, whatever computes elsewhere. */
export const atHand = <R>(f: () => R): R => withDoor({ backend: door.backend.execute ? jsBackend : door.backend }, f);

/** Computes at once: a view where the op is one, the smaller ops of a composed one, a kernel otherwise. */
export const eager: Executor = {
  execute(op, inputs, a, specs) {
    const fused = fusedCall(op, inputs, a, specs);
    if (op.compose && !fused) return composed(op, inputs, a);
    if (op.view) {
      const x = inputs[0]!;
      const view = op.view(x, a);
      if (view) return [new Tensor(view.shape, x.dtype, view.strides, view.offset, x.storage)];
    }
    const call = fused ?? op.lower!(inputs, a);
    if (door.backend.execute) return door.backend.execute(call, inputs, specs);
    const outputs = specs.map(blank);
    if (call.family.quick?.(call.params, inputs, outputs)) return outputs;
    if (outputs.some((y) => y.size > 0)) prepareCall(call, inputs, outputs)();
    return outputs;
  },
};

/** An op by its smaller ops. What is an input as it came is given as a tensor of its own: tapes tell values apart by identity. */
export const composed = <A>(op: Op<A>, inputs: readonly Tensor[], a: A): Tensor[] =>
  withDoor({ recorders: [] }, () => op.compose!(inputs, a)).map((y) => (inputs.includes(y) ? new Tensor(y.shape, y.dtype, y.strides, y.offset, y.storage) : y));

/** The fused kernel of an op, where the chosen backend has it for these operands. */
export function fusedCall<A>(op: Op<A>, inputs: readonly Tensor[], a: A, outputs: readonly Spec[]): Call | null {
  const call = op.fused && door.backend.fuses ? op.fused(inputs, a) : null;
  return call && door.backend.fuses!(call, inputs, outputs) ? call : null;
}

/** Binds a call on a backend, by default the chosen one, or on js where that has no such kernel. */
export function prepareCall(call: Call, inputs: readonly Tensor[], outputs: readonly Tensor[], backend: Backend = door.backend): Run {
  if (call.family.bind) return call.family.bind(call.params, inputs, outputs, backend);
  const look = backend.execute ? (placeOf as typeof viewOf) : viewOf;
  const [x, y] = [inputs.map(look), outputs.map(look)];
  const step = backend.prepare(call, x, y);
  if (step) return step;
  const { name } = call.family;
  if (backend.execute) throw new BackendError(`jit: ${name} of ${[...inputs, ...outputs].map((t) => `${t.dtype} ${formatShape(t.shape)}`).join(', ')} has no kernel on the GPU; run that part without jit, where js does it, or use float32.`);
  door.fallbacks.set(name, (door.fallbacks.get(name) ?? 0) + 1);
  return jsBackend.prepare(call, x, y)!;
}

const here = import.meta.url ?? 'this bundle';

/** Shared by every loaded copy of this version of the package. */
export const door: Door = shared('door', () => ({ version, path: here, eager, executor: eager, recorders: [], backend: jsBackend, variables: null, fallbacks: new Map() }));
if (door.version !== version) {
  throw new HeedError(`@heed/tensor is loaded twice in different versions: ${door.version} from ${door.path} and ${version} from ${here}; install one version only.`);
}
