/** The training loop, with Keras's semantics: losses weighted by batch size, the validation split taken before shuffling. */
import { add, concat, jit, mul, sliced, tensor, transaction, ShapeError, ValueError, type Like, type Tensor } from '@heed/tensor';
import { share, wholeNumber } from '@heed/tensor/checks';
import { atHand } from '@heed/tensor/op';
import { pause } from '@heed/tensor/jit/sliced';
import { noGrad, valueAndGrad } from '@heed/autograd';
import { batchesFrom, batchesOf, cut, isDataset, listOf, rows, type Batches, type Dataset, type TrainingData } from './batches.js';
import type { Callback, Logs } from './callback.js';
import { serialize, type Config } from './config.js';
import { nextSeed } from './initializers.js';
import { getLoss, Loss, losses as knownLosses, reduceLoss, type LossLike } from './losses.js';
import { maskOf, withLosses, type LayerOutput } from './layer.js';
import { getMetric, metrics as knownMetrics, tally, type MetricLike } from './metrics.js';
import type { Trainable } from './model.js';
import { getOptimizer, type OptimizerLike } from './optimizers/get-optimizer.js';
import type { Optimizer } from './optimizers/optimizer.js';
import { progress, type Verbose } from './progress.js';
import { Sums } from './sums.js';

export interface CompileOptions {
  readonly optimizer?: OptimizerLike;
  readonly loss?: LossLike | readonly LossLike[];
  /** For a model with several outputs an entry for each: a metric, or a list of them. */
  readonly metrics?: readonly (MetricLike | readonly MetricLike[])[];
  readonly lossWeights?: readonly number[];
  /** Whether steps are traced and replayed (the default) or run op by op. */
  readonly jitCompile?: boolean;
}
export interface PredictOptions {
  readonly batchSize?: number;
  /** Work at most about so many milliseconds at a time, so that a page goes on living (see `sliced`). By default a step is done as a whole. */
  readonly sliceMs?: number;
}
export interface EvaluateOptions extends PredictOptions {
  /** How much each sample counts in the loss, [B]; or each step of each sample, [B, T]. */
  readonly sampleWeight?: Like;
}
export interface FitOptions extends EvaluateOptions {
  readonly epochs?: number;
  readonly initialEpoch?: number;
  readonly validationSplit?: number;
  readonly validationData?: readonly [x: TrainingData, y: TrainingData, sampleWeight?: Like];
  readonly shuffle?: boolean;
  readonly seed?: number;
  readonly callbacks?: readonly Callback[];
  readonly classWeight?: Readonly<Record<number, number>>;
  /** How many batches make an epoch; all by default. A dataset goes on in the next epoch where it stopped. */
  readonly stepsPerEpoch?: number;
  /** 0: silent; 1: a progress bar; 2: a line per epoch; 'auto': 1 in a terminal, 2 elsewhere. */
  readonly verbose?: Verbose;
  /** Aborted, training stops between two steps; what was learnt until then stays. */
  readonly signal?: AbortSignal;
}
export interface History {
  readonly epoch: number[];
  /** Per key (`loss`, `accuracy`, `val_loss`, ...) its value at each epoch. */
  readonly history: Record<string, number[]>;
}

/** A step as it is, or in slices. */
function paced<F extends (...args: never[]) => unknown>(f: F, sliceMs: number | undefined): (...args: Parameters<F>) => ReturnType<F> | Promise<ReturnType<F>> {
  if (sliceMs === undefined) return f as (...args: Parameters<F>) => ReturnType<F>;
  if (!('pieces' in f)) throw new ValueError('sliceMs: steps that run op by op (jitCompile: false) are not sliced; leave one of the two out.');
  return sliced(f, { sliceMs });
}

/** w is a list of one, or empty. Gives a sum and what it is of, for all that is logged. */
type Step = (x: Tensor[], y: Tensor[], w: Tensor[]) => Tensor[];

type Validation = readonly [x: Tensor[], y: Tensor[], sampleWeight?: Like] | null;

export class Trainer {
  readonly optimizer: Optimizer;
  private readonly learn: Step;
  private readonly judge: Step;
  private readonly ask: (x: Tensor[]) => Tensor[];
  private single = true;

