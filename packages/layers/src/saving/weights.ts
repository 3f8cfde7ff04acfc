/** Weights to and from safetensors files. */
import { FormatError, type Tensor, type Variable } from '@heed/tensor';
import { fromBytes, toBytes } from './safetensors.js';

/** Whatever has weights. */
export interface Weighted {
  readonly weights: readonly Variable[];
}

/** Names for weights, made distinct where two are alike. */
export function namesOf(weights: readonly Variable[]): string[] {
  const seen = new Map<string, number>();
  return weights.map((v) => {
    const n = seen.get(v.name) ?? 0;
    seen.set(v.name, n + 1);
    return n ? `${v.name}:${n}` : v.name;
  });
}

/** All weights as the bytes of a safetensors file, with texts beside them. Those on a GPU must have been fetched. */
export function weightsToBytes(model: Weighted, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const names = namesOf(model.weights);
  return toBytes(Object.fromEntries(model.weights.map((v, i) => [names[i]!, v.value])), metadata);
}

/** Sets variables from what a file has under their names; refuses, before any is changed, a file that doesn't fit. */
export function assignAll(variables: ReadonlyMap<string, Variable>, tensors: Readonly<Record<string, Tensor>>, [who, what]: readonly [string, string]): void {
  const missing = [...variables.keys()].filter((n) => !Object.hasOwn(tensors, n));
  const extra = Object.keys(tensors).filter((n) => !variables.has(n));
  if (missing.length || extra.length) {
    throw new FormatError(`${who}: the file does not fit ${what}: ${missing.length ? `it lacks ${missing.slice(0, 3).join(', ')}` : ''}${missing.length && extra.length ? '; ' : ''}${extra.length ? `it has ${extra.slice(0, 3).join(', ')} besides` : ''}.`);
  }
  for (const [name, v] of variables) {
    const t = tensors[name]!;
    if (t.shape.join() !== v.shape.join() || t.dtype !== v.dtype) throw new FormatError(`${who}: ${name} is ${t.dtype} [${t.shape.join(', ')}] in the file, ${v.dtype} [${v.shape.join(', ')}] in the model.`);
  }
  for (const [name, v] of variables) v.assign(tensors[name]!);
}

/** Sets all weights from the bytes of a safetensors file; refuses, before any is changed, a file that doesn't fit. Returns its texts. */
export function weightsFromBytes(model: Weighted, bytes: Uint8Array): Record<string, string> {
  const { tensors, metadata } = fromBytes(bytes);
  const names = namesOf(model.weights);
  assignAll(new Map(model.weights.map((v, i) => [names[i]!, v])), tensors, ['loadWeights', 'the model']);
  return metadata;
}

/** Writes a file whole or not at all: under another name first, then renamed. */
export async function writeFileWhole(path: string, bytes: Uint8Array): Promise<void> {
  const { rename, rm, writeFile } = await import('node:fs/promises');
  const part = `${path}.${process.pid}.part`;
  try {
    await writeFile(part, bytes);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Bytes as they are, or a file's. */
export const readBytes = async (from: string | Uint8Array): Promise<Uint8Array> => (typeof from === 'string' ? (await import('node:fs/promises')).readFile(from) : from);

export async function saveWeights(model: Weighted, path: string, metadata: Readonly<Record<string, string>> = {}): Promise<void> {
  await Promise.all(model.weights.map((v) => v.fetch()));
  await writeFileWhole(path, weightsToBytes(model, metadata));
}

export async function loadWeights(model: Weighted, from: string | Uint8Array): Promise<Record<string, string>> {
  return weightsFromBytes(model, await readBytes(from));
}
