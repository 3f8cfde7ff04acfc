/** Layers without a matrix: shapes, activations, dropout, joining. */
import { any, broadcastTo, concat, div, expandDims, greaterEqual, mul, ones, random, reshape, SeedGenerator, ShapeError, where, type Tensor } from '@heed/tensor';
import { share } from '@heed/tensor/checks';
import { getActivation, type ActivationLike } from '../activations.js';
import { nextSeed } from '../initializers.js';
import { Layer, type CallOptions, type LayerDefaults, type LayerOptions } from '../layer.js';

/** y = activation(x). */
export class Activation extends Layer {
  static override readonly positional = ['activation'];
  constructor(readonly activation: ActivationLike, o: LayerOptions = {}) {
    super(o);
    getActivation(activation);
  }
  override call(x: Tensor): Tensor { return getActivation(this.activation)(x); }
}

/** All axes but the first as one: [B, ...] -> [B, n]. */
export class Flatten extends Layer {
  override call(x: Tensor): Tensor {
    if (!x.rank) throw new ShapeError('Flatten: expected x [B, ...], got a scalar.');
    return reshape(x, [x.shape[0]!, x.shape.slice(1).reduce((n, d) => n * d, 1)]);
  }
  override computeMask(): null { return null; }
}

/** Each sample under another shape; one size may be -1. */
export class Reshape extends Layer {
  static override readonly positional = ['targetShape'];
  constructor(readonly targetShape: readonly number[], o: LayerOptions = {}) { super(o); }
  override call(x: Tensor): Tensor {
    const size = x.shape.slice(1).reduce((n, d) => n * d, 1);
    const known = this.targetShape.reduce((n, d) => (d === -1 ? n : n * d), 1);
    const target = this.targetShape.map((d) => (d === -1 ? size / known : d));
    if (target.reduce((n, d) => n * d, 1) !== size || target.some((d) => !Number.isInteger(d))) {
      throw new ShapeError(`Reshape: x [${x.shape.join(', ')}] has ${size} elements per sample, [${this.targetShape.join(', ')}] cannot hold them.`);
    }
    return reshape(x, [x.shape[0]!, ...target]);
  }
  override computeMask(): null { return null; }
}

export interface ConcatenateOptions extends LayerOptions {
  readonly axis?: number;
}
/** Inputs side by side along an axis. */
export class Concatenate extends Layer<ConcatenateOptions> {
  static override readonly defaults: LayerDefaults<ConcatenateOptions> = { axis: -1 };
  readonly axis: number = this.o.axis;
  override call(xs: readonly Tensor[]): Tensor { return concat(xs, { axis: this.axis }); }
  /** A cell of the output is masked where every channel of it comes from a masked cell. */
  override computeMask(xs: readonly Tensor[], masks: readonly (Tensor | null)[] | null): Tensor | null {
    if (!masks?.some((m) => m)) return null;
    const wide = xs.map((x, i) => {
      const m = masks[i];
      return m ? broadcastTo(m.rank < x.rank ? expandDims(m, -1) : m, x.shape) : ones(x.shape, { dtype: 'bool' });
    });
    return any(concat(wide, { axis: this.axis }), { axis: -1 });
  }
}

export interface DropoutOptions extends LayerOptions {
  readonly seed?: number;
}
/**
 * In training, each element becomes 0 with probability `rate` and is scaled by 1 / (1 - rate) otherwise; else nothing changes.
 *
 * Source: Srivastava et al. 2014, "Dropout".
 */
export class Dropout extends Layer<DropoutOptions> {
  static override readonly positional = ['rate'];
  static override readonly defaults: LayerDefaults<DropoutOptions> = { seed: null };
  private readonly generator: SeedGenerator;
  constructor(readonly rate: number, o: DropoutOptions = {}) {
    super(o);
    share('Dropout', 'rate', rate, true);
    this.generator = new SeedGenerator(o.seed ?? nextSeed(), { name: `${this.name}/seed_generator` });
  }
  override call(x: Tensor, { training = false }: CallOptions): Tensor {
    if (!training || this.rate === 0) return x;
    if (this.rate === 1) return mul(x, 0);
    const keep = greaterEqual(random.uniform(x.shape, { seed: this.generator }), this.rate);
    return where(keep, div(x, 1 - this.rate), 0);
  }
}