  constructor(private readonly model: Trainable, private readonly o: CompileOptions) {
    this.optimizer = getOptimizer(o.optimizer ?? 'rmsprop');
    const losses = (o.loss === undefined ? [] : Array.isArray(o.loss) ? (o.loss as readonly LossLike[]) : [o.loss as LossLike]).map((which) => ({ f: getLoss(which), reduction: which instanceof Loss ? which.reduction : undefined }));
    const several = model.outputNames.length > 1;
    const { metrics: given = [] } = o;
    if (several && given.length && given.length !== model.outputNames.length) throw new ValueError(`compile: metrics has ${given.length} for the ${model.outputNames.length} outputs of ${model.name}; give one for each, a metric or a list of them.`);
    const metrics = given.flatMap((which, k) => (Array.isArray(which) ? (which as readonly MetricLike[]) : [which as MetricLike]).map((m) => {
      const { name, f } = getMetric(m);
      return { name: several ? `${model.outputNames[k]}_${name}` : name, f, output: several ? k : 0 };
    }));
    this.names = ['loss', ...(several ? model.outputNames.map((name) => `${name}_loss`) : []), ...metrics.map((m) => m.name)];
    const outputsOf = (y: LayerOutput): Tensor[] => {
      this.single = !Array.isArray(y);
      return Array.isArray(y) ? y : [y];
    };
    const inputOf = (x: Tensor[]): LayerOutput => (x.length === 1 ? x[0] : x);
    /** The loss, then those of the outputs that it is the weighted sum of, beside the penalty. */
    const lossOf = (p: Tensor[], y: Tensor[], [w]: Tensor[], penalty: Tensor | null): [Tensor, ...Tensor[]] => {
      if (!losses.length) throw new ValueError(`${model.name}: there is no loss; pass one to compile.`);
      const parts = p.map((out, k) => {
        const { f, reduction } = losses[k] ?? losses[0]!;
        return reduceLoss(f(y[k]!, out), { weight: w, mask: maskOf(out), reduction });
      });
      return [[...parts.map((loss, k) => (o.lossWeights ? mul(loss, o.lossWeights[k] ?? 1) : loss)), ...(penalty ? [penalty] : [])].reduce((a, b) => add(a, b)), ...parts];
    };
    const report = (found: Tensor[], p: Tensor[], y: Tensor[]): Tensor[] => noGrad(() => [
      ...(several ? found : found.slice(0, 1)).flatMap((loss) => [mul(loss, rows(y)), tensor(rows(y))]),
      ...metrics.flatMap(({ f, output }) => tally(f(y[output]!, p[output]!), maskOf(p[output]!))),
    ]);
    // Either way a step that fails changes nothing.
    const compiled = <F extends (...args: never[]) => unknown>(f: F, name: string): F =>
      (o.jitCompile === false ? (((...args: Parameters<F>) => transaction(() => f(...args))) as F) : jit(f, { name }));
    this.learn = compiled((x: Tensor[], y: Tensor[], w: Tensor[]) => {
      const variables = model.trainableWeights;
      const [[, [found, p]], gradients] = valueAndGrad(() => {
        const [out, penalty] = withLosses(model, () => outputsOf(model.apply(inputOf(x), { training: true })));
        const all = lossOf(out, y, w, penalty);
        return [all[0], [all, out]] as const;
      }, variables, { aux: true });
      this.optimizer.apply(gradients, variables);
      return report(found, p, y);
    }, 'a training step');
    this.judge = compiled((x: Tensor[], y: Tensor[], w: Tensor[]) => {
      const [p, penalty] = withLosses(model, () => outputsOf(model.apply(inputOf(x), { training: false })));
      return report(lossOf(p, y, w, penalty), p, y);
    }, 'an evaluation step');
    this.ask = compiled((x: Tensor[]) => outputsOf(model.apply(inputOf(x), { training: false })), 'a prediction step');
  }
  private readonly names: string[];

  /** What it was compiled with, with Keras's keys. */
  getConfig(): Config {
    const { loss, metrics, lossWeights, jitCompile = true } = this.o;
    const functions = { ...knownLosses, ...knownMetrics };
    return {
      optimizer: serialize(this.optimizer, 'compile: optimizer'), loss: serialize(loss, 'compile: loss', functions), metrics: serialize(metrics, 'compile: metrics', functions),
      loss_weights: serialize(lossWeights, 'compile: lossWeights'), jit_compile: jitCompile,
    };
  }

  /** Variables must exist before a step is traced. */
  private prepare(x: Tensor[]): void {
    this.model.ensureBuilt(x.length === 1 ? x[0]!.shape : x.map((t) => t.shape));
    if (this.o.loss !== undefined) this.optimizer.build(this.model.trainableWeights);
  }

