/** What optimizers share: the step count, the learning rate as a variable, clipping, slots. Rules and defaults are Keras's. */
import { add, div, clip, mul, sqrt, square, sum, tensor, transaction, ValueError, Variable, where, zeros, less, type Tensor } from '@heed/tensor';
import { leaves, noGrad, type Tree } from '@heed/autograd';
import { isTensor } from '@heed/tensor';
import { complete, configOf, construct, snakeCase, type Config, type Defaults } from '../config.js';
import { allowed } from '../constraints.js';

/** A learning rate as a function of the step (an int32 scalar), computed with ops. */
export type Schedule = (step: Tensor) => Tensor;

export interface OptimizerOptions {
  readonly learningRate?: number | Schedule;
  /** Each gradient is scaled down to this norm. */
  readonly clipnorm?: number;
  /** All gradients together are scaled down to this norm. */
  readonly globalClipnorm?: number;
  /** Each element is held in [-clipvalue, clipvalue]. */
  readonly clipvalue?: number;
  readonly weightDecay?: number;
  readonly name?: string;
}

/** Options with their defaults. */
type Complete<O> = O & { readonly [K in keyof O]-?: Exclude<O[K], undefined> };
/** What `static defaults` of an optimizer must state: every option but the name. */
export type OptimizerDefaults<O> = Defaults<O, 'name'>;
/** The options of all optimizers; each has a learning rate of its own. */
export const commonDefaults: OptimizerDefaults<Omit<OptimizerOptions, 'learningRate'>> = { clipnorm: null, globalClipnorm: null, clipvalue: null, weightDecay: null };

const normOf = (g: Tensor): Tensor => sum(square(g));
/** g scaled so that its norm is at most `limit`. */
const scaled = (g: Tensor, squared: Tensor, limit: number): Tensor => {
  const norm = sqrt(squared);
  return mul(g, where(less(norm, limit), 1, div(limit, norm)));
};

export abstract class Optimizer<O extends OptimizerOptions = OptimizerOptions> {
  static readonly positional: readonly string[] = [];
  static readonly defaults: Readonly<Record<string, unknown>> = {};
  readonly module = 'keras.optimizers';
  readonly name: string;
  /** The options, with their defaults. */
  protected readonly o: Complete<O>;
  readonly iterations = new Variable(tensor(0, { dtype: 'int32' }), { name: 'iteration', trainable: false });
  readonly learningRate: Variable;
  private readonly schedule: Schedule | null;
  private readonly slots = new Map<Variable, Variable[]>();

  constructor(given: O = {} as O) {
    const o = (this.o = complete((this.constructor as typeof Optimizer).defaults, given) as Complete<O>);
    this.name = o.name ?? snakeCase(this.constructor.name);
    const { learningRate } = o as Complete<OptimizerOptions>;
    if (typeof learningRate === 'number' && !(learningRate >= 0)) throw new ValueError(`${this.constructor.name}: learningRate is ${learningRate}; it must be >= 0.`);
    if ([o.clipnorm, o.globalClipnorm, o.clipvalue].filter((v) => v !== undefined).length > 1) throw new ValueError(`${this.constructor.name}: give only one of clipnorm, globalClipnorm and clipvalue.`);
    this.schedule = typeof learningRate === 'function' ? learningRate : null;
    this.learningRate = new Variable(typeof learningRate === 'number' ? learningRate : 0, { name: 'learning_rate', trainable: false });
  }

  /** Names of the state that each variable has; one zeroed variable per name. */
  protected abstract readonly slotNames: readonly string[];
  /** The next value of a variable; assigns its slots. `t` is the step, from 1, as a float. */
  protected abstract update(w: Tensor, g: Tensor, slots: readonly Variable[], rate: Tensor, t: Tensor): Tensor;

  /** Whether there are variables that it has state for. */
  built = false;
  /** Makes the state for these variables, where there is none. */
  build(variables: readonly Variable[]): void {
    this.built = true;
    for (const v of variables) {
      if (!this.slots.has(v)) this.slots.set(v, this.slotNames.map((name) => new Variable(zeros(v.shape, { dtype: v.dtype }), { name: `${v.name}_${name}`, trainable: false })));
    }
  }

  /** All state: the step, the learning rate, then each variable's slots. */
  get variables(): Variable[] { return [this.iterations, this.learningRate, ...[...this.slots.values()].flat()]; }

  /** State by name: the step, the learning rate, and `<name of the variable>/<slot>`. */
  state(nameOf: (v: Variable) => string | undefined): Map<string, Variable> {
    const slots = [...this.slots].filter(([v]) => nameOf(v) !== undefined).flatMap(([v, list]) => list.map((slot, i): [string, Variable] => [`${nameOf(v)}/${this.slotNames[i]!}`, slot]));
    return new Map([['iteration', this.iterations], ['learning_rate', this.learningRate], ...slots]);
  }

  /** What the constructor needs to make this optimizer again, with Keras's keys and the learning rate as it is now. */
  getConfig(): Config {
    const { name: _name, ...own } = this.o as OptimizerOptions;
    return { name: this.name, ...configOf(this, this.constructor as typeof Optimizer, this.schedule ? own : { ...own, learningRate: this.learningRate.value.item() }) };
  }
  static fromConfig(config: Config): Optimizer { return construct(this as typeof Optimizer, config, ['name']) as Optimizer; }

  /** One step: every variable moves against its gradient, all together. Takes what `valueAndGrad` gives. */
  apply(gradients: Tree<Tensor>, variables: Tree<Variable>): void {
    noGrad(() => transaction(() => {
      const list = leaves<Variable>(variables);
      const found = leaves<Tensor>(gradients, isTensor);
      if (found.length !== list.length) throw new ValueError(`${this.constructor.name}: ${found.length} gradients for ${list.length} variables; give one each.`);
      this.build(list);
      const step = this.iterations.value;
      const rate = this.schedule ? this.schedule(step) : this.learningRate.value;
      const clipped = this.clip(found);
      const t = add(step, 1).cast('float32');
      list.forEach((v, i) => {
        const w = v.value;
        const decayed = this.o.weightDecay ? w.sub(w.mul(rate.mul(this.o.weightDecay))) : w;
        v.assign(allowed(v, this.update(decayed, clipped[i]!, this.slots.get(v)!, rate, t).cast(v.dtype)));
      });
      if (this.schedule) this.learningRate.assign(rate);
      this.iterations.assign(add(step, 1));
    }));
  }

  private clip(gradients: readonly Tensor[]): readonly Tensor[] {
    const { clipnorm, globalClipnorm, clipvalue } = this.o;
    if (clipnorm !== undefined) return gradients.map((g) => scaled(g, normOf(g), clipnorm));
    if (globalClipnorm !== undefined) {
      const total = gradients.map(normOf).reduce((p, q) => add(p, q));
      return gradients.map((g) => scaled(g, total, globalClipnorm));
    }
    return clipvalue === undefined ? gradients : gradients.map((g) => clip(g, -clipvalue, clipvalue));
  }
}

