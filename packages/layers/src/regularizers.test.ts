import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { random, square, sum, tensor, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { checkGradient } from '@heed/autograd/testing';
import { Bidirectional, Dense, Dropout, getRegularizer, Input, l1, l1l2, l2, Layer, LSTM, Model, Sequential, serialize, setRandomSeed, SGD, type RegularizerLike } from './index.js';

const test = suite('regularizers');
const w = tensor([[1, -2], [3, 0]]);

test('l1 sums magnitudes, l2 squares, l1l2 both', () => {
  close(l1({ l1: 0.5 })(w), 3);
  close(l2({ l2: 0.5 })(w), 7);
  close(l1l2({ l1: 0.5, l2: 0.1 })(w), 3 + 1.4);
});

test('defaults are those of Keras', () => {
  close(getRegularizer('l1')!(w), 0.06);
  close(getRegularizer('L2')!(w), 0.14);
  close(getRegularizer('l1_l2')!(w), 0);
  assert.is(getRegularizer(null), null);
});

test('gradients agree with central differences', async () => {
  for (const f of [l1(), l2(), l1l2({ l1: 0.3, l2: 0.2 })]) await checkGradient(f, [random.normal([2, 3], { seed: 1 })]);
});

test('configurations come back', async () => {
  assert.equal(serialize(l1l2({ l2: 0.1 }), ''), { module: 'keras.regularizers', class_name: 'L1L2', config: { l1: 0, l2: 0.1 }, registered_name: null });
  for (const r of [l1({ l1: 0.3 }), l2({ l2: 0.3 }), l1l2({ l1: 0.3, l2: 0.1 })]) close(getRegularizer(serialize(r, '') as RegularizerLike)!(w), r(w));
});

const x = tensor([[1, 2], [3, 4], [5, 6]]);
const y = tensor([[1], [2], [3]]);
const lossOf = async (model: Sequential | Model): Promise<number> => (await model.testOnBatch(x, y)).loss!;

test('the loss that evaluate reports has the penalties of weights in it', async () => {
  const plain = new Sequential([new Dense(1, { kernelInitializer: 'ones', name: 'd' })]);
  const penalized = new Sequential([new Dense(1, { kernelInitializer: 'ones', biasInitializer: 'ones', kernelRegularizer: l2({ l2: 0.5 }), biasRegularizer: 'l1', name: 'd' })]);
  for (const model of [plain, penalized]) {
    model.compile({ loss: 'mse', optimizer: 'sgd' });
    await lossOf(model);
    model.setWeights([tensor([[1], [1]]), tensor([1])]);
  }
  close(await lossOf(penalized), await lossOf(plain) + 0.5 * 2 + 0.01);
  penalized.trainable = false;
  penalized.compile({ loss: 'mse', optimizer: 'sgd' });
  close(await lossOf(penalized), await lossOf(plain));
});

test('a penalty of outputs is divided by the batch size', async () => {
  const model = new Sequential([new Dense(1, { kernelInitializer: 'ones', activityRegularizer: l2({ l2: 1 }) })]);
  model.compile({ loss: 'mse', optimizer: 'sgd' });
  const error = (4 + 25 + 64) / 3; // outputs 3, 7, 11
  close(await lossOf(model), error + (9 + 49 + 121) / 3);
});

test('a step follows the gradient of the penalty', async () => {
  for (const jitCompile of [true, false]) {
    const model = new Sequential([new Dense(1, { kernelInitializer: 'ones', useBias: false, kernelRegularizer: l2({ l2: 0.5 }) })]);
    model.compile({ loss: (_t, p) => sum(p, { axis: -1 }).mul(0), optimizer: new SGD({ learningRate: 0.1 }), jitCompile });
    const { history } = await model.fit(x, y, { epochs: 2, verbose: 0 });
    close(history.loss!, [1, 0.81]); // w = 1, then 1 - 0.1 * 2 * 0.5
    close(model.getWeights()[0]!, [[0.81], [0.81]]);
  }
});

test('the outputs of both layers of a Bidirectional are penalized', async () => {
  const sequence = random.normal([2, 3, 4], { seed: 1 });
  const [plain, penalized] = [{}, { activityRegularizer: l2({ l2: 1 }) }].map((o) => new Sequential([new Bidirectional(new LSTM(2, o))])) as [Sequential, Sequential];
  const losses = await Promise.all([plain, penalized].map(async (model) => {
    model.compile({ loss: 'mse' });
    model.ensureBuilt(sequence.shape);
    model.setWeights(plain.getWeights());
    return (await model.testOnBatch(sequence, random.normal([2, 4], { seed: 2 }))).loss!;
  })) as [number, number];
  const y = plain.apply(sequence) as Tensor;
  close(losses[1], losses[0] + sum(square(y)).item() / 2);
});

test('penalties of layers within layers and of shared ones count once each use of outputs, once per weight', async () => {
  setRandomSeed(1);
  const shared = new Dense(2, { kernelRegularizer: 'l2', activityRegularizer: 'l1' });
  const input = Input({ shape: [2] });
  const model = new Model({ inputs: input, outputs: new Dense(1, { kernelInitializer: 'zeros' }).apply(shared.apply(shared.apply(input))) });
  model.compile({ loss: 'mse', optimizer: 'sgd' });
  const once = shared.apply(x) as Tensor;
  const twice = shared.apply(once) as Tensor;
  const magnitude = (t: Tensor) => sum(t.abs()).item() * 0.01 / 3;
  close(await lossOf(model), 14 / 3 + 0.01 * sum(square(shared.kernel.value)).item() + magnitude(once) + magnitude(twice), { rtol: 1e-5 });
});

test('a layer of your own adds to the loss', async () => {
  class Costly extends Layer {
    override call(v: Tensor): Tensor {
      this.addLoss(sum(v));
      return v;
    }
  }
  const layers = [new Costly(), new Dense(1, { kernelInitializer: 'ones' })];
  const model = new Sequential(layers);
  model.compile({ loss: 'mse', optimizer: 'sgd' });
  close(await lossOf(model), (4 + 25 + 64) / 3 + 21);
  close(layers[0]!.apply(x), x);
});

test('recurrent dropout uses one mask for all steps, in training only', () => {
  const layer = new LSTM(2, { dropout: 0.5, recurrentDropout: 0.5, seed: 1, returnSequences: true });
  const input = tensor(new Float32Array(60).fill(1), { shape: [1, 3, 20] });
  const still = layer.apply(input) as Tensor;
  close(layer.apply(input), still);
  const first = layer.apply(input, { training: true }) as Tensor;
  assert.throws(() => close(first, still));
  // The states of an input that is constant follow one rule with one mask: an LSTM of the masked input.
  const twin = new LSTM(2, { dropout: 0.5, seed: 1, returnSequences: true });
  twin.apply(input);
  twin.setWeights(layer.getWeights());
  const dropped = twin.apply(input, { training: true }) as Tensor;
  const mask = new Dropout(0.5, { seed: 1 }).apply(tensor(new Float32Array(20).fill(1), { shape: [1, 1, 20] }), { training: true }) as Tensor;
  const plain = new LSTM(2, { returnSequences: true });
  plain.apply(input);
  plain.setWeights(layer.getWeights());
  close(dropped, plain.apply(input.mul(mask)) as Tensor);
});

test('refuses what is none', () => {
  refuses(() => getRegularizer('l3'), "getRegularizer: there is no regularizer 'l3'; use l1, l2, l1_l2, l1l2.");
  refuses(() => getRegularizer({ class_name: 'L2', config: { l1: 1 } }), 'L2: there is no argument l1; there are l2.');
  refuses(() => new LSTM(2, { recurrentDropout: 1 }), 'LSTM: recurrentDropout is 1; it must be in [0, 1).');
});
test.run();
