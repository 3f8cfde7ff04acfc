/** What a row is: the numbers it starts from, what each engine computes with them, how near the results must be, and what is asked of heed. */
import type { Tensor, Variable } from '@heed/tensor';
import type { Graph } from './engines/onnx.js';

/** Rivals have no types here: the repository is checked where they are not installed, too. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Rival = any;
/** Why a cell is empty. */
export interface Empty {
  readonly reason: string;
}
export const empty = (reason: string): Empty => ({ reason });

export type EngineName = 'heed' | 'tfjs' | 'jax' | 'ort' | 'torch' | 'gpujs';
export const engineNames: readonly EngineName[] = ['heed', 'tfjs', 'jax', 'ort', 'torch'];
/** Those that compute on the GPU. */
export const gpuEngineNames: readonly EngineName[] = ['heed', 'tfjs', 'jax', 'gpujs'];

/** An array of numbers that every engine is given: normal ones times `scale` plus `shift`, or one 1 in each row. */
export interface Operand {
  readonly shape: readonly number[];
  readonly seed: number;
  readonly scale?: number;
  readonly shift?: number;
  readonly oneHot?: boolean;
  /** Axes in the order in which the engines of `otherFor` hold it (channels first, heads first). */
  readonly other?: readonly number[];
  /** Images and kernels, which PyTorch convolves twice as fast where channels lie last in memory. */
  readonly channelsLast?: boolean;
}

/** Least ratios of times, rival / heed: over the best JavaScript rival, over PyTorch. */
export interface Floors {
  readonly js?: number;
  readonly torch?: number;
  /** For rows of bytes: the most that heed may have. */
  readonly most?: number;
  /** Of what the device can do. */
  readonly share?: number;
}

interface Common {
  readonly name: string;
  readonly floors: Floors;
  /** Engines that hold operands and results with their axes in the `other` order. */
  readonly otherFor?: readonly EngineName[];
  /** Largest difference, relative to the largest number of the same result; 1e-5 by default. */
  readonly tolerance?: number;
  /** Heed run op by op is what the others are compared with; otherwise heed jitted. */
  readonly eager?: boolean;
  /** Floating-point operations of one call: multiplications and additions. */
  readonly flops?: number;
  /** Bytes that one call must read and write. */
  readonly bytes?: number;
  /** Times are told in microseconds, divided by this. */
  readonly per?: number;
}

/** A function of tensors, or, with `gradients`, its value and its gradients for a given cotangent, the last operand. */
export interface FunctionRow extends Common {
  readonly kind: 'function';
  readonly operands: readonly Operand[];
  readonly result: Pick<Operand, 'shape' | 'other' | 'channelsLast'>;
  /** How many operands, from the first, gradients are taken of. */
  readonly gradients?: number;
  readonly heed: (...x: Tensor[]) => Tensor;
  /** Whether heed, op by op, only looks at its operand in another way. */
  readonly view?: boolean;
  readonly tfjs: ((tf: Rival, ...x: Rival[]) => Rival) | Empty;
  /** jax-js's functions take what they are given: each operand is used once, or as `x.ref`. */
  readonly jax: ((jax: Rival, ...x: Rival[]) => Rival) | Empty;
  readonly ort: ((graph: Graph, ...x: string[]) => string) | Empty;
  /** Python: an expression that is a function, or the definition of one called `f`. */
  readonly torch: string | Empty;
  /** A kernel in JavaScript for gpu.js that takes the operands and gives one number of an output [..., y, x] of this shape; absent where nobody would write it so. */
  readonly gpujs?: { readonly kernel: string; readonly output: readonly number[] };
  /** On a GPU: each call takes its operands from ordinary arrays, or gives its result as one; elsewhere they stay on the device. */
  readonly transfer?: 'upload' | 'readback';
}

/** Steps of training with Adam; before they are timed, the gradients at the start and three losses are compared. */
export interface TrainingRow extends Common {
  readonly kind: 'training';
  readonly weights: readonly Operand[];
  readonly batch: readonly [Operand, Operand];
  /** A model with those weights, in that order. */
  readonly heed: () => { readonly variables: (x: Tensor) => readonly Variable[]; readonly loss: (x: Tensor, y: Tensor) => Tensor };
  readonly tfjs: ((tf: Rival, weights: Rival[], x: Rival, y: Rival) => Rival) | Empty;
  /** The weights, as tensors of their own, may be used once each; so may x and y. */
  readonly jax: ((jax: Rival, weights: Rival[], x: Rival, y: Rival) => Rival) | Empty;
  /** Python, as in other rows: a function of the list of weights, x and y. */
  readonly torch: string | Empty;
}

/** A row that measures in its own way. */
export interface OwnRow extends Common {
  readonly kind: 'own';
  readonly unit: 'ms' | 'bytes';
  /** The columns by name; samples of milliseconds, or bytes. */
  measure(context: OwnContext): Promise<Map<string, readonly number[] | Empty>>;
}
/** Whether rows are computed on the GPU, and how large they are there: small ones only prove that everything runs. */
export type Gpu = 'full' | 'small';
export interface OwnContext {
  readonly gpu?: Gpu;
  readonly rounds: number;
  readonly threads: number;
  readonly engines: readonly EngineName[];
  readonly python: string | null;
}

/** Adam's epsilon in every engine: Keras adds it to a root that others first divide by sqrt(1 - b2^t), which must not tell. */
export const epsilon = 1e-10;

export type Row = FunctionRow | TrainingRow | OwnRow;
export type EngineRow = FunctionRow | TrainingRow;

/** The same with gradients, for a cotangent with the result's shape. */
export function withGradients(row: FunctionRow, gradients: number, more: Pick<FunctionRow, 'floors'> & Partial<FunctionRow>): FunctionRow {
  return {
    ...row,
    name: `${row.name}, with gradients`,
    operands: [...row.operands, { ...row.result, seed: 99 }],
    gradients,
    ort: empty('it has no gradients'),
    flops: row.flops && row.flops * 3,
    bytes: undefined,
    ...more,
  };
}
