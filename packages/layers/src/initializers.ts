/** How weights begin. Names, defaults and formulas are Keras's. */
import { add, cast, eye, full, mul, random, tensor, ValueError, zeros, type DType, type Shape, type Tensor } from '@heed/tensor';

/** Makes the first value of a weight. */
export type Initializer = (shape: Shape, dtype: DType) => Tensor;
export type InitializerLike = Initializer | string;

let base = Math.floor(Math.random() * 2 ** 31);
let draws = 0;

/** Fixes every later unseeded draw of layers and initializers, so that a run can be repeated. */
export function setRandomSeed(seed: number): void {
  if (!Number.isInteger(seed)) throw new ValueError(`setRandomSeed: seed ${seed}; it must be a whole number.`);
  base = seed;
  draws = 0;
}

/** A seed of its own for each caller that has none. */
export const nextSeed = (): number => (base + 1) * 65536 + draws++;

export interface SeedOption {
  readonly seed?: number;
}

/** Each initializer keeps one seed, so that it gives the same values for the same shape, as Keras's do. */
const draw = (seed: number | undefined, make: (seed: number, shape: Shape) => Tensor): Initializer => {
  let own = seed;
  return (shape, dtype) => cast(make((own ??= nextSeed()), shape), dtype);
};

export const initZeros = (): Initializer => (shape, dtype) => zeros(shape, { dtype });
export const initOnes = (): Initializer => (shape, dtype) => full(shape, 1, { dtype });
export const constant = ({ value = 0 }: { value?: number } = {}): Initializer => (shape, dtype) => full(shape, value, { dtype });
export const identity = ({ gain = 1 }: { gain?: number } = {}): Initializer => (shape, dtype) => {
  if (shape.length !== 2 || shape[0] !== shape[1]) throw new ValueError(`identity: shape [${shape.join(', ')}] is not a square matrix; use it for kernels [n, n] only.`);
  return mul(eye(shape[0]!, { dtype }), gain);
};
/** Even over [minval, maxval). */
export const randomUniform = ({ minval = -0.05, maxval = 0.05, seed }: { minval?: number; maxval?: number } & SeedOption = {}): Initializer =>
  draw(seed, (s, shape) => random.uniform(shape, { seed: s, low: minval, high: maxval }));
export const randomNormal = ({ mean = 0, stddev = 0.05, seed }: { mean?: number; stddev?: number } & SeedOption = {}): Initializer =>
  draw(seed, (s, shape) => random.normal(shape, { seed: s, mean, std: stddev }));

/** Normal, redrawn where it is more than two standard deviations away. */
const truncated = (seed: number, shape: Shape, stddev: number, mean = 0): Tensor => {
  const out = new Float32Array(shape.reduce((n, d) => n * d, 1));
  let filled = 0;
  for (let round = 0; filled < out.length; round++) {
    for (const z of random.normal([out.length], { seed: seed + round * 0x10000000 }).data()) {
      if (Math.abs(z) <= 2 && filled < out.length) out[filled++] = z;
    }
  }
  return add(mul(tensor(out, { shape }), stddev), mean);
};
export const truncatedNormal = ({ mean = 0, stddev = 0.05, seed }: { mean?: number; stddev?: number } & SeedOption = {}): Initializer =>
  draw(seed, (s, shape) => truncated(s, shape, stddev, mean));

/** Inputs and outputs that a kernel connects: the last two sizes, times the receptive field before them. */
export function fans(shape: Shape): [fanIn: number, fanOut: number] {
  if (shape.length < 2) return shape.length ? [shape[0]!, shape[0]!] : [1, 1];
  const field = shape.slice(0, -2).reduce((n, d) => n * d, 1);
  return [field * shape[shape.length - 2]!, field * shape[shape.length - 1]!];
}

