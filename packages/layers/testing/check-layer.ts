/** What must hold of every layer, whatever it computes. */
import { HeedError, jit, mul, random, sum, tensor, type DType, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { isFloat } from '@heed/tensor/dtype';
import { withDoor } from '@heed/tensor/op';
import type { Tolerance } from '@heed/tensor/testing';
import { valueAndGrad } from '@heed/autograd';
import { checkGradient, type CheckGradientOptions } from '@heed/autograd/testing';
import { Input, Model, type CustomObjects, type Layer, type Symbolic, type SymbolicShape } from '../src/index.js';
import { modelFromBytes, modelToBytes, withClasses } from '../src/saving/index.js';
import { caseOf, doubled, inDtype, namesOf, outputs, setState, shapesOf, stateOf, text, variablesOf, withInputs, type Case, type LayerSample } from './case.js';
import { checkMasks, same } from './check-masks.js';

export type { LayerSample } from './case.js';
/** Makes the layer, anew at each call; hands on the options that it is given. */
export type Maker = (o: { readonly dtype?: DType }) => Layer;
/** What is checked, by name. */
export type Law = 'names' | 'shapes' | 'weights' | 'refusals' | 'training' | 'gradients' | 'jit' | 'masks' | 'config' | 'file';

export interface CheckLayerOptions extends Tolerance {
  /** Names and shapes of the weights after the first sample, in order; the name of the layer is left out. */
  readonly weights?: Readonly<Record<string, Shape>>;
  /** Whether the outputs, or the state, differ in training. */
  readonly training?: boolean;
  /** Trainable weights that these samples cannot reach, each with the reason. */
  readonly unused?: Readonly<Record<string, string>>;
  /** Laws that cannot hold of this layer, or not be checked, each with the reason. */
  readonly without?: Readonly<Partial<Record<Law | 'last axis', string>>>;
  readonly gradient?: CheckGradientOptions;
  /** Classes and functions that its configuration names, beside the layer's own class and those of @heed/layers. */
  readonly customObjects?: CustomObjects;
}

/**
 * Proves, for every sample: computeOutputShape tells the truth, unknown sizes included; weights have stable, distinct names; a
 * refused call changes nothing; training differs where it is said to and else nothing is assigned; gradients of inputs and
 * weights agree with central differences in float64, in training too, and none is missing; jitted calls equal eager ones; what
 * a mask hides does not show in the rest, and the mask goes on as computeMask says; a layer made from the configuration, and a
 * model from its file, give the same outputs. The samples must have a mask among them, or `without` says why there is none.
 */
export async function checkLayer(make: Maker, samples: readonly LayerSample[], o: CheckLayerOptions = {}): Promise<void> {
  const { without = {} } = o;
  const cases = samples.map(caseOf);
  const first = make({});
  const who = first.constructor.name || first.name;
  const law = async (name: Law, where: string, f: () => unknown): Promise<void> => {
    if (without[name]) return;
    try {
      await f();
    } catch (error) {
      throw new Error(`checkLayer: ${who}${where}: ${name}: ${(error as Error).message}`, { cause: error });
    }
  };
  const seen = { differs: false, reached: new Map<string, boolean>() };
  await law('names', '', () => {
    const [a, b] = [make({}), make({})];
    if (a === b) throw new Error('make gave the same layer twice; it must make a new one at each call.');
    if (a.name === b.name) throw new Error(`two layers are both called ${a.name}; a name of its own comes from passing the options on to super.`);
  });
  await law('masks', '', () => {
    if (!cases.some((c) => c.masks)) throw new Error("no sample has a mask; add one, or say in { without: { masks: 'why' } } why there can be none.");
  });
  for (const [i, c] of cases.entries()) {
    const where = `, sample ${i} (${text(c)})`;
    await law('shapes', where, () => checkShapes(make, c));
    await law('weights', where, () => checkWeights(make, c, i === 0 ? o.weights : undefined));
    await law('refusals', where, () => checkRefusals(make, c, !!without['last axis']));
    await law('training', where, () => { seen.differs = checkTraining(make, c, o) || seen.differs; });
    await law('gradients', where, () => checkGradients(make, c, o, seen.reached));
    await law('jit', where, () => checkJit(make, c, o));
    await law('masks', where, () => checkMasks(make, c, o));
    await law('config', where, () => checkConfig(make, c, o));
    await law('file', where, () => checkFile(make, c, o));
  }
  await law('training', '', () => {
    if (o.training && !seen.differs) throw new Error('no output and no state differs in training, and { training: true } says that some does.');
  });
  await law('gradients', '', () => {
    for (const [name, reached] of seen.reached) {
      if (!reached && !o.unused?.[name]) throw new Error(`the gradient of ${name} is 0 in every sample; add a sample where it is used, or say in { unused: { '${name}': 'why' } } why there can be none.`);
      if (reached && o.unused?.[name]) throw new Error(`${name} has a gradient and { unused } says that it has none.`);
    }
  });
}

/** A layer that has been called. */
function built(make: Maker, c: Case, o: { readonly dtype?: DType } = {}): Layer {
  const layer = make(o);
  outputs(layer, c);
  return layer;
}
const list = (s: SymbolicShape | SymbolicShape[]): SymbolicShape[] => (Array.isArray(s[0]) ? (s as SymbolicShape[]) : [s as SymbolicShape]);
const shapeText = (s: SymbolicShape): string => `[${s.map((n) => n ?? 'null').join(', ')}]`;
function agree(what: string, got: readonly Tensor[], wanted: readonly Tensor[], tolerance: Tolerance): void {
  if (got.length !== wanted.length) throw new Error(`${what}: ${got.length} and ${wanted.length} outputs.`);
  got.forEach((y, k) => same(`${what}, output ${k}`, y, wanted[k]!, tolerance));
}
const exactly: Tolerance = { rtol: 0, atol: 0 };

function checkShapes(make: Maker, c: Case): void {
  // Options such as a returned state change the outputs, and computeOutputShape knows of none.
  const plain = { ...c, options: {} };
  const real = outputs(built(make, plain), plain).map((y) => y.shape);
  const told = list(make({}).computeOutputShape(shapesOf(c)));
  const say = (s: readonly SymbolicShape[]) => s.map(shapeText).join(', ');
  if (say(told) !== say(real)) throw new Error(`computeOutputShape says ${say(told)}, the output is ${say(real)}.`);
  const free = c.inputs.map((t) => t.shape.map((n, i) => (i ? n : null)));
  const promised = list(make({}).computeOutputShape(c.list ? free : free[0]!));
  for (const size of [plain, doubled(plain)]) {
    const found = outputs(built(make, size), size).map((y) => y.shape);
    const broken = promised.length !== found.length || promised.some((s, k) => s.length !== found[k]!.length || s.some((n, i) => n !== null && n !== found[k]![i]));
    if (broken) throw new Error(`computeOutputShape says ${say(promised)} for batches of any size, the output for one of ${size.inputs[0]!.shape[0]} is ${say(found)}.`);
  }
}

function checkWeights(make: Maker, c: Case, stated?: Readonly<Record<string, Shape>>): void {
  const layer = built(make, c);
  const describe = (l: Layer) => namesOf(l).map((n, i) => `${n} [${l.weights[i]!.shape.join(', ')}]`);
  const found = describe(layer);
  const names = layer.weights.map((w) => w.name);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice) throw new Error(`two weights are called ${twice}; each needs a name of its own.`);
  const other = describe(built(make, c));
  if (found.join() !== other.join()) throw new Error(`one layer has ${found.join(', ') || 'no weights'}, the next ${other.join(', ') || 'none'}; names and shapes must follow from arguments and inputs.`);
  if (stated) {
    const wanted = Object.entries(stated).map(([n, s]) => `${n} [${s.join(', ')}]`);
    if (found.join() !== wanted.join()) throw new Error(`the weights are ${found.join(', ') || 'none'}, and should be ${wanted.join(', ') || 'none'}.`);
  }
  const before = [...layer.weights];
  layer.ensureBuilt(shapesOf(c));
  outputs(layer, doubled({ ...c, options: {} }));
  if (before.length !== layer.weights.length || before.some((v, i) => v !== layer.weights[i])) throw new Error('a second call, or building again, makes other weights.');
}

