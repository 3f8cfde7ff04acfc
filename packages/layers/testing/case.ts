/** A layer beside one sample of its inputs, and what can be asked of the two. */
import { concat, isTensor, tensor, type DType, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { isFloat } from '@heed/tensor/dtype';
import type { CallOptions, Layer } from '../src/index.js';

/** Inputs of a layer: one tensor, several, or these with call options and the masks of the inputs. */
export type LayerSample = Tensor | readonly Tensor[] | {
  readonly x: Tensor | readonly Tensor[];
  readonly options?: CallOptions & Record<string, unknown>;
  /** Bool [B, T], true = keep, of the input; for several inputs a list, null for one without. */
  readonly mask?: Tensor | readonly (Tensor | null)[];
};

export interface Case {
  readonly inputs: readonly Tensor[];
  /** Whether the layer takes a list. */
  readonly list: boolean;
  readonly options: CallOptions & Record<string, unknown>;
  readonly masks: readonly (Tensor | null)[] | null;
}

export function caseOf(sample: LayerSample): Case {
  const { x, options = {}, mask } = isTensor(sample) || Array.isArray(sample) ? { x: sample as Tensor } : (sample as Exclude<LayerSample, Tensor | readonly Tensor[]>);
  const masks = mask === undefined ? null : isTensor(mask) ? [mask] : (mask as readonly (Tensor | null)[]);
  return { inputs: (isTensor(x) ? [x] : x).map((t) => tensor(t)), list: !isTensor(x), options, masks };
}

/** Other inputs for the same case. */
export const withInputs = (c: Case, inputs: readonly Tensor[]): Case => ({ ...c, inputs });
export const inDtype = (c: Case, dtype: DType): Case => withInputs(c, c.inputs.map((t) => (isFloat(t.dtype) ? t.cast(dtype) : t)));
export const shapesOf = (c: Case): Shape | readonly Shape[] => (c.list ? c.inputs.map((t) => t.shape) : c.inputs[0]!.shape);
export const text = (c: Case): string => c.inputs.map((t) => `${t.dtype} [${t.shape.join(', ')}]`).join(', ');
/** Every input, and mask, twice: a batch of twice the size. */
export const doubled = (c: Case): Case => ({ ...withInputs(c, c.inputs.map((t) => concat([t, t]))), masks: c.masks && c.masks.map((m) => m && concat([m, m])) });

/** The outputs of a call, as a list. */
export function outputs(layer: Layer, c: Case, o: CallOptions = {}): Tensor[] {
  const mask = c.masks ? { mask: c.list ? c.masks : c.masks[0]! } : {};
  const y = layer.apply(c.list ? c.inputs : c.inputs[0]!, { ...c.options, ...mask, ...o }) as Tensor | Tensor[];
  return Array.isArray(y) ? y : [y];
}

/** All that a layer keeps: weights and places of random streams. */
export const variablesOf = (layer: Layer): Variable[] => [...layer.weights, ...layer.seedGenerators.map((g) => g.state)];
export const stateOf = (layer: Layer): Tensor[] => variablesOf(layer).map((v) => v.value);
export const setState = (layer: Layer, state: readonly Tensor[]): void => variablesOf(layer).forEach((v, i) => v.assign(state[i]!));

/** Names of weights as they are for every object of the class: without the names of the layer and those inside it. */
export function namesOf(layer: Layer): string[] {
  const inside = (l: Layer): string[] => [l.name, ...l.sublayers.flatMap(inside)];
  const prefixes = inside(layer).map((n) => `${n}/`).sort((a, b) => b.length - a.length);
  return layer.weights.map(({ name }) => {
    const own = name.startsWith(`${layer.name}/`) ? `${layer.name}/` : prefixes.find((p) => name.startsWith(p)) ?? '';
    return name.slice(own.length);
  });
}
