/** Trains, saves and loads the date model: what main.ts asks for, in tensors. */
import { argmax, backendInfo, FormatError, jit, tensor, useBackend, type Tensor, type TypedArray } from '@heed/tensor';
import { valueAndGrad } from '@heed/autograd';
import { Adam, setRandomSeed, type Schedule } from '@heed/layers';
import { fromBytes, weightsFromBytes, weightsToBytes, writeFileWhole } from '@heed/layers/saving';
import { alphabet, decodeIso, ISO_LENGTH, PADDING } from './alphabet.js';
import { StaleModelError, type Answer, type DateModel, type Epoch, type TrainOptions, type Trained } from './contract.js';
import { batches, paddedLength, sample, type Batch } from './dataset.js';
import { provideGpu } from '../../scripts/gpu/index.js';
import { DateNetwork, lossOf, type Looking, type Sizes } from './network.js';

const FORMAT = 'heed-dates-1';
const BATCH = 64;

export interface Recipe {
  readonly hidden: number;
  readonly embedding: number;
  readonly epochs: number;
  /** Texts per epoch: fresh ones each time. */
  readonly samples: number;
  /** Learning rate at its highest, reached after `warmup` of the run, then falling to 0. */
  readonly rate: number;
  readonly warmup: number;
  readonly looking: Looking;
}

export const RECIPE: Recipe = { hidden: 64, embedding: 32, epochs: 12, samples: 150 * BATCH, rate: 8e-3, warmup: 0.1, looking: 'attention' };

export class Model implements DateModel {
  private readonly decode;
  constructor(readonly network: DateNetwork) {
    this.decode = jit((inputs: Tensor) => network.decode(inputs), { name: 'decode' });
  }

  async answer(inputs: readonly string[]): Promise<Answer[]> {
    const { encode } = alphabet();
    const rows = inputs.map((text, i) => ({ i, ids: encode(text) })).sort((a, b) => a.ids.length - b.ids.length);
    const answers = new Array<Answer>(inputs.length);
    for (let from = 0; from < rows.length; from += 128) {
      const part = rows.slice(from, from + 128);
      const length = paddedLength(part[part.length - 1]!.ids.length);
      const block = new Int32Array(part.length * length).fill(PADDING);
      part.forEach(({ ids }, row) => block.set(ids, row * length));
      const decoded = this.decode(tensor(block, { shape: [part.length, length] }));
      const [ids, logProbabilities, weights] = await Promise.all([decoded.ids.read(), decoded.logProbabilities.read(), decoded.weights.read()]);
      const row = (x: TypedArray, i: number, width = 1) => x.subarray(i * ISO_LENGTH * width, (i + 1) * ISO_LENGTH * width);
      part.forEach(({ i, ids: read }, k) => {
        answers[i] = {
          iso: decodeIso(row(ids, k)),
          confidence: Math.exp(Array.from(row(logProbabilities, k)).reduce((sum, v) => sum + v, 0)),
          weights: Array.from({ length: ISO_LENGTH }, (_, t) => Array.from(row(weights, k, length).subarray(t * length, t * length + read.length))),
        };
      });
      await turn();
    }
    return answers;
  }

  /** The same weights, but every character of the text counts alike: what is left of the model without its attention. */
  withEvenWeights(): Model {
    const blind = new DateNetwork(this.network.sizes, 'uniform');
    blind.setWeights(this.network.getWeights());
    return new Model(blind);
  }

  async toBytes(): Promise<Uint8Array> {
    const { sizes, looking, weights } = this.network;
    await Promise.all(weights.map((v) => v.fetch()));
    return weightsToBytes(this.network, {
      format: FORMAT,
      configuration: JSON.stringify({ sizes, looking }),
      alphabet: JSON.stringify(alphabet().characters),
    });
  }
  async save(path: string): Promise<void> { await writeFileWhole(path, await this.toBytes()); }
}

/** See the contract. */
export async function use(backend: 'js' | 'wasm' | 'gpu'): Promise<string> {
  if (backend === 'gpu') await provideGpu();
  await useBackend(backend);
  const { adapter, software } = backendInfo() as { adapter?: Record<string, string>; software?: boolean };
  return adapter ? `${[adapter.vendor, adapter.architecture, adapter.description].filter(Boolean).join(' ')}${software ? ', which is software: slow' : ''}` : backend;
}

/** Lets the event loop turn, so that a Ctrl-C is noticed. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const tensorsOf = ({ inputs, targets, size, length }: Batch): [Tensor, Tensor] =>
  [tensor(inputs, { shape: [size, length] }), tensor(targets, { shape: [size, ISO_LENGTH] })];

/** How many texts have all ten characters right. */
function rightOf(ids: TypedArray, { targets, size }: Batch): number {
  let right = 0;
  for (let row = 0; row < size; row++) {
    let same = true;
    for (let t = 0; t < ISO_LENGTH; t++) same &&= ids[row * ISO_LENGTH + t] === targets[row * ISO_LENGTH + t];
    if (same) right++;
  }
  return right;
}

