/** What the command line asks of the model, and no more: main.ts knows no tensor, and model.ts knows no terminal. */

export interface Answer {
  /** Ten characters, "YYYY-MM-DD" where the model is any good; nothing promises that they name a date. */
  readonly iso: string;
  /** The product of the ten chosen tokens' probabilities. */
  readonly confidence: number;
  /** [10, T]: how much each output character looked at each of the T input characters. Padding is removed; rows sum to 1. */
  readonly weights: readonly (readonly number[])[];
}

export interface DateModel {
  /** Answers normalized, readable texts (any number, any lengths) in their order. */
  answer(inputs: readonly string[]): Promise<Answer[]>;
  /** Writes weights, configuration and alphabet into one safetensors file; whole or not at all. */
  save(path: string): Promise<void>;
}

/** Where training stands, after a step. */
export interface Progress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Within the epoch, from 1. */
  readonly step: number;
  readonly steps: number;
  /** Means over the epoch so far: cross-entropy per character, and the share of texts with all ten characters right. */
  readonly loss: number;
  readonly accuracy: number;
}

/** An epoch that is over. `validationAccuracy` is by greedy decoding, as in use. */
export interface Epoch {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
}

export interface TrainOptions {
  readonly seed: number;
  /**
   * Once aborted, training ends after the step it is in, and gives back the best model so far. Training lets the event
   * loop turn now and then (`setImmediate`), or a Ctrl-C would never be noticed.
   */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onEpoch?: (epoch: Epoch) => void;
  /** Lines for people, such as which backend runs. */
  readonly log?: (line: string) => void;
}

export interface Trained {
  /** The best model of the run, by validation accuracy and then validation loss; the first steps' where no epoch was finished. */
  readonly model: DateModel;
  readonly history: readonly Epoch[];
}

/** What model.ts exports. */
export interface DateModelModule {
  /** Chooses what computes, and says what that is; by default it is wasm, and nobody need choose. */
  use(backend: 'js' | 'wasm' | 'gpu'): Promise<string>;
  train(options: TrainOptions): Promise<Trained>;
  /** Throws StaleModelError for a file of an older format or another alphabet; other damage as the format's reader says it. */
  load(path: string): Promise<DateModel>;
}

/** A saved model that this program can no longer use: it says why, and a new one is trained. */
export class StaleModelError extends Error {
  override readonly name = 'StaleModelError';
}