  private check(who: string, x: Tensor[], y: Tensor[]): void {
    for (const t of [...x, ...y]) {
      if (t.rank === 0 || t.shape[0] !== rows(x)) throw new ShapeError(`${who}: x has ${rows(x)} samples, another input or target has shape [${t.shape.join(', ')}]; all must have as many.`);
    }
    if (!rows(x)) throw new ValueError(`${who}: there are no samples.`);
  }

  /** What `fit` walks through, and what it validates with after each epoch. */
  private source(xs: TrainingData | Dataset, ys: TrainingData | null | undefined, o: FitOptions): { batches: Batches; validation: Validation } {
    const { batchSize = 32, validationSplit = 0, shuffle = true, stepsPerEpoch } = o;
    let validation: Validation = o.validationData ? [listOf(o.validationData[0]), listOf(o.validationData[1]), o.validationData[2]] : null;
    if (isDataset(xs)) {
      if (ys !== null && ys !== undefined) throw new ValueError('fit: a dataset was given with y; its batches [x, y] have the targets, so leave y out.');
      if (validationSplit || o.sampleWeight !== undefined) throw new ValueError('fit: a dataset takes no validationSplit and no sampleWeight; give validationData, and weights in its batches [x, y, sampleWeight].');
      const batches = batchesFrom(xs, (batch) => {
        const [x, y] = [listOf(batch[0]), listOf(batch[1])];
        this.check('fit', x, y);
        this.prepare(x);
        return [x, y, this.weightsFor(y, { sampleWeight: batch[2], classWeight: o.classWeight })];
      }, stepsPerEpoch);
      return { batches, validation };
    }
    if (ys === null || ys === undefined) throw new ValueError('fit: there is no y; give the targets, or a dataset of batches [x, y] as x.');
    let [x, y] = [listOf(xs), listOf(ys)];
    this.check('fit', x, y);
    let w = this.weightsFor(y, o);
    if (validationSplit && !validation) {
      const at = Math.floor(rows(x) * (1 - validationSplit));
      if (at === 0 || at === rows(x)) throw new ValueError(`fit: validationSplit ${validationSplit} of ${rows(x)} samples leaves one side empty; both need at least one.`);
      validation = [cut(x, at, rows(x)), cut(y, at, rows(y)), o.sampleWeight && cut(w, at, rows(w))[0]];
      [x, y, w] = [cut(x, 0, at), cut(y, 0, at), cut(w, 0, at)];
    }
    this.prepare(x);
    return { batches: batchesOf(x, y, w, { batchSize, shuffle, seed: o.seed ?? nextSeed(), stepsPerEpoch }), validation };
  }

  async fit(xs: TrainingData | Dataset, ys: TrainingData | null | undefined, o: FitOptions): Promise<History> {
    const { batchSize = 32, epochs = 1, initialEpoch = 0, validationSplit = 0, stepsPerEpoch, verbose, signal, sliceMs } = o;
    wholeNumber('fit', 'batchSize', batchSize);
    wholeNumber('fit', 'stepsPerEpoch', stepsPerEpoch ?? 1);
    wholeNumber('fit', 'epochs', epochs, 0);
    wholeNumber('fit', 'initialEpoch', initialEpoch, 0);
    share('fit', 'validationSplit', validationSplit);
    const { batches, validation } = this.source(xs, ys, o);
    const { model } = this;
    const result: History = { epoch: [], history: {} };
    const printed = progress({ verbose, epochs, steps: batches.steps });
    const callbacks = [...(o.callbacks ?? []), ...(printed ? [printed] : [])];
    const tell = async (f: (c: Callback) => void | Promise<void>) => { for (const c of callbacks) await f(c); };
    const learn = paced(this.learn, sliceMs);
    const watched = callbacks.some((c) => c.onBatchEnd);
    if (sliceMs !== undefined) await pause(); // weights were drawn
    model.stopTraining = false;
    await tell((c) => c.onTrainBegin?.(model));
    let logs: Logs = {};
    for (let epoch = initialEpoch; epoch < epochs && !model.stopTraining && !signal?.aborted; epoch++) {
      await tell((c) => c.onEpochBegin?.(epoch, model));
      const sums = new Sums();
      let [step, whole] = [0, true];
      for await (const [x, y, w] of batches.epoch(epoch)) {
        if (signal?.aborted) {
          whole = false;
          break;
        }
        await tell((c) => c.onBatchBegin?.(step, model));
        await sums.add(await learn(x, y, w), watched);
        if (watched) {
          logs = this.logs(sums);
          await tell((c) => c.onBatchEnd?.(step, logs, model));
        }
        if (step++ % 8 === 7) await pause();
      }
      if (!whole) break;
      await sums.settle();
      if (step) logs = this.logs(sums);
      if (validation) {
        const found = await this.evaluate(validation[0], validation[1], { batchSize, sampleWeight: validation[2], sliceMs });
        for (const [k, v] of Object.entries(found)) logs[`val_${k}`] = v;
      }
      result.epoch.push(epoch);
      for (const [k, v] of Object.entries(logs).sort(([p], [q]) => (p < q ? -1 : 1))) (result.history[k] ??= []).push(v);
      await tell((c) => c.onEpochEnd?.(epoch, logs, model));
    }
    await tell((c) => c.onTrainEnd?.(logs, model));
    return result;
  }

