/**
 * A small WebAssembly assembler. Expressions are thunks that emit themselves; statements emit at once:
 *
 *     const sum = f.local('i32');
 *     f.set(sum, f.op('i32.add', sum, 4));      // sum = sum + 4
 *
 * A whole number stands for an i32 constant. Loops and conditions nest by function calls, so no branch depth is ever counted by hand.
 */
import { laneCode, memoryCode, scalarCode, vectorCode, type LaneOp, type MemoryOp, type ScalarOp, type VectorOp } from './opcodes.js';

export type ValueType = 'i32' | 'f32' | 'v128';
const typeCode: Record<ValueType, number> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

/** An expression: emits code that leaves one value on the stack. */
export type Value = () => void;
export type Operand = Value | number;

/** A local variable; called, it emits its value. */
export interface Local {
  (): void;
  readonly index: number;
}

const unsigned = (n: number, out: number[]): void => {
  do {
    const low = n % 128;
    n = Math.floor(n / 128);
    out.push(n ? low | 0x80 : low);
  } while (n);
};

const signed = (n: number, out: number[]): void => {
  n |= 0;
  for (;;) {
    const low = n & 0x7f;
    n >>= 7;
    if ((n === 0 && !(low & 0x40)) || (n === -1 && low & 0x40)) return void out.push(low);
    out.push(low | 0x80);
  }
};

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const text = (s: string, out: number[]): void => {
  const bytes = new TextEncoder().encode(s);
  unsigned(bytes.length, out);
  out.push(...bytes);
};

/** One function being written. */
export class Func {
  private code: number[] = [];
  private readonly head: number[] = [];
  private readonly locals: ValueType[] = [];
  private readonly constants = new Map<string, Local>();
  readonly params: readonly Local[];

  constructor(private readonly types: readonly ValueType[]) {
    this.params = types.map((_, i) => this.localAt(i));
  }

  private localAt(index: number): Local {
    return Object.assign(() => { this.code.push(0x20); unsigned(index, this.code); }, { index });
  }

  /** A new local variable, zero at first. */
  local(type: ValueType, start?: Operand): Local {
    this.locals.push(type);
    const local = this.localAt(this.types.length + this.locals.length - 1);
    if (start !== undefined) this.set(local, start);
    return local;
  }

  private emit(x: Operand): void {
    if (typeof x !== 'number') return x();
    this.code.push(0x41);
    signed(x, this.code);
  }

  set(local: Local, value: Operand): void {
    this.emit(value);
    this.code.push(0x21);
    unsigned(local.index, this.code);
  }

  /** local = local + by, as i32. */
  advance(local: Local, by: Operand): void {
    this.set(local, this.op('i32.add', local, by));
  }

  op(name: ScalarOp | VectorOp, ...args: Operand[]): Value {
    return () => {
      args.forEach((a) => this.emit(a));
      const code = scalarCode[name];
      if (code === undefined) { this.code.push(0xfd); unsigned(vectorCode[name]!, this.code); }
      else this.code.push(code);
    };
  }

  /** Reads or replaces one lane. */
  lane(name: LaneOp, lane: number, ...args: Operand[]): Value {
    return () => {
      args.forEach((a) => this.emit(a));
      this.code.push(0xfd, laneCode[name], lane);
    };
  }

  /** Lanes 0..3 of a and 4..7 of b, as 32-bit lanes. */
  shuffle(lanes: readonly number[], a: Value, b: Value): Value {
    return () => {
      a();
      b();
      this.code.push(0xfd, 0x0d, ...lanes.flatMap((n) => [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]));
    };
  }

  private access(name: MemoryOp, offset: number, lane: number | undefined): void {
    const [code, align] = memoryCode[name];
    if (code >= 0x100) { this.code.push(0xfd); unsigned(code - 0x100, this.code); }
    else this.code.push(code);
    this.code.push(align);
    unsigned(offset, this.code);
    if (lane !== undefined) this.code.push(lane);
  }

  load(name: MemoryOp, address: Operand, offset = 0): Value {
    return () => { this.emit(address); this.access(name, offset, undefined); };
  }

  /** `vector` with one lane read from memory. */
  loadLane(name: MemoryOp, lane: number, address: Operand, vector: Value, offset = 0): Value {
    return () => { this.emit(address); vector(); this.access(name, offset, lane); };
  }

  store(name: MemoryOp, address: Operand, value: Operand, offset = 0, lane?: number): void {
    this.emit(address);
    this.emit(value);
    this.access(name, offset, lane);
  }

  copy(to: Operand, from: Operand, bytes: Operand): void {
    [to, from, bytes].forEach((x) => this.emit(x));
    this.code.push(0xfc, 0x0a, 0, 0);
  }

  f32(value: number): Value { return () => this.code.push(0x43, ...bytesOf(new Float32Array([value]))); }

