/** Whole models to and from files: configuration, weights, seeds and the optimizer's state, so that training continues where it stopped. */
import { FormatError, type Tensor, type Variable } from '@heed/tensor';
import * as layers from '../index.js';
import { deserialize, serialize, withObjects, type Config, type CustomObjects, type Written } from '../config.js';
import { Trainable } from '../model.js';
import { Symbolic, type SymbolicShape } from '../symbolic.js';
import { fromBytes, toBytes } from './safetensors.js';
import { assignAll, namesOf, readBytes, writeFileWhole } from './weights.js';

const FORMAT = 'heed-model-1';

/** The classes of this package, by the names they are written under, whatever a bundler made of those. */
const known: CustomObjects = /* @__PURE__ */ Object.fromEntries(
  [...Object.entries(layers), ['InputLayer', Symbolic] as const].filter(([, v]) => typeof v === 'function' && 'fromConfig' in v).map(([name, v]) => [(v as { className?: string }).className ?? name, v]),
);
export interface LoadOptions {
  /** Classes and functions of your own that the model is made with, by name; for another package, its whole namespace: `import * as attention from '@heed/attention'`. */
  readonly customObjects?: CustomObjects;
}

/** Runs `f` where the layers of this package are found by their names, and these objects before them. */
export const withClasses = <R>(customObjects: CustomObjects, f: () => R): R => withObjects(known, () => withObjects(customObjects, f));

/** A shape, or shapes, for batches of any size. */
const anyBatch = (shape: SymbolicShape | readonly SymbolicShape[]): unknown =>
  (Array.isArray(shape[0]) ? (shape as readonly SymbolicShape[]).map((s) => anyBatch(s)) : [null, ...shape.slice(1)]);

/** A model as JSON: `{ class_name, config, build_config, compile_config }`, as Keras has it in a file's config.json. */
export const modelToConfig = (model: Trainable): Config => withClasses({}, () => ({
  ...(serialize(model, model.name) as Written),
  build_config: model.builtFor ? { input_shape: anyBatch(model.builtFor) } : null,
  compile_config: model.getCompileConfig(),
}));

/** The model again, with weights of its own and compiled as it was. */
export function modelFromConfig(config: Config, { customObjects = {} }: LoadOptions = {}): Trainable {
  return withClasses(customObjects, () => {
    const model = deserialize(config, 'loadModel');
    if (!(model instanceof Trainable)) throw new FormatError(`loadModel: ${String(config?.class_name)} is not a model; it must be a Sequential, a Functional or a class that extends one.`);
    const { build_config: built, compile_config: compiled } = config as { build_config?: { input_shape: SymbolicShape }; compile_config?: Config };
    if (built && !model.built) model.computeOutputShape(built.input_shape);
    if (compiled) model.compileFromConfig(compiled);
    return model;
  });
}

/** All that changes while a model is trained, under the names of its weights. `keys`: those of a file, which tell what was trained. */
function stateOf(model: Trainable, names: readonly string[], keys?: readonly string[]): Map<string, Variable> {
  const { weights, seedGenerators } = model;
  const state = new Map(weights.map((v, i) => [`weights/${names[i]}`, v]));
  seedGenerators.forEach((g, i) => state.set(`seeds/${i}`, g.state));
  if (!model.compiled) return state;
  const { optimizer } = model;
  const hasSlots = (prefix: string) => keys!.some((k) => k.startsWith(prefix) && !k.slice(prefix.length).includes('/'));
  if (keys) optimizer.build(weights.filter((_, i) => hasSlots(`optimizer/${names[i]}/`)));
  for (const [key, v] of optimizer.state((w) => names[weights.indexOf(w)])) state.set(`optimizer/${key}`, v);
  return state;
}

/** A whole model as the bytes of a safetensors file: the numbers under names, the configuration beside them. Variables on a GPU must have been fetched. */
export function modelToBytes(model: Trainable): Uint8Array {
  const names = namesOf(model.weights);
  const state = [...stateOf(model, names)].map(([name, v]) => [name, v.value]);
  // The names go along in order, because layers within layers may be called otherwise where the model is made again.
  return toBytes(Object.fromEntries(state) as Record<string, Tensor>, { format: FORMAT, model: JSON.stringify(modelToConfig(model)), names: JSON.stringify(names) });
}

/** A model from the bytes of such a file. */
export function modelFromBytes(bytes: Uint8Array, o: LoadOptions = {}): Trainable {
  const { tensors, metadata } = fromBytes(bytes);
  if (metadata.format !== FORMAT) throw new FormatError(`loadModel: the file's format is ${metadata.format ?? 'not stated'}, not ${FORMAT}; weights alone are loaded by loadWeights into a model that exists.`);
  const [config, names] = [metadata.model, metadata.names].map((text) => {
    try {
      return JSON.parse(text!) as unknown;
    } catch {
      throw new FormatError('loadModel: the file is damaged: its configuration is not JSON.');
    }
  }) as [Config, string[]];
  const model = modelFromConfig(config, o);
  if (!Array.isArray(names) || names.length !== model.weights.length) throw new FormatError(`loadModel: the file has ${names?.length} weights, its own configuration makes ${model.weights.length}.`);
  assignAll(stateOf(model, names, Object.keys(tensors)), tensors, ['loadModel', 'its own configuration']);
  return model;
}

/** Writes a model, compiled or not, whole or not at all. */
export async function saveModel(model: Trainable, path: string): Promise<void> {
  await Promise.all([...stateOf(model, namesOf(model.weights)).values()].map((v) => v.fetch()));
  await writeFileWhole(path, modelToBytes(model));
}

/** A model from a file that `saveModel` wrote: fit goes on where it stopped. */
export const loadModel = async (from: string | Uint8Array, o: LoadOptions = {}): Promise<Trainable> => modelFromBytes(await readBytes(from), o);