export interface VarianceScalingOptions extends SeedOption {
  readonly scale?: number;
  readonly mode?: 'fan_in' | 'fan_out' | 'fan_avg';
  readonly distribution?: 'truncated_normal' | 'untruncated_normal' | 'uniform';
}
/** Variance scale / n, with n the inputs, outputs or their mean (Glorot and Bengio 2010, He et al. 2015). */
export const varianceScaling = ({ scale = 1, mode = 'fan_in', distribution = 'truncated_normal', seed }: VarianceScalingOptions = {}): Initializer =>
  draw(seed, (s, shape) => {
    const [fanIn, fanOut] = fans(shape);
    const variance = scale / Math.max(1, mode === 'fan_in' ? fanIn : mode === 'fan_out' ? fanOut : (fanIn + fanOut) / 2);
    if (distribution === 'uniform') return random.uniform(shape, { seed: s, low: -Math.sqrt(3 * variance), high: Math.sqrt(3 * variance) });
    if (distribution === 'untruncated_normal') return random.normal(shape, { seed: s, std: Math.sqrt(variance) });
    return truncated(s, shape, Math.sqrt(variance) / 0.87962566103423978);
  });

export const glorotUniform = (o: SeedOption = {}): Initializer => varianceScaling({ mode: 'fan_avg', distribution: 'uniform', ...o });
export const glorotNormal = (o: SeedOption = {}): Initializer => varianceScaling({ mode: 'fan_avg', ...o });
export const heUniform = (o: SeedOption = {}): Initializer => varianceScaling({ scale: 2, distribution: 'uniform', ...o });
export const heNormal = (o: SeedOption = {}): Initializer => varianceScaling({ scale: 2, ...o });
export const lecunUniform = (o: SeedOption = {}): Initializer => varianceScaling({ distribution: 'uniform', ...o });
export const lecunNormal = (o: SeedOption = {}): Initializer => varianceScaling({ ...o });

/** Orthonormal rows or columns: Gram and Schmidt's method on a normal matrix (Saxe et al. 2014). */
export const orthogonal = ({ gain = 1, seed }: { gain?: number } & SeedOption = {}): Initializer =>
  draw(seed, (s, shape) => {
    if (shape.length < 2) throw new ValueError(`orthogonal: shape [${shape.join(', ')}]; it must have rank 2 or more.`);
    const cols = shape[shape.length - 1]!;
    const rows = shape.slice(0, -1).reduce((n, d) => n * d, 1);
    const [count, length] = [Math.min(rows, cols), Math.max(rows, cols)];
    const basis = Float64Array.from(random.normal([count * length], { seed: s }).data());
    for (let i = 0; i < count; i++) {
      const v = basis.subarray(i * length, (i + 1) * length);
      for (let pass = 0; pass < 2; pass++) {
        for (let j = 0; j < i; j++) {
          const u = basis.subarray(j * length, (j + 1) * length);
          const dot = v.reduce((sum, x, k) => sum + x * u[k]!, 0);
          for (let k = 0; k < length; k++) v[k]! -= dot * u[k]!;
        }
      }
      const norm = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
      for (let k = 0; k < length; k++) v[k]! *= gain / norm;
    }
    const out = new Float32Array(rows * cols);
    for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[i * cols + j] = rows <= cols ? basis[i * length + j]! : basis[j * length + i]!;
    return tensor(out, { shape });
  });

const named: Record<string, () => Initializer> = {
  zeros: initZeros, zero: initZeros, ones: initOnes, one: initOnes, constant, identity,
  random_uniform: randomUniform, uniform: randomUniform, random_normal: randomNormal, normal: randomNormal, truncated_normal: truncatedNormal,
  variance_scaling: varianceScaling, glorot_uniform: glorotUniform, glorot_normal: glorotNormal, he_uniform: heUniform, he_normal: heNormal,
  lecun_uniform: lecunUniform, lecun_normal: lecunNormal, orthogonal,
};

/** An initializer by Keras's name, or as it is. */
export function getInitializer(which: InitializerLike): Initializer {
  if (typeof which === 'function') return which;
  const make = named[which];
  if (!make) throw new ValueError(`getInitializer: there is no initializer '${which}'; use ${Object.keys(named).join(', ')}.`);
  return make();
}