/** Rises linearly to the highest rate, then falls along half a cosine to 0. */
const schedule = (rate: number, warmup: number, total: number): Schedule => (step) => {
  const t = step.cast('float32').add(1).mul(1 / total);
  const fall = t.sub(warmup).mul(Math.PI / (1 - warmup)).clip(0, Math.PI).cos().add(1).mul(0.5);
  return t.mul(1 / warmup).minimum(fall).mul(rate);
};

export async function train({ seed, signal, onProgress, onEpoch, log, recipe = RECIPE }: TrainOptions & { readonly recipe?: Recipe }): Promise<Trained> {
  setRandomSeed(seed);
  const { epochs, samples, looking } = recipe;
  const sizes: Sizes = { alphabet: alphabet().size, embedding: recipe.embedding, hidden: recipe.hidden };
  const network = new DateNetwork(sizes, looking);
  const model = new Model(network);
  log?.(`${network.countParams().toLocaleString('en-US')} parameters, ${(epochs * samples).toLocaleString('en-US')} texts`);
  const steps = Math.ceil(samples / BATCH);
  const optimizer = new Adam({ learningRate: schedule(recipe.rate, recipe.warmup, epochs * steps), globalClipnorm: 1 });
  const validation = batches(sample('validation', 1000, { seed: 1, distinct: true }), 125);
  const variables = network.trainableWeights;
  const learn = jit((inputs: Tensor, targets: Tensor): [Tensor, Tensor] => {
    const [[loss, scores], gradients] = valueAndGrad(() => {
      const out = network.call([inputs, targets]);
      return [lossOf(out, targets), out] as const;
    }, variables, { aux: true });
    optimizer.apply(gradients, variables);
    return [loss, argmax(scores, { axis: -1 })];
  }, { name: 'a training step' });
  const judge = jit((inputs: Tensor, targets: Tensor) => lossOf(network.call([inputs, targets]), targets), { name: 'the validation loss' });
  const history: Epoch[] = [];
  let best: { bytes: Uint8Array; epoch: Epoch } | null = null;
  for (let epoch = 1; epoch <= epochs && !signal?.aborted; epoch++) {
    let [total, right, seen, step] = [0, 0, 0, 0];
    for (const batch of batches(sample('train', samples, { seed: seed * 1000 + epoch }), BATCH, { seed: seed * 1000 + epoch })) {
      if (signal?.aborted) break;
      const [inputs, targets] = tensorsOf(batch);
      const [[loss], chosen] = await Promise.all(learn(inputs, targets).map((x) => x.read()));
      total += loss! * batch.size;
      right += rightOf(chosen!, batch);
      seen += batch.size;
      step++;
      onProgress?.({ epoch, epochs, step, steps, loss: total / seen, accuracy: right / seen });
      await turn();
    }
    if (step < steps) break;
    const judged = await validate(judge, model, validation);
    const result: Epoch = { epoch, loss: total / seen, accuracy: right / seen, ...judged };
    history.push(result);
    onEpoch?.(result);
    if (!best || result.validationAccuracy > best.epoch.validationAccuracy || (result.validationAccuracy === best.epoch.validationAccuracy && result.validationLoss < best.epoch.validationLoss)) {
      best = { bytes: await model.toBytes(), epoch: result };
    }
  }
  if (best) weightsFromBytes(network, best.bytes);
  return { model, history };
}

/** Loss with teacher forcing, and the share of texts that greedy decoding gets all right. */
async function validate(judge: (inputs: Tensor, targets: Tensor) => Tensor, model: Model, validation: readonly Batch[]): Promise<{ validationLoss: number; validationAccuracy: number }> {
  let [loss, right, seen] = [0, 0, 0];
  for (const batch of validation) {
    const [inputs, targets] = tensorsOf(batch);
    loss += (await judge(inputs, targets).read())[0]! * batch.size;
    const answers = await model.answer(batch.examples.map((e) => e.input));
    right += answers.filter(({ iso }, i) => iso === batch.examples[i]!.iso).length;
    seen += batch.size;
  }
  return { validationLoss: loss / seen, validationAccuracy: right / seen };
}

/** The saved model; StaleModelError where its format or alphabet is not this program's. */
export async function load(path: string): Promise<DateModel> {
  const { readFile } = await import('node:fs/promises');
  const bytes = await readFile(path);
  const { metadata } = fromBytes(bytes);
  if (metadata.format !== FORMAT) throw new StaleModelError(`its format is ${metadata.format ?? 'not stated'}, this program writes ${FORMAT}.`);
  if (metadata.alphabet !== JSON.stringify(alphabet().characters)) throw new StaleModelError('its alphabet is not that of this Node version\'s locale data.');
  try {
    const { sizes, looking } = JSON.parse(metadata.configuration ?? '') as { sizes: Sizes; looking: Looking };
    const network = new DateNetwork(sizes, looking);
    weightsFromBytes(network, bytes);
    return new Model(network);
  } catch (error) {
    throw error instanceof SyntaxError ? new FormatError('dates: the saved configuration is not JSON.') : error;
  }
}
