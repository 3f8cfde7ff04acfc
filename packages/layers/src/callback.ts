/** What training tells whoever listens. */
import type { Trainable } from './model.js';

export type Logs = Record<string, number>;
type Maybe = void | Promise<void>;

export interface Callback {
  onTrainBegin?(model: Trainable): Maybe;
  onTrainEnd?(logs: Logs, model: Trainable): Maybe;
  onEpochBegin?(epoch: number, model: Trainable): Maybe;
  onEpochEnd?(epoch: number, logs: Logs, model: Trainable): Maybe;
  onBatchBegin?(step: number, model: Trainable): Maybe;
  onBatchEnd?(step: number, logs: Logs, model: Trainable): Maybe;
}
