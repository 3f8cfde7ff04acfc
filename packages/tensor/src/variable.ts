/** A Variable: a named tensor that can be assigned. Training changes variables and nothing else. */
import { isTensor, isVariable, variableBrand } from './brand.js';
import { tensor, type Like } from './create.js';
import type { Heap } from './backend.js';
import type { DType } from './dtype.js';
import { DTypeError, ShapeError } from './errors.js';
import { door } from './op.js';
import { formatShape, sameShape, sizeOf, type Shape } from './shape.js';
import { shared } from './shared.js';
import { Slot } from './slot.js';
import { byteSize, fromData, type Tensor } from './tensor.js';

let unnamed = 0;
const ids = shared('variable-ids', () => ({ next: 1 }));

export interface VariableOptions {
  readonly name?: string;
  readonly trainable?: boolean;
  readonly dtype?: DType;
}

export class Variable {
  readonly id = ids.next++;
  readonly name: string;
  trainable: boolean;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The value as a tensor; null while only a slot has it. */
  private current: Tensor | null;
  private readonly slots = new Map<Heap, Slot>();
  /** How often the value was replaced. */
  version = 0;
  /** The slots that hold the value. */
  private readonly fresh = new Set<Slot>();

  constructor(value: Like, { name, trainable = true, dtype }: VariableOptions = {}) {
    const first = (this.current = tensor(value, { dtype }));
    this.name = name ?? `variable_${unnamed++}`;
    this.trainable = trainable;
    this.shape = first.shape;
    this.dtype = first.dtype;
  }

  /** The value now. It never changes afterwards: assigning makes the variable point at another tensor. */
  get value(): Tensor { return door.variables ? door.variables.read(this) : this.stored; }

  /** Replaces the value by one of the same shape and dtype. */
  assign(value: Like): void {
    const next = isTensor(value) || isVariable(value) ? tensor(value) : tensor(value, { dtype: this.dtype });
    if (!sameShape(next.shape, this.shape)) {
      throw new ShapeError(`assign: variable ${this.name} has shape ${formatShape(this.shape)}, the value has ${formatShape(next.shape)}; they must be equal.`);
    }
    if (next.dtype !== this.dtype) throw new DTypeError(`assign: variable ${this.name} is ${this.dtype}, the value is ${next.dtype}; cast it first.`);
    if (door.variables) door.variables.assign(this, next);
    else this.set(next);
  }

  /** The value that is stored, whoever watches. For the engine. */
  get stored(): Tensor {
    if (!this.current) {
      const [slot] = this.fresh;
      this.current = slot!.kept();
    }
    return this.current;
  }
  /** Brings the value to where it can be looked at at once; it stays where it is, too. */
  async fetch(): Promise<void> {
    const { version, stored } = this;
    if (stored.storage.kind !== 'device') return;
    const data = await stored.read();
    if (this.version === version) this.current = fromData(data, this.shape, this.dtype);
  }
  /** Forgets what a heap that is gone held, in favour of an older value. For the engine. */
  revert(heap: Heap, older: Tensor): void {
    const slot = this.slots.get(heap);
    this.slots.delete(heap);
    if (slot) this.fresh.delete(slot);
    if ((this.current && this.current.storage.kind !== 'device') || this.fresh.size) return;
    this.set(older);
  }
  /** Stores a value, whoever watches. For the engine. */
  set(value: Tensor): void {
    if (value.storage.kind === 'device') value.storage.data.heldBy(this);
    this.current = value;
    this.version++;
    this.fresh.clear();
  }

  /** The slot in a backend's memory, holding the value. For programs. */
  slotIn(heap: Heap): Slot {
    const slot = this.slotFor(heap);
    if (!this.fresh.has(slot)) {
      heap.write(slot.data, this.stored);
      this.fresh.add(slot);
    }
    return slot;
  }
  /** Takes what a program made in the spare place of the slot as the value. For programs. */
  turn(heap: Heap): void {
    const slot = this.slotFor(heap);
    slot.turn();
    this.version++;
    this.fresh.clear();
    this.fresh.add(slot);
    this.current = null;
  }
  /** The slot in a backend's memory, whatever it holds. For programs. */
  slotFor(heap: Heap): Slot {
    let slot = this.slots.get(heap);
    if (!slot) {
      heap.holds?.(this);
      this.slots.set(heap, (slot = new Slot(heap, this, this)));
    }
    return slot;
  }

  get size(): number { return sizeOf(this.shape); }
  get bytes(): number { return byteSize(this); }
  toString(): string { return `${this.name}: ${this.value}`; }
}
Object.defineProperty(Variable.prototype, variableBrand, { value: true });