  /** A vector constant, made once at the head of the function: engines rebuild it at each use otherwise. */
  vector(lanes: Float32Array | Float64Array | Int32Array): Value {
    const bytes = [...bytesOf(lanes)];
    const key = bytes.join();
    let local = this.constants.get(key);
    if (!local) {
      this.constants.set(key, (local = this.local('v128')));
      this.head.push(0xfd, 0x0c, ...bytes, 0x21);
      unsigned(local.index, this.head);
    }
    return local;
  }
  f32x4(value: number): Value { return this.vector(new Float32Array(4).fill(value)); }
  i32x4(value: number): Value { return this.vector(new Int32Array(4).fill(value)); }
  f64x2(value: number): Value { return this.vector(new Float64Array(2).fill(value)); }

  if(condition: Operand, then: () => void, otherwise?: () => void): void {
    this.emit(condition);
    this.code.push(0x04, 0x40);
    then();
    if (otherwise) { this.code.push(0x05); otherwise(); }
    this.code.push(0x0b);
  }

  while(condition: Operand, body: () => void): void {
    this.code.push(0x02, 0x40, 0x03, 0x40);
    this.emit(condition);
    this.code.push(0x45, 0x0d, 1);
    body();
    this.code.push(0x0c, 0, 0x0b, 0x0b);
  }

  /** The body for each index from `from` on, in steps of `by`, that is less than `end`; none is negative. */
  each(index: Local, from: Operand, end: Operand, by: number, body: () => void): void {
    this.set(index, from);
    this.while(this.op('i32.lt_u', index, end), () => { body(); this.advance(index, by); });
  }

  /** The body at least once, again while the condition holds. */
  repeat(body: () => void, condition: Operand): void {
    this.code.push(0x03, 0x40);
    body();
    this.emit(condition);
    this.code.push(0x0d, 0, 0x0b);
  }

  call(target: number, ...args: Operand[]): Value {
    return () => {
      args.forEach((a) => this.emit(a));
      this.code.push(0x10);
      unsigned(target, this.code);
    };
  }

  /** Emits an expression: the result of the function, or a call that returns nothing. */
  run(value: Operand): void { this.emit(value); }

  /** The function's body as it stands in the code section. */
  finish(): number[] {
    const body: number[] = [];
    unsigned(this.locals.length, body);
    for (const type of this.locals) body.push(1, typeCode[type]);
    for (const part of [this.head, this.code, [0x0b]]) for (const byte of part) body.push(byte);
    return body;
  }
}

interface Signature { params: readonly ValueType[]; results: readonly ValueType[] }

/** A module over an imported memory `env.memory`. Imported functions come first: import them before writing any. */
export class Module {
  private readonly signatures: Signature[] = [];
  private readonly imports: string[] = [];
  private readonly bodies: number[][] = [];
  private readonly exports: [string, number][] = [];

  constructor(private readonly shared: boolean) {}

  /** Index of the function `env.<name>`. */
  import(name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    if (this.bodies.length) throw new Error('wasm assembler: import functions before writing any.');
    this.signatures.push({ params, results });
    return this.imports.push(name) - 1;
  }

  /** Index of a new function; exported where a name is given. */
  func(params: readonly ValueType[], results: readonly ValueType[], write: (f: Func, ...params: Local[]) => void, name?: string): number {
    const f = new Func(params);
    write(f, ...f.params);
    this.signatures.push({ params, results });
    this.bodies.push(f.finish());
    const index = this.signatures.length - 1;
    if (name) this.exports.push([name, index]);
    return index;
  }

  /** The function that makes a module a kernel: does the units from `from` up to `to`, with its parameters at `block`. */
  run(write: (f: Func, block: Local, from: Local, to: Local) => void): void {
    this.func(['i32', 'i32', 'i32'], [], write, 'run');
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const out: number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const section = (id: number, count: number, write: (out: number[]) => void): void => {
      const body: number[] = [];
      unsigned(count, body);
      write(body);
      out.push(id);
      unsigned(body.length, out);
      for (const byte of body) out.push(byte);
    };
    const types = (list: readonly ValueType[], to: number[]): void => { unsigned(list.length, to); to.push(...list.map((t) => typeCode[t])); };
    section(1, this.signatures.length, (to) => this.signatures.forEach((s) => { to.push(0x60); types(s.params, to); types(s.results, to); }));
    section(2, this.imports.length + 1, (to) => {
      this.imports.forEach((name, i) => { text('env', to); text(name, to); to.push(0); unsigned(i, to); });
      text('env', to);
      text('memory', to);
      to.push(2, this.shared ? 3 : 0, 0);
      if (this.shared) unsigned(65536, to);
    });
    section(3, this.bodies.length, (to) => this.bodies.forEach((_, i) => unsigned(this.imports.length + i, to)));
    section(7, this.exports.length, (to) => this.exports.forEach(([name, i]) => { text(name, to); to.push(0); unsigned(i, to); }));
    section(10, this.bodies.length, (to) => this.bodies.forEach((body) => { unsigned(body.length, to); for (const byte of body) to.push(byte); }));
    return new Uint8Array(out);
  }
}
