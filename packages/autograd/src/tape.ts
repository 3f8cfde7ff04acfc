/** The tape: what passed the door, in call order; and reading it backwards. */
import { add, door, isTensor, zeros, Tensor, ValueError, type Op, type Recorder } from '@heed/tensor';
import { isFloat } from '@heed/tensor/dtype';
import { withDoor } from '@heed/tensor/op';
import type { Storage } from '@heed/tensor/tensor';

interface Entry {
  readonly op: Op;
  readonly a: unknown;
  /** Places of the inputs on the tape; -1 for what doesn't depend on the sources. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
}

const unread: Storage = { kind: 'absent', why: 'autograd: a gradient rule read a tensor that its op does not list in `reads`; list it there.' };
/** Shape and dtype of x: all that a rule may see of a tensor that its op does not read. */
const outline = ({ shape, dtype, strides }: Tensor): Tensor => new Tensor(shape, dtype, strides, 0, unread);

/** Records every op that depends on the sources, keeping only the tensors that the gradient rules read. */
export class Tape implements Recorder {
  private readonly entries: Entry[] = [];
  private readonly places = new Map<number, number>();
  private next = 0;

  /** From now on, what is computed from `x` is recorded. */
  watch(x: Tensor): void {
    if (!this.places.has(x.id)) this.places.set(x.id, this.next++);
  }

  get length(): number { return this.entries.length; }

  record<A>(op: Op<A>, inputs: readonly Tensor[], a: A, outputs: readonly Tensor[]): void {
    const places: number[] = [];
    let depends = false;
    for (let i = 0; i < inputs.length; i++) {
      const x = inputs[i]!;
      const place = isFloat(x.dtype) ? this.places.get(x.id) ?? -1 : -1;
      places.push(place);
      if (place >= 0) depends = true;
    }
    if (!depends || outputs.every((y) => !isFloat(y.dtype))) return;
    if (Array.isArray(op.vjp) && op.vjp.every((rule, i) => !rule || (places[i] ?? -1) < 0)) return;
    const need = places.map((p) => p >= 0);
    const reads = typeof op.reads === 'function' ? op.reads(inputs, a, need) : op.reads;
    const keep = (xs: readonly Tensor[], read?: readonly number[]) => xs.map((x, i) => (!read || read.includes(i) ? x : outline(x)));
    this.entries.push({
      op: op as Op,
      a,
      inputs: places,
      outputs: outputs.map((y) => {
        this.places.set(y.id, this.next);
        return this.next++;
      }),
      x: op.vjp === 'compose' ? inputs : keep(inputs, reads?.inputs),
      y: op.vjp === 'compose' ? keep(outputs, []) : keep(outputs, reads?.outputs),
    });
  }

  /**
   * Gradients of the sources, given those of the results; consumes the tape, unless `keep` says that it is read again. Runs through the door, so a tape outside this
   * one records it, which is how gradients of gradients come about.
   */
  backward(results: readonly Tensor[], cotangents: readonly Tensor[], sources: readonly Tensor[], { keep = false }: { readonly keep?: boolean } = {}): (Tensor | null)[] {
    const gradients: (Tensor | undefined)[] = new Array(this.next);
    const collect = (place: number, g: Tensor) => {
      const old = gradients[place];
      gradients[place] = old ? add(old, g) : g;
    };
    results.forEach((y, i) => {
      const place = this.places.get(y.id);
      if (place !== undefined) collect(place, cotangents[i]!);
    });
    const kept = new Set(sources.map((x) => this.places.get(x.id)!));
    for (let at = this.entries.length - 1; at >= 0; at--) {
      const entry = this.entries[at]!;
      if (!keep) this.entries.pop();
      const g = entry.outputs.map((place) => gradients[place] ?? null);
      if (g.every((v) => !v)) continue;
      for (const place of entry.outputs) if (!kept.has(place)) gradients[place] = undefined;
      const need = entry.inputs.map((place) => place >= 0);
      const found = vjpOf(entry, g, need);
      for (let i = 0; i < found.length; i++) if (found[i] && need[i]) collect(entry.inputs[i]!, found[i]!);
    }
    return sources.map((x) => gradients[this.places.get(x.id)!] ?? null);
  }
}

/** The op's own rules, or its meaning in smaller ops, taped and read backwards. */
function vjpOf({ op, a, x, y }: Entry, g: readonly (Tensor | null)[], need: readonly boolean[]): (Tensor | null)[] {
  if (op.vjp === 'compose') {
    const inner = new Tape();
    x.forEach((t, i) => need[i] && inner.watch(t));
    const outputs = recorded(inner, () => op.compose!(x, a));
    const wanted = x.filter((_, i) => need[i]);
    const live = outputs.filter((_, k) => g[k]);
    const found = inner.backward(live, g.filter((v): v is Tensor => v !== null), wanted);
    let at = 0;
    return x.map((_, i) => (need[i] ? found[at++]! : null));
  }
  if ('joint' in op.vjp) return op.vjp.joint(g, { x, y, a }, need);
  return op.vjp.map((rule, i) => (rule && need[i] ? rule(g, { x, y, a }) : null));
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

