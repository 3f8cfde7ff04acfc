/** Models that every backend must learn alike: for same-answers.long.test.ts in Node and page.long.test.ts in a browser. */
import { pad, random, tensor, type Tensor } from '@heed/tensor';
import { Adam, Conv2D, Dense, Dropout, Embedding, Flatten, GRU, LSTM, MaxPooling2D, Sequential, setRandomSeed, SGD, type FitOptions } from '@heed/layers';
import { greedy, PositionEmbedding, TransformerDecoder } from '../src/index.js';

const symbols = 12;
const length = 16;

/** Texts in which each symbol is the sum of the two before it. */
function sums(count: number): { x: Tensor; y: Tensor } {
  const [x, y] = [new Int32Array(count * length), new Int32Array(count * length)];
  for (let row = 0; row < count; row++) {
    let [a, b] = [row % symbols, (row * 7 + 3) % symbols];
    for (let t = 0; t < length; t++) {
      [a, b] = [b, (a + b) % symbols];
      x[row * length + t] = a;
      y[row * length + t] = b;
    }
  }
  return { x: tensor(x, { shape: [count, length] }), y: tensor(y, { shape: [count, length] }) };
}
/** Numbers with nothing to learn in them, the same on every backend. */
const noise = (shape: readonly number[], seed: number): Tensor => {
  let state = seed;
  const size = shape.reduce((n, d) => n * d, 1);
  return tensor(Float32Array.from({ length: size }, () => ((state = (Math.imul(state, 1664525) + 1013904223) | 0) >>> 8) / 2 ** 23 - 1), { shape });
};

export interface Exercise {
  readonly make: (jitCompile?: boolean) => Sequential;
  readonly data: () => { x: Tensor; y: Tensor };
}
/** By name; each with dropout, whose random bits must be the same everywhere. */
export const exercises: Readonly<Record<string, Exercise>> = {
  transformer: {
    make(jitCompile = true) {
      const model = new Sequential([new Embedding(symbols, 32), new PositionEmbedding(length), new TransformerDecoder({ intermediateDim: 64, numHeads: 4, dropout: 0.1, normalizeFirst: true }), new Dense(symbols, { activation: 'softmax' })]);
      model.compile({ jitCompile, optimizer: new Adam({ learningRate: 3e-3 }), loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] });
      return model;
    },
    data: () => sums(160),
  },
  convolution: {
    make(jitCompile = true) {
      const model = new Sequential([new Conv2D(8, 3, { activation: 'relu', padding: 'same' }), new MaxPooling2D(), new Conv2D(16, 3, { strides: 2 }), new Dropout(0.25), new Flatten(), new Dense(4, { activation: 'softmax' })]);
      model.compile({ jitCompile, optimizer: 'adam', loss: 'sparse_categorical_crossentropy' });
      return model;
    },
    data: () => ({ x: noise([160, 12, 12, 3], 1), y: tensor(Int32Array.from({ length: 160 }, (_, i) => i % 4)) }),
  },
  recurrent: {
    make(jitCompile = true) {
      const model = new Sequential([new LSTM(16, { returnSequences: true }), new GRU(16, { dropout: 0.1 }), new Dense(1, { activation: 'tanh' })]);
      model.compile({ jitCompile, optimizer: new SGD({ learningRate: 0.05, momentum: 0.9, clipnorm: 1 }), loss: 'mse' });
      return model;
    },
    data: () => ({ x: noise([160, 10, 6], 2), y: noise([160, 1], 3) }),
  },
};

/** Losses of batches of 8, one after the other, from the same weights and in the same order everywhere. */
export async function losses(name: string, steps = 20, { jitCompile, ...o }: FitOptions & { readonly jitCompile?: boolean } = {}): Promise<number[]> {
  setRandomSeed(11);
  const { make, data } = exercises[name]!;
  const { x, y } = data();
  const found: number[] = [];
  let before = 0;
  const each = { onBatchEnd(step: number, logs: Record<string, number>) { // logs are means over the epoch so far
    found.push(logs.loss! * (step + 1) - before);
    before = logs.loss! * (step + 1);
  } };
  await make(jitCompile).fit(x, y, { batchSize: 8, epochs: 1, stepsPerEpoch: steps, verbose: 0, seed: 3, callbacks: [each], ...o });
  return found;
}

/** A language model that learns sums, and what it then writes after some beginnings: all right where the share is 1. */
export async function generated(epochs = 20): Promise<{ texts: number[][]; right: number }> {
  setRandomSeed(5);
  const { make, data } = exercises.transformer!;
  const { x, y } = data();
  const model = make();
  await model.fit(x, y, { batchSize: 32, epochs, verbose: 0, seed: 3 });
  const texts: number[][] = [];
  let [right, all] = [0, 0];
  for (let start = 0; start < symbols; start += 3) {
    const [written] = await greedy((tokens) => {
      const t = tokens.shape[1]!;
      const padded = pad(tokens, [[0, 0], [0, length - t]]); // one shape, one program
      return { logits: (model.predictOnBatch(padded) as Tensor).slice(null, t - 1).log() };
    }, null, { maxLength: length - 1, start });
    const text = [start, ...written!.tokens];
    texts.push(text);
    for (let t = 2; t < text.length; t++, all++) right += Number(text[t] === (text[t - 1]! + text[t - 2]!) % symbols);
  }
  return { texts, right: right / all };
}

export const drawn = async (): Promise<number[]> => [...(await random.uniform([64], { seed: 9 }).read()), ...(await random.permutation(64, { seed: 9 }).read())];