/** Runs what must refuse, and sees that nothing came of it. */
function refused(what: string, layer: Layer, f: () => void, mayPass: boolean): void {
  const [wasBuilt, before] = [layer.built, stateOf(layer)];
  let error: unknown;
  try {
    f();
  } catch (caught) {
    error = caught;
  }
  if (error === undefined) {
    if (mayPass) return;
    throw new Error(`${what} is accepted; it must be refused, or { without: { 'last axis': 'why' } } says why not.`);
  }
  if (!(error instanceof HeedError)) throw new Error(`${what} ends in a ${(error as Error).name}: ${(error as Error).message}; it must be refused in words that name the shape.`);
  const after = stateOf(layer);
  if (after.length !== before.length || after.some((t, i) => t !== before[i])) throw new Error(`${what} is refused, but ${wasBuilt ? 'the weights have changed' : 'the layer has weights now'}.`);
}

function checkRefusals(make: Maker, c: Case, anyAxis: boolean): void {
  const layer = built(make, c);
  const wider = c.inputs.map((t) => tensor(new Float32Array(t.size / Math.max(1, t.shape.at(-1)!) * (t.shape.at(-1)! + 1)).fill(1), { shape: [...t.shape.slice(0, -1), t.shape.at(-1)! + 1] }).cast(t.dtype));
  refused(`a last axis of ${wider[0]!.shape.at(-1)}`, layer, () => outputs(layer, withInputs({ ...c, masks: null }, wider)), anyAxis || !layer.weights.length);
  const fresh = make({});
  refused('a first call with scalars', fresh, () => outputs(fresh, withInputs({ ...c, masks: null }, c.inputs.map((t) => tensor(1).cast(t.dtype)))), true);
}

