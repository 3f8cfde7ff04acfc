import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { random, tensor, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import {
  Adam, BatchNormalization, BinaryCrossentropy, Bidirectional, Concatenate, Conv2D, Dense, Dropout, Embedding, Flatten, GRU, Input, Layer, LSTM, MaxPooling2D, Model, registerLayer,
  RMSprop, Sequential, setRandomSeed, SGD, type FitOptions, type LayerDefaults, type LayerOptions, type Optimizer,
} from '../index.js';
import { fromBytes, loadModel, modelFromBytes, modelFromConfig, modelToBytes, modelToConfig, saveModel, toBytes } from './index.js';

const test = suite('saving models');
const bits = (ws: readonly Tensor[]) => ws.map((w) => Array.from(w.data()));

/** A network with every kind of state: dropout, batch statistics, recurrence, two inputs, a shared layer, two outputs. */
function everything(optimizer: Optimizer): Model {
  setRandomSeed(3);
  const image = Input({ shape: [6, 6, 1], name: 'image' });
  const words = Input({ shape: [4], dtype: 'int32', name: 'words' });
  const seen = new Flatten().apply(new MaxPooling2D().apply(new Conv2D(3, 3, { activation: 'relu', kernelRegularizer: 'l2' }).apply(image)));
  const read = new Bidirectional(new GRU(5, { recurrentDropout: 0.2, seed: 9 })).apply(new LSTM(4, { returnSequences: true, dropout: 0.2, seed: 7 }).apply(new Embedding(9, 3, { maskZero: true }).apply(words)));
  const shared = new Dense(4, { activation: 'tanh', kernelConstraint: 'max_norm' });
  const joined = new Concatenate().apply([shared.apply(new Dense(6).apply(seen)), shared.apply(new Dense(6).apply(read))]);
  const y = new Dropout(0.3, { seed: 5 }).apply(new BatchNormalization().apply(joined));
  const model = new Model({ inputs: [image, words], outputs: [new Dense(3, { activation: 'softmax', name: 'kind' }).apply(y), new Dense(1, { name: 'size' }).apply(y)], name: 'everything' });
  model.compile({ optimizer, loss: ['sparse_categorical_crossentropy', 'mse'], metrics: ['accuracy', ['mse']], lossWeights: [1, 0.5] });
  return model;
}
const data = {
  x: [random.normal([16, 6, 6, 1], { seed: 1 }), tensor(Int32Array.from({ length: 64 }, (_, i) => (i * 7) % 9), { shape: [16, 4] })],
  y: [tensor(Int32Array.from({ length: 16 }, (_, i) => i % 3)), random.normal([16, 1], { seed: 2 })],
};
const fit = (model: Pick<Model, 'fit'>, o: FitOptions) => model.fit(data.x, data.y, { batchSize: 6, verbose: 0, seed: 2, ...o });

const folder = await mkdtemp(join(tmpdir(), 'heed-'));
test.after(() => rm(folder, { recursive: true }));

for (const [name, make] of Object.entries({
  Adam: () => new Adam({ learningRate: 0.01, globalClipnorm: 1, amsgrad: true }), RMSprop: () => new RMSprop({ momentum: 0.9, centered: true }), SGD: () => new SGD({ momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
})) {
  test(`training goes on after loading as if it had never stopped: ${name}`, async () => {
    const straight = everything(make());
    const { history } = await fit(straight, { epochs: 6 });
    const first = everything(make());
    await fit(first, { epochs: 3 });
    const path = join(folder, `${name}.safetensors`);
    await saveModel(first, path);
    const loaded = await loadModel(path);
    assert.equal(modelToConfig(loaded), modelToConfig(first));
    const { history: rest } = await fit(loaded, { epochs: 6, initialEpoch: 3 });
    assert.equal(rest, Object.fromEntries(Object.entries(history).map(([k, v]) => [k, v.slice(3)])));
    assert.equal(bits(loaded.getWeights()), bits(straight.getWeights()));
    assert.equal(bits(loaded.optimizer.variables.map((v) => v.value)), bits(straight.optimizer.variables.map((v) => v.value)));
    assert.is(loaded.optimizer.iterations.value.item(), 18);
  });
}

test('a model that was never fitted, or never compiled, is saved as it is', async () => {
  const fresh = everything(new Adam());
  const loaded = modelFromBytes(modelToBytes(fresh));
  assert.equal(bits(loaded.getWeights()), bits(fresh.getWeights()));
  const bare = new Sequential([new Dense(2, { name: 'd' })], { name: 'bare' });
  bare.apply([[1, 2, 3]]);
  const again = modelFromBytes(modelToBytes(bare));
  assert.is(again.compiled, false);
  close(again.apply([[1, 2, 3]]), bare.apply([[1, 2, 3]]) as Tensor);
  refuses(() => again.fit([[1, 2, 3]], [[1, 2]]), 'bare: call compile({ loss, optimizer }) before fit or evaluate.');
});

test('a stack of a stack and a frozen layer comes back frozen', () => {
  const frozen = new Dense(3, { name: 'frozen', trainable: false });
  const model = new Sequential([Input({ shape: [2] }), new Sequential([frozen, new Dense(2, { name: 'free' })], { name: 'inner' })], { name: 'outer' });
  const loaded = modelFromBytes(modelToBytes(model));
  assert.equal(loaded.trainableWeights.map((w) => w.name), ['free/kernel', 'free/bias']);
  assert.equal(loaded.weights.map((w) => w.name), model.weights.map((w) => w.name));
});

test('call options of a functional model are kept, masks too', () => {
  const x = Input({ shape: [3, 2] });
  const mask = tensor([[true, false, true]]);
  const model = new Model({ inputs: x, outputs: new LSTM(2).apply(x, { mask }) });
  const loaded = modelFromBytes(modelToBytes(model));
  const input = random.normal([1, 3, 2], { seed: 1 });
  close(loaded.apply(input), model.apply(input) as Tensor);
  assert.throws(() => close(model.apply(input), model.layers[0]!.apply(input) as Tensor));
});

interface ScaleOptions extends LayerOptions {
  readonly factor?: number;
}
/** A layer with an option, a weight, and a layer inside that nobody named. */
class Scale extends Layer<ScaleOptions> {
  static override readonly positional = ['power'];
  static override readonly defaults: LayerDefaults<ScaleOptions> = { factor: 2 };
  scale!: Variable;
  readonly inner = new Dense(2);
  constructor(readonly power: number, o: ScaleOptions = {}) { super(o); }
  override build(shape: Shape | readonly Shape[]): void { this.scale = this.addWeight('scale', (shape as Shape).slice(-1)); }
  override call(x: Tensor): Tensor { return this.inner.apply(x.mul(this.scale.value).mul(this.o.factor).pow(this.power)) as Tensor; }
}
const stacked = (layer: Layer) => new Sequential([Input({ shape: [2] }), layer], { name: 's' });

test('a layer of your own is found among customObjects', () => {
  const model = stacked(new Scale(2, { factor: 3, name: 'own' }));
  const bytes = modelToBytes(model);
  const loaded = modelFromBytes(bytes, { customObjects: { Scale } });
  assert.equal(modelToConfig(loaded), modelToConfig(model));
  close(loaded.apply([[1, 2]]), model.apply([[1, 2]]) as Tensor);
  refuses(() => modelFromBytes(bytes), 'Sequential: layers[1]: there is no class Scale here; pass { Scale } in customObjects, or registerLayer(Scale) first.');
});

test('a registered layer is found under package>Name', () => {
  class Registered extends Scale {}
  registerLayer(Registered, { package: 'mine' });
  const model = stacked(new Registered(1));
  const [, written] = (modelToConfig(model).config as { layers: { registered_name: string; class_name: string }[] }).layers;
  assert.equal([written!.registered_name, written!.class_name], ['mine>Registered', 'Registered']);
  close(modelFromBytes(modelToBytes(model)).apply([[1, 2]]), model.apply([[1, 2]]) as Tensor);
  refuses(() => registerLayer(Scale, { package: 'mine', name: 'Registered' }), 'registerLayer: mine>Registered is another class already; give this one another package or name.');
});

test('functions of your own are written by their names', async () => {
  const twice = (x: Tensor) => x.mul(2);
  const far = (t: Tensor, p: Tensor) => t.sub(p).abs().mean({ axis: -1 });
  const model = stacked(new Dense(1, { activation: twice }));
  model.compile({ loss: far, optimizer: 'sgd', metrics: [far, 'mse'] });
  const bytes = modelToBytes(model);
  assert.equal((modelToConfig(model).compile_config as Record<string, unknown>).metrics, ['far', 'mse']);
  const loaded = modelFromBytes(bytes, { customObjects: { twice, far } });
  assert.equal(await loaded.testOnBatch([[1, 2]], [[1]]), await model.testOnBatch([[1, 2]], [[1]]));
  refuses(() => modelFromBytes(bytes, { customObjects: { twice } }), /^getLoss: there is no loss 'far'; use /);
});

test('refuses what it could not read again', () => {
  const { relu } = { relu: (x: Tensor) => x };
  refuses(() => modelToBytes(stacked(new Dense(1, { activation: relu }))), "Dense: activation: a function called relu that is not heed's relu cannot be written; give it a name of its own, and pass it to the load in customObjects.");
  refuses(() => modelToBytes(stacked(new Dense(1, { activation: (x) => x }))), 'Dense: activation: a function without a name cannot be written; give it a name of its own, and pass it to the load in customObjects.');
  const scheduled = stacked(new Dense(1));
  scheduled.compile({ loss: 'mse', optimizer: new Adam({ learningRate: (() => (step) => step.cast('float32'))() }) });
  refuses(() => modelToBytes(scheduled), 'Adam: learningRate: a function without a name cannot be written; give it a name of its own, and pass it to the load in customObjects.');
  const Mine = { Dense: class extends Dense {} }.Dense;
  refuses(() => modelToBytes(stacked(new Mine(1))), "Sequential: layers[0]: its class is called Dense and is not heed's Dense; registerLayer it, and it has a name of its own.");
  class Forgetful extends Layer<LayerOptions & { secret?: number }> {
    override call(x: Tensor): Tensor { return x; }
  }
  refuses(() => new Forgetful({ secret: 1 }).getConfig(), 'Forgetful: the option secret would be lost in a file; name it in `static defaults` of Forgetful, with its default.');
  const x = Input({ shape: [2], name: 'x' });
  const twin = new Model({ inputs: x, outputs: new Dense(1, { name: 'd' }).apply(new Dense(2, { name: 'd' }).apply(x)), name: 'twin' });
  refuses(() => modelToBytes(twin), 'twin: two of its layers or inputs are called d; a file tells them apart by their names, so give each its own.');
});

test('refuses configurations with keys that are none, or without those it needs', () => {
  refuses(() => Dense.fromConfig({ unitz: 3 }), 'Dense: a configuration has no key unitz; there are name, trainable, dtype, units, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint.');
  refuses(() => Dense.fromConfig({ useBias: true }), /^Dense: a configuration has no key useBias/);
  refuses(() => Dense.fromConfig({ name: 'd' }), 'Dense: the configuration lacks units; it needs units.');
  refuses(() => Sequential.fromConfig({ layers: [{ class_name: 'Dense', config: { units: 1 } }] }), 'Sequential: layers[0]: there is no class Dense here; pass { Dense } in customObjects, or registerLayer(Dense) first.');
  assert.is((Sequential.fromConfig({ layers: [{ class_name: 'Dense', config: { units: 1 } }] }, { Dense }) as Sequential).layers[0] instanceof Dense, true);
  refuses(() => modelFromConfig({ class_name: 'Dense', config: { units: 1 } }), 'loadModel: Dense is not a model; it must be a Sequential, a Functional or a class that extends one.');
  refuses(() => modelFromConfig({ class_name: 'Sequential', config: { layers: [{ class_name: 'RMSprop', config: {} }] } }), /: a RMSprop is not a layer; add layers, and an Input first\.$/);
});

test('refuses files of weights alone, of other weights, and damaged ones', async () => {
  const model = stacked(new Dense(1, { name: 'd' }));
  const bytes = modelToBytes(model);
  const { tensors, metadata } = fromBytes(bytes);
  refuses(() => modelFromBytes(toBytes(tensors)), "loadModel: the file's format is not stated, not heed-model-1; weights alone are loaded by loadWeights into a model that exists.");
  refuses(() => modelFromBytes(toBytes(tensors, { ...metadata, model: '{' })), 'loadModel: the file is damaged: its configuration is not JSON.');
  const { 'weights/d/bias': bias, ...rest } = tensors;
  refuses(() => modelFromBytes(toBytes({ ...rest, 'weights/d/b': bias! }, metadata)), 'loadModel: the file does not fit its own configuration: it lacks weights/d/bias; it has weights/d/b besides.');
  refuses(() => modelFromBytes(toBytes({ ...rest, 'weights/d/bias': tensor([1, 2]) }, metadata)), 'loadModel: weights/d/bias is float32 [2] in the file, float32 [1] in the model.');
  refuses(() => modelFromBytes(bytes.subarray(0, bytes.length - 4)), /^safetensors: the file is damaged: /);
  const path = join(folder, 'cut.safetensors');
  await writeFile(path, bytes.subarray(0, 20));
  await refuses(() => loadModel(path), /^safetensors: the file is damaged: /);
  assert.is((await readFile(path)).length, 20);
});

test('a loss with options is written whole', () => {
  assert.equal(new BinaryCrossentropy({ labelSmoothing: 0.1 }).getConfig(), { name: 'binary_crossentropy', reduction: 'sum_over_batch_size', from_logits: false, label_smoothing: 0.1 });
  assert.equal(BinaryCrossentropy.fromConfig({ name: 'binary_crossentropy', from_logits: true }).getConfig().from_logits, true);
});
test.run();