  async evaluate(xs: TrainingData, ys: TrainingData, o: EvaluateOptions = {}): Promise<Record<string, number>> {
    const [x, y] = [listOf(xs), listOf(ys)];
    this.check('evaluate', x, y);
    this.prepare(x);
    const { batchSize = 32, sliceMs } = o;
    const w = this.weightsFor(y, o);
    const sums = new Sums();
    const judge = paced(this.judge, sliceMs);
    for (let from = 0; from < rows(x); from += batchSize) {
      const to = Math.min(rows(x), from + batchSize);
      await sums.add(await judge(cut(x, from, to), cut(y, from, to), cut(w, from, to)));
    }
    await sums.settle();
    return this.logs(sums);
  }

  async predict(xs: TrainingData, { batchSize = 32, sliceMs }: PredictOptions): Promise<LayerOutput> {
    const x = listOf(xs);
    wholeNumber('predict', 'batchSize', batchSize);
    this.check('predict', x, []);
    this.prepare(x);
    const parts: Tensor[][] = [];
    const ask = paced(this.ask, sliceMs);
    for (let from = 0; from < rows(x); from += batchSize) parts.push(await ask(cut(x, from, Math.min(rows(x), from + batchSize))));
    const joined = parts[0]!.map((_, k) => concat(parts.map((p) => p[k]!)));
    return this.single ? joined[0] : joined;
  }

  predictOnBatch(xs: TrainingData): LayerOutput {
    const x = listOf(xs);
    this.prepare(x);
    const y = this.ask(x);
    return this.single ? y[0] : y;
  }
  trainOnBatch(x: TrainingData, y: TrainingData): Promise<Record<string, number>> { return this.once('trainOnBatch', this.learn, x, y); }
  testOnBatch(x: TrainingData, y: TrainingData): Promise<Record<string, number>> { return this.once('testOnBatch', this.judge, x, y); }
  private async once(who: string, step: Step, xs: TrainingData, ys: TrainingData): Promise<Record<string, number>> {
    const [x, y] = [listOf(xs), listOf(ys)];
    this.check(who, x, y);
    this.prepare(x);
    const sums = new Sums();
    await sums.add(step(x, y, []), true);
    return this.logs(sums);
  }

  private logs({ values: sums }: Sums): Logs { return Object.fromEntries(this.names.map((name, i) => [name, sums[2 * i + 1] ? sums[2 * i]! / sums[2 * i + 1]! : 0])); }

  /** The weights of samples or steps, as given or by class; none where all weigh 1. */
  private weightsFor(y: Tensor[], { sampleWeight, classWeight }: { readonly sampleWeight?: Like; readonly classWeight?: Readonly<Record<number, number>> }): Tensor[] {
    const n = rows(y);
    if (sampleWeight !== undefined && classWeight) throw new ValueError('fit: give sampleWeight or classWeight, not both.');
    if (sampleWeight !== undefined) {
      const w = tensor(sampleWeight, { dtype: 'float32' });
      if (w.rank === 0 || w.shape[0] !== n) throw new ShapeError(`fit: sampleWeight [${w.shape.join(', ')}] must be [${n}], one weight per sample, or [${n}, ...], one per step.`);
      return [w];
    }
    if (!classWeight) return [];
    if (y.length > 1) throw new ValueError('fit: classWeight is for models with one output; give sampleWeight.');
    const classes = atHand(() => (y[0]!.rank > 1 && y[0]!.shape[1]! > 1 ? y[0]!.argmax({ axis: -1 }) : y[0]!));
    return [tensor(Float32Array.from(classes.data(), (c) => classWeight[Math.round(c)] ?? 1))];
  }
}
