/** The numbers that a row starts from, in the order of axes in which an engine holds them. */
import { random, tensor, transpose, withBackend } from '@heed/tensor';
import type { EngineName, EngineRow, Operand } from './row.js';

/** An operand as an engine holds it. */
export interface Held {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((p, q) => p * q, 1);

function numbers({ shape, seed, scale = 1, shift = 0, oneHot }: Operand): Float32Array {
  const normal = withBackend('wasm', () => random.normal([...shape], { seed }).data()) as Float32Array;
  if (!oneHot) return normal.map((v) => v * scale + shift);
  const classes = shape[shape.length - 1]!;
  return normal.map((_, i) => Number(i % classes === Math.floor(Math.abs(normal[i - (i % classes)]!) * 1e4) % classes));
}

function permuted({ data, shape }: Held, axes: readonly number[]): Held {
  return withBackend('wasm', () => {
    const y = transpose(tensor(data).reshape([...shape]), [...axes]);
    return { data: Float32Array.from(y.data()), shape: y.shape };
  });
}

const others = (row: EngineRow, engine: EngineName): boolean => row.otherFor?.includes(engine) ?? false;

/** The row's operands (of a training row: its weights, then its batch) as this engine holds them. */
export function operandsOf(row: EngineRow, engine: EngineName): Held[] {
  const list = row.kind === 'function' ? row.operands : [...row.weights, ...row.batch];
  return list.map((o) => {
    const plain = { data: numbers(o), shape: o.shape };
    return o.other && others(row, engine) ? permuted(plain, o.other) : plain;
  });
}

/** What a call results in: the value, then gradients; of training, three losses and the gradients at the start. */
export function resultsOf(row: EngineRow): Pick<Operand, 'shape' | 'other'>[] {
  return row.kind === 'function' ? [row.result, ...row.operands.slice(0, row.gradients ?? 0)] : [{ shape: [3] }, ...row.weights];
}

/** Results of an engine, with their axes in the order in which the row states them. */
export function inOurOrder(row: EngineRow, engine: EngineName, results: readonly ArrayLike<number>[]): ArrayLike<number>[] {
  return resultsOf(row).map(({ shape, other }, i) => {
    if (!other || !others(row, engine)) return results[i]!;
    const back = shape.map((_, axis) => other.indexOf(axis));
    return permuted({ data: Float32Array.from(results[i]!), shape: other.map((axis) => shape[axis]!) }, back).data;
  });
}
