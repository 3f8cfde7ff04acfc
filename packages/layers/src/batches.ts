/** Batches for training: cut from arrays in a new order each epoch, or taken from a dataset. */
import { gather, isTensor, isVariable, random, slice, tensor, ValueError, type Like, type Tensor } from '@heed/tensor';

/** One tensor, or one per input or output. */
export type TrainingData = Like | readonly Tensor[];
/** What a dataset gives: [x, y] or [x, y, sampleWeight] of one batch. */
export type DatasetBatch = readonly [x: TrainingData, y: TrainingData, sampleWeight?: Like];
/** Batches one after another. One that can be walked again is walked once each epoch; a generator, which cannot, needs `stepsPerEpoch`. */
export type Dataset = Iterable<DatasetBatch> | AsyncIterable<DatasetBatch>;

export const listOf = (x: TrainingData): Tensor[] => (Array.isArray(x) && x.length > 0 && x.every(isTensor) ? (x as unknown as Tensor[]) : [tensor(x as Like)]);
export const rows = (xs: readonly Tensor[]): number => xs[0]!.shape[0] ?? 0;
export const cut = (xs: readonly Tensor[], from: number, to: number): Tensor[] => xs.map((x) => slice(x, [from, to]));
export const isDataset = (x: unknown): x is Dataset =>
  typeof x === 'object' && x !== null && !Array.isArray(x) && !ArrayBuffer.isView(x) && !isTensor(x) && !isVariable(x) && (Symbol.iterator in x || Symbol.asyncIterator in x);

/** w is a list of one, or empty. */
export type Batch = readonly [x: Tensor[], y: Tensor[], w: Tensor[]];
export interface Batches {
  /** How many an epoch has, where that is known. */
  readonly steps: number | null;
  epoch(n: number): Iterable<Batch> | AsyncIterable<Batch>;
}

export interface BatchOptions {
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly stepsPerEpoch?: number;
}

/** Batches of arrays, in an order that follows from seed and epoch. */
export function batchesOf(x: Tensor[], y: Tensor[], w: Tensor[], { batchSize, shuffle, seed, stepsPerEpoch }: BatchOptions): Batches {
  const n = rows(x);
  const steps = Math.min(Math.ceil(n / batchSize), stepsPerEpoch ?? Infinity);
  return {
    steps,
    *epoch(epoch) {
      const order = shuffle ? random.permutation(n, { seed: seed + epoch }) : null;
      for (let step = 0; step < steps; step++) {
        const [from, to] = [step * batchSize, Math.min(n, (step + 1) * batchSize)];
        const take = (t: Tensor) => (order ? gather(t, slice(order, [from, to])) : slice(t, [from, to]));
        yield [x.map(take), y.map(take), w.map(take)];
      }
    },
  };
}

/** Batches of a dataset. With `stepsPerEpoch` an epoch goes on where the one before stopped, and the dataset begins again when it is through. */
export function batchesFrom(data: Dataset, make: (batch: DatasetBatch) => Batch, stepsPerEpoch?: number): Batches {
  const begin = (): Iterator<DatasetBatch> | AsyncIterator<DatasetBatch> => (Symbol.asyncIterator in data ? data[Symbol.asyncIterator]() : data[Symbol.iterator]());
  let running: ReturnType<typeof begin> | null = null;
  return {
    steps: stepsPerEpoch ?? null,
    async *epoch(epoch) {
      let [given, fresh, through] = [0, !running, false];
      running ??= begin();
      try {
        while (stepsPerEpoch === undefined || given < stepsPerEpoch) {
          const next = await running.next();
          if (!next.done) {
            given++;
            fresh = false;
            yield make(next.value);
          } else {
            running = null;
            if (fresh) throw new ValueError(`fit: the dataset gave no batch in epoch ${epoch + 1}; a generator can be walked only once, so pass what gives a new iterator each time, or { stepsPerEpoch }.`);
            if (stepsPerEpoch === undefined) break;
            running = begin();
            fresh = true;
          }
        }
        through = true;
      } finally {
        // Left within an epoch: whoever gives the batches may close what they come from.
        if (!through) await running?.return?.();
      }
    },
  };
}
