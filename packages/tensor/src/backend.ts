/** What a backend is: something that can prepare a call of a kernel family on given operands. */
import { arrayType, type DType, type TypedArray } from './dtype.js';
import type { Expr } from './scalar/expression.js';
import type { Shape } from './shape.js';
import type { Spec, Tensor } from './tensor.js';
import type { Variable } from './variable.js';

/** Elements in a device's memory, where JavaScript can't index them: it stands where a typed array would. */
export interface DeviceArray {
  /** The block of memory, the same object for all that lies in it. */
  readonly buffer: object;
  readonly byteOffset: number;
  readonly length: number;
  subarray(from: number, to: number): DeviceArray;
  /** The same memory as other elements, from a byte counted from its own start. */
  overlay(dtype: DType, at: number, size: number): DeviceArray;
  /** Takes over as many elements. */
  set(from: Memory): void;
  /** Is told of a variable whose value it is. */
  heldBy(v: Variable): void;
  /** The elements of a view of it, densely. */
  read(view: Pick<View, 'shape' | 'strides' | 'offset' | 'dtype'>): Promise<TypedArray>;
}
export type Memory = TypedArray | DeviceArray;
export const isDeviceArray = (x: Memory): x is DeviceArray => 'overlay' in x;
/** Copies elements between memory of one kind. */
export const transfer = (from: Memory, to: Memory): void => (isDeviceArray(to) ? to.set(from) : to.set(from as TypedArray));
/** Other elements in the same memory, from a byte counted from its own start. */
export const overlay = (memory: Memory, dtype: DType, at: number, size: number): Memory =>
  isDeviceArray(memory) ? memory.overlay(dtype, at, size) : new (arrayType(dtype))(memory.buffer as ArrayBuffer, memory.byteOffset + at, size);

/** A strided block of elements: element (i, j, ...) lies at data[offset + i strides[0] + j strides[1] + ...]. */
export interface View<D = TypedArray> {
  readonly data: D;
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
  readonly dtype: DType;
}

/** A call bound to its operands: running it computes it, as often as wanted. */
export interface Run {
  (): void;
  /** The same in pieces, between which other work may be done. Absent where it is short, or must not be interrupted. */
  pieces?(): Generator<void, void>;
}

/** An operand that isn't there yet: what is known of a view before its elements are. */
export interface Layout extends Spec {
  readonly strides: readonly number[];
}

/**
 * One of the few kernels everything is made of. It carries its own js implementation, the oracle of every backend.
 * Inputs have any strides; outputs are contiguous, freshly allocated and overwritten whole.
 */
export interface Family<P = unknown> {
  readonly name: string;
  js(params: P, inputs: readonly View[], outputs: readonly View[]): void;
  /** There is no js kernel: the op is composed of smaller ones where no backend has one. */
  readonly fusedOnly?: boolean;
  /** Binds a call by itself, whatever the backend: it is made of calls of other families. */
  bind?(params: P, inputs: readonly Tensor[], outputs: readonly Tensor[], backend: Backend): Run;
  /** Does work so small that choosing how to do it would take longer; false where it is not that small. */
  quick?(params: P, inputs: readonly Tensor[], outputs: readonly Tensor[]): boolean;
}

/** A family without a js kernel: where no backend fuses it, its op is composed of smaller ones. */
export const fusedFamily = <P>(name: string): Family<P> => ({
  name,
  fusedOnly: true,
  js() { throw new Error(`${name}: there is no js kernel; the op is composed of smaller ones there.`); },
});

/** A family with its parameters: what an op lowers to. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export interface Call<P = any> {
  readonly family: Family<P>;
  readonly params: P;
  /** What the family takes for its input, computed as it goes: expressions of the call's inputs, which are all of that input's shape. */
  readonly prologue?: readonly Expr[];
  /** What is written instead of the family's output: expressions of the call's inputs, those behind the family's own being of its shape, and, in the slot after them, of that output. */
  readonly epilogue?: readonly Expr[];
}

