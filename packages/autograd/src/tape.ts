/** The tape: what passed the door, in call order; and reading it backwards. */
import { add, door, isTensor, zeros, Tensor, ValueError, type Op, type Recorder, type Saved } from '@heed/tensor';
import { isFloat } from '@heed/tensor/dtype';
import { withDoor } from '@heed/tensor/op';
import type { Storage } from '@heed/tensor/tensor';

/** An op that was run: what its rules may see, and where that stands on the tape. */
interface Entry extends Saved {
  readonly op: Op;
  /** Places of the inputs on the tape; -1 for what doesn't depend on the sources. */
  readonly inputs: readonly number[];
  /** Which inputs have a place. */
  readonly need: readonly boolean[];
  /** Place of the first output; those of the others follow. */
  readonly first: number;
}

const unread: Storage = { kind: 'absent', why: 'autograd: a gradient rule read a tensor that its op does not list in `reads`; list it there.' };
/** Shape and dtype of x: all that a rule may see of a tensor that its op does not read. */
const outline = ({ shape, dtype, strides }: Tensor): Tensor => new Tensor(shape, dtype, strides, 0, unread);

/** Of each tensor, all of it where a rule reads it (everything, if nothing is listed), else its outline. */
const seen = (xs: readonly Tensor[], read: readonly number[] | undefined): readonly Tensor[] => (read ? xs.map((x, i) => (read.includes(i) ? x : outline(x))) : xs);

const floats = (xs: readonly Tensor[]): boolean => xs.some((x) => isFloat(x.dtype));
/** Whether an op has a gradient for any of the inputs in `need`. */
const differentiates = ({ vjp }: Op<never>, need: readonly boolean[]): boolean => (Array.isArray(vjp) ? vjp.some((rule, i) => rule && need[i]) : need.includes(true));

/** Records every op that depends on the sources, keeping only the tensors that the gradient rules read. */
export class Tape implements Recorder {
  private readonly entries: Entry[] = [];
  /** Of the float tensors that depend on the sources, by id. */
  private readonly places = new Map<number, number>();
  private next = 0;

  /** From now on, what is computed from `x` is recorded. */
  watch(x: Tensor): void {
    if (isFloat(x.dtype) && this.placeOf(x) < 0) this.places.set(x.id, this.next++);
  }

  get length(): number { return this.entries.length; }

  /** -1 where there is none. */
  private placeOf(x: Tensor): number { return this.places.get(x.id) ?? -1; }

  record<A>(op: Op<A>, x: readonly Tensor[], a: A, y: readonly Tensor[]): void {
    const inputs = x.map((t) => this.placeOf(t));
    const need = inputs.map((place) => place >= 0);
    if (!floats(y) || !differentiates(op, need)) return;
    const composed = op.vjp === 'compose';
    const reads = typeof op.reads === 'function' ? op.reads(x, a, need) : op.reads;
    this.entries.push({ op: op as Op, a, inputs, need, first: this.next, x: composed ? x : seen(x, reads?.inputs), y: seen(y, composed ? [] : reads?.outputs) });
    for (let i = 0; i < y.length; i++, this.next++) if (isFloat(y[i]!.dtype)) this.places.set(y[i]!.id, this.next);
  }

  /**
   * Gradients of the sources, given those of the results; consumes the tape, unless `keep` says that it is read again. Runs through the door, so a tape outside this
   * one records it, which is how gradients of gradients come about.
   */
  backward(results: readonly Tensor[], cotangents: readonly Tensor[], sources: readonly Tensor[], { keep = false }: { readonly keep?: boolean } = {}): (Tensor | null)[] {
    const gradients = new Array<Tensor | null>(this.next);
    const collect = (place: number, g: Tensor) => {
      const old = gradients[place];
      gradients[place] = old ? add(old, g) : g;
    };
    results.forEach((y, i) => {
      const place = this.placeOf(y);
      if (place >= 0) collect(place, cotangents[i]!);
    });
    const wanted = sources.map((x) => this.placeOf(x));
    const lastWanted = wanted.reduce((p, q) => Math.max(p, q), -1);
    for (let at = this.entries.length - 1; at >= 0; at--) {
      const entry = this.entries[at]!;
      if (!keep) this.entries.pop();
      const { inputs, need, first, y } = entry;
      const g = y.map((_, k) => gradients[first + k] ?? null);
      if (!g.some(isTensor)) continue;
      if (first > lastWanted) for (let k = 0; k < y.length; k++) gradients[first + k] = null; // needed no more
      const found = vjpOf(entry, g);
      for (let i = 0; i < found.length; i++) if (found[i] && need[i]) collect(inputs[i]!, found[i]!);
    }
    return wanted.map((place) => gradients[place] ?? null);
  }
}

/** The op's own rules, or its meaning in smaller ops, taped and read backwards. */
function vjpOf(entry: Entry, g: readonly (Tensor | null)[]): (Tensor | null)[] {
  const { op, a, x, need } = entry;
  if (op.vjp === 'compose') {
    const inner = new Tape();
    // A tensor that is several inputs has one gradient.
    const asked = x.map((t, i) => need[i]! && x.indexOf(t) === i);
    const wanted = x.filter((_, i) => asked[i]);
    for (const t of wanted) inner.watch(t);
    const outputs = recorded(inner, () => op.compose!(x, a));
    const live = outputs.filter((_, k) => g[k]);
    const found = inner.backward(live, g.filter((v): v is Tensor => v !== null), wanted);
    let at = 0;
    return asked.map((is) => (is ? found[at++]! : null));
  }
  if ('joint' in op.vjp) return op.vjp.joint(g, entry, need);
  return op.vjp.map((rule, i) => (rule && need[i] ? rule(g, entry) : null));
}

/** Runs `f` with a tape beside those already at the door. */
export const recorded = <R>(tape: Tape, f: () => R): R => withDoor({ recorders: [...door.recorders, tape] }, f);

/** Runs `f` with no tape at the door: nothing in it is differentiated. */
export const noGrad = <R>(f: () => R): R => withDoor({ recorders: [] }, f);

/** A gradient that is never null: zeros where the result does not depend on the source. */
export const orZeros = (g: Tensor | null, x: Tensor): Tensor => g ?? zeros(x.shape, { dtype: x.dtype });

/** The value of a function to be differentiated: a float scalar, or a refusal. */
export function scalarOf(who: string, y: unknown): Tensor {
  if (!isTensor(y)) throw new ValueError(`${who}: the function returned ${y === null ? 'null' : typeof y}; it must return a tensor.`);
  if (y.size !== 1) throw new ValueError(`${who}: the function returned y [${y.shape.join(', ')}]; it must return one number, so reduce it (sum, mean) first.`);
  if (!isFloat(y.dtype)) throw new ValueError(`${who}: the function returned ${y.dtype}; it must return float32 or float64.`);
  return y;
}