/** Whether anything differs in training. */
function checkTraining(make: Maker, c: Case, o: CheckLayerOptions): boolean {
  const layer = built(make, c);
  const state = stateOf(layer);
  const quiet = outputs(layer, c, { training: false });
  if (stateOf(layer).some((t, i) => t !== state[i])) throw new Error(`${variablesOf(layer).find((v, i) => v.value !== state[i])!.name} is assigned outside of training.`);
  agree('without { training } and with training: false', outputs(layer, c), quiet, exactly);
  const loud = outputs(layer, c, { training: true });
  const changed = variablesOf(layer).find((v, i) => v.value !== state[i]);
  const differs = loud.some((y, k) => Array.from(y.data()).some((v, i) => v !== quiet[k]!.data()[i] && !Number.isNaN(v)));
  if ((changed || differs) && !o.training) throw new Error(`${changed ? `${changed.name} is assigned` : 'the output differs'} in training; if it should, say { training: true }.`);
  return !!changed || differs;
}

/** Runs `f` where variables have other values and assignments are forgotten afterwards. */
function withValues<R>(values: ReadonlyMap<Variable, Tensor>, f: () => R): R {
  const now = new Map(values);
  return withDoor({ variables: { read: (v) => now.get(v) ?? v.stored, assign: (v, t) => { now.set(v, t); } } }, f);
}

async function checkGradients(make: Maker, sample: Case, o: CheckLayerOptions, reached: Map<string, boolean>): Promise<void> {
  const c = inDtype(sample, 'float64');
  const layer = built(make, c, { dtype: 'float64' });
  if (layer.dtype !== 'float64') throw new Error("the layer is float32; make must pass { dtype } on, or say in { without: { gradients: 'why' } } why it can't.");
  const weights = layer.trainableWeights;
  // Away from 0 and 1, where many a weight begins, so that every path carries something.
  const values = weights.map((v, i) => random.normal(v.shape, { seed: 31 + i, std: 0.5 }).add(0.1).cast('float64'));
  const count = c.inputs.length;
  for (const training of o.training ? [false, true] : [false]) {
    const f = (...all: Tensor[]): Tensor[] => withValues(new Map(weights.map((v, i) => [v, all[count + i]!])), () => outputs(layer, withInputs(c, all.slice(0, count)), { training }));
    for (const y of f(...c.inputs, ...values)) if (isFloat(y.dtype) && y.dtype !== 'float64') throw new Error(`an output is ${y.dtype} where the layer and its inputs are float64; something in call is made without the dtype.`);
    try {
      await checkGradient(f, [...c.inputs, ...values], { order: 1, ...o.gradient });
    } catch (error) {
      const message = (error as Error).message.replace(/argument (\d+)/, (_, k: string) => (Number(k) < count ? `input ${k}` : weights[Number(k) - count]!.name));
      throw new Error(`${training ? 'in training: ' : ''}${message}`, { cause: error });
    }
    const names = new Map(layer.weights.map((v, i) => [v, namesOf(layer)[i]!]));
    weights.forEach((v, i) => v.assign(values[i]!));
    const state = stateOf(layer);
    const [, gradients] = valueAndGrad(() => outputs(layer, c, { training }).filter((y) => isFloat(y.dtype)).map((y, k) => sum(mul(y, random.normal(y.shape, { seed: 3 + k })))).reduce((p, q) => p.add(q)), weights);
    setState(layer, state);
    (gradients as readonly Tensor[]).forEach((g, i) => {
      const name = names.get(weights[i]!)!;
      reached.set(name, (reached.get(name) ?? false) || Array.from(g.data()).some((v) => Math.abs(v) > 1e-9));
    });
  }
}