export interface BackendOptions {
  /** Threads that heavy work is spread over, the calling one among them. Default: one per core; always 1 where memory can't be shared. */
  readonly threads?: number;
  /** The same bits on every machine: no instruction whose result an engine may choose, which costs a sixth of a matrix product's speed. Default: false. */
  readonly deterministic?: boolean;
  /** Of the gpu: the way to it. Default: WebGPU, and WebGL 2 where there is none. */
  readonly device?: 'webgpu' | 'webgl2';
  /** Of the gpu: bytes on the device from which on eager work is done only when it is asked for. Default: 2 GiB. */
  readonly budget?: number;
  /** Of the gpu: after how many training steps variables are copied back, so that as many are lost at most when the device is. Default: 100. */
  readonly copyEvery?: number;
  /** Of the gpu: first measures which kernels are quickest for matrix products on this device, for a few seconds; it is kept for the next start. Default: false. */
  readonly tune?: boolean;
  /** Of the gpu: `half` rounds what tiled matrix products multiply to 16 bits (beyond 65504 it is infinite); their sums stay in 32. Default: single. */
  readonly precision?: 'single' | 'half';
}

export interface Backend {
  readonly name: 'js' | 'wasm' | 'gpu';
  /** What tells programs made for this backend from those made for another of its name; absent for the usual one. */
  readonly mode?: string;
  /** The backend with other options, over the same memory; those left out stay as they are. Absent where there are none. */
  configure?(options: BackendOptions): Backend;
  /** Does what options ask for that takes its time: measures what is quickest here, checks what it has not computed before. */
  ready?(options: BackendOptions): Promise<void>;
  /** Binds a call to its operands. Null: no kernel here, js does it. */
  prepare(call: Call, inputs: readonly View[], outputs: readonly View[]): Run | null;
  /** Computes a call in its own time, in its own memory; absent where `prepare` and a run do it at once. */
  execute?(call: Call, inputs: readonly Tensor[], outputs: readonly Spec[]): Tensor[];
  /** Hands over what the runs of a program have noted down; absent where running is doing. */
  submit?(): void;
  /** Whether what it computes on has gone away. */
  isLost?(): boolean;
  /** Is told that a step has given variables new values. */
  committed?(variables: readonly Variable[]): void;
  /** Brings home what lies in its memory only, before another backend takes over. */
  leave?(): Promise<void>;
  /** Whether `prepare` has a kernel for a call of a fused family, one with a prologue or an epilogue, or a matrix product that takes inputs in another shape, on such operands. Absent: for none. */
  fuses?(call: Call, inputs: readonly Layout[], outputs: readonly Spec[]): boolean;
  /** Inputs that an elementwise kernel has at most. Absent: as many as are worth it. */
  readonly operands?: number;
  /** Memory in which kernels work without copies; absent where ordinary arrays are that memory. */
  readonly heap?: Heap;
  /** What is really running, for people. */
  describe(): Record<string, unknown>;
}

/** A backend's own memory. `epoch` grows when views of it must be made anew. */
export interface Heap {
  readonly epoch: number;
  /** Address of a zeroed block, aligned to 16 bytes; OutOfMemoryError says what was wanted. */
  reserve(bytes: number): number;
  release(address: number): void;
  /** Bytes of a block at most, where they are fewer than there is memory. */
  readonly most?: number;
  view(dtype: DType, address: number, size: number): Memory;
  /** Brings the elements of a tensor to where a kernel finds them. */
  write(to: Memory, x: Tensor): void;
  /** A tensor whose elements are those of one over this memory now, and stay. */
  keep(x: Tensor): Tensor;
  /** Is told of a variable whose value may come to lie here only. */
  holds?(v: Variable): void;
}

/** The oracle: plain loops over ordinary arrays. */
export const jsBackend: Backend = {
  name: 'js',
  prepare({ family, params, prologue, epilogue }, inputs, outputs) {
    if (prologue || epilogue) throw new Error(`${family.name}: js has no kernel for a prologue or an epilogue, and does not say so.`);
    return () => family.js(params, inputs, outputs);
  },
  describe: () => ({ backend: 'js', threads: 1 }),
};
