/** A Variable: a named tensor that can be assigned. Training changes variables and nothing else. */
import { isTensor, isVariable, variableBrand } from './brand.js';
import { tensor, type Like } from './create.js';
import type { DType } from './dtype.js';
import { DTypeError, ShapeError } from './errors.js';
import { door } from './op.js';
import { formatShape, sameShape, type Shape } from './shape.js';
import { shared } from './shared.js';
import { byteSize, type Tensor } from './tensor.js';

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
  private current: Tensor;

  constructor(value: Like, { name, trainable = true, dtype }: VariableOptions = {}) {
    this.current = tensor(value, { dtype });
    this.name = name ?? `variable_${unnamed++}`;
    this.trainable = trainable;
    this.shape = this.current.shape;
    this.dtype = this.current.dtype;
  }

  /** The value now. It never changes afterwards: assigning makes the variable point at another tensor. */
  get value(): Tensor { return door.variables ? door.variables.read(this) : this.current; }

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
  get stored(): Tensor { return this.current; }
  /** Stores a value, whoever watches. For the engine. */
  set(value: Tensor): void { this.current = value; }

  get size(): number { return this.current.size; }
  get bytes(): number { return byteSize(this.current); }
  toString(): string { return `${this.name}: ${this.value}`; }
}
Object.defineProperty(Variable.prototype, variableBrand, { value: true });