function checkJit(make: Maker, c: Case, o: CheckLayerOptions): void {
  const layer = built(make, c);
  const start = stateOf(layer);
  for (const training of [false, true]) {
    const after = (f: () => Tensor[]): Tensor[] => {
      setState(layer, start);
      return [...f(), ...f(), ...stateOf(layer)];
    };
    const eager = after(() => outputs(layer, c, { training }));
    const fast = jit((...x: Tensor[]) => outputs(layer, withInputs(c, x), { training }), { name: layer.name });
    agree(`jitted and eager${training ? ' in training' : ''}`, after(() => fast(...c.inputs)), eager, { rtol: 1e-5, atol: 1e-5, ...o });
  }
}

/** A layer with the variables of another. */
function sameOutputs(what: string, layer: Layer, again: Layer, c: Case, tolerance: Tolerance, of: (l: Layer, training: boolean) => Tensor[] = (l, training) => outputs(l, c, { training })): void {
  for (const training of [false, true]) {
    setState(again, stateOf(layer));
    const state = stateOf(layer);
    const wanted = of(layer, training);
    setState(layer, state);
    agree(`${what}${training ? ', in training' : ''}`, of(again, training), wanted, tolerance);
  }
}
function isJson(v: unknown): boolean {
  if (typeof v !== 'object' || v === null) return v === null || typeof v === 'string' || typeof v === 'boolean' || Number.isFinite(v);
  return (Array.isArray(v) || Object.getPrototypeOf(v) === Object.prototype) && Object.values(v).every(isJson);
}
const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function checkConfig(make: Maker, c: Case, o: CheckLayerOptions): void {
  const layer = built(make, c);
  const cls = layer.constructor as typeof Layer;
  const objects = { [cls.name]: cls, ...o.customObjects };
  const config = layer.getConfig();
  const strange = Object.keys(config).find((k) => !isJson(config[k]));
  if (strange) throw new Error(`${strange} of getConfig is no plain JSON.`);
  const again = withClasses(objects, () => cls.fromConfig(JSON.parse(JSON.stringify(config)) as Record<string, unknown>));
  if (again.constructor !== cls) throw new Error(`fromConfig gives a ${again.constructor.name}.`);
  const back = again.getConfig();
  const lost = Object.keys({ ...config, ...back }).find((k) => !equal(config[k], back[k]));
  if (lost) throw new Error(`${lost} is ${JSON.stringify(config[lost])} in the configuration and ${JSON.stringify(back[lost])} in that of the layer made from it.`);
  outputs(again, c);
  const [had, has] = [layer, again].map((l) => l.weights.map((w) => `${w.name} [${w.shape.join(', ')}]`).join(', '));
  if (had !== has) throw new Error(`the layer has the weights ${had || 'none'}, one from its configuration ${has || 'none'}; an argument is lost.`);
  sameOutputs('a layer from the configuration', layer, again, c, exactly);
}

function checkFile(make: Maker, c: Case, o: CheckLayerOptions): void {
  const layer = make({});
  const cls = layer.constructor as typeof Layer;
  // Tensors among the options are of one batch size.
  const batchSize = (t: Tensor) => (Object.keys(c.options).length ? t.shape[0]! : null);
  const inputs = c.inputs.map((t, i) => Input({ shape: t.shape.slice(1), batchSize: batchSize(t), dtype: t.dtype, name: `x${i}` }));
  const model = new Model({ inputs, outputs: layer.apply(c.list ? inputs : inputs[0]!, c.options) as Symbolic | Symbolic[] });
  const again = modelFromBytes(modelToBytes(model), { customObjects: { [cls.name]: cls, ...o.customObjects } });
  const x = c.inputs.length === 1 ? c.inputs[0]! : c.inputs;
  sameOutputs('a model from its file', model, again, c, exactly, (m, training) => [m.apply(x, { training }) as Tensor | Tensor[]].flat());
}
