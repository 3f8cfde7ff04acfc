/** How weights begin. Names, defaults and formulas are Keras's. */
import { add, cast, eye, full, mul, random, tensor, ValueError, zeros, type DType, type Shape, type Tensor } from '@heed/tensor';
import { atHand } from '@heed/tensor/op';
import { described, lookUp, type Defaults, type Written } from './config.js';

/** Inputs and outputs that a kernel connects. */
export type Fans = readonly [fanIn: number, fanOut: number];
/** Makes the first value of a weight. */
export type Initializer = (shape: Shape, dtype: DType, fans?: Fans) => Tensor;
export type InitializerLike = Initializer | string | Written;

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
  readonly seed?: number | null;
}

/** Each initializer keeps one seed, so that it gives the same values for the same shape, as Keras's do. */
const draw = (seed: number | null | undefined, make: (seed: number, shape: Shape, fans?: Fans) => Tensor): Initializer => {
  let own = seed;
  return (shape, dtype, fans) => atHand(() => cast(make((own ??= nextSeed()), shape, fans), dtype));
};

const initializer = <O extends object>(className: string, defaults: Defaults<O>, make: (o: Required<O>) => Initializer) => described('keras.initializers', className, defaults, make);

export const initZeros = /* @__PURE__ */ initializer('Zeros', {}, () => (shape, dtype) => zeros(shape, { dtype }));
export const initOnes = /* @__PURE__ */ initializer('Ones', {}, () => (shape, dtype) => full(shape, 1, { dtype }));
export const constant = /* @__PURE__ */ initializer<{ readonly value?: number }>('Constant', { value: 0 }, ({ value }) => (shape, dtype) => full(shape, value, { dtype }));
export const identity = /* @__PURE__ */ initializer<{ readonly gain?: number }>('Identity', { gain: 1 }, ({ gain }) => (shape, dtype) => {
  if (shape.length !== 2 || shape[0] !== shape[1]) throw new ValueError(`identity: shape [${shape.join(', ')}] is not a square matrix; use it for kernels [n, n] only.`);
  return mul(eye(shape[0]!, { dtype }), gain);
});
/** Even over [minval, maxval). */
export const randomUniform = /* @__PURE__ */ initializer<{ readonly minval?: number; readonly maxval?: number } & SeedOption>('RandomUniform', { minval: -0.05, maxval: 0.05, seed: null }, ({ minval, maxval, seed }) =>
  draw(seed, (s, shape) => random.uniform(shape, { seed: s, low: minval, high: maxval })));
export const randomNormal = /* @__PURE__ */ initializer<{ readonly mean?: number; readonly stddev?: number } & SeedOption>('RandomNormal', { mean: 0, stddev: 0.05, seed: null }, ({ mean, stddev, seed }) =>
  draw(seed, (s, shape) => random.normal(shape, { seed: s, mean, std: stddev })));

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
export const truncatedNormal = /* @__PURE__ */ initializer<{ readonly mean?: number; readonly stddev?: number } & SeedOption>('TruncatedNormal', { mean: 0, stddev: 0.05, seed: null }, ({ mean, stddev, seed }) =>
  draw(seed, (s, shape) => truncated(s, shape, stddev, mean)));

/** Inputs and outputs that a kernel connects: the last two sizes, times the receptive field before them. */
export function fans(shape: Shape): Fans {
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
export const varianceScaling = /* @__PURE__ */ initializer<VarianceScalingOptions>('VarianceScaling', { scale: 1, mode: 'fan_in', distribution: 'truncated_normal', seed: null }, ({ scale, mode, distribution, seed }) =>
  draw(seed, (s, shape, given) => {
    const [fanIn, fanOut] = given ?? fans(shape);
    const variance = scale / Math.max(1, mode === 'fan_in' ? fanIn : mode === 'fan_out' ? fanOut : (fanIn + fanOut) / 2);
    if (distribution === 'uniform') return random.uniform(shape, { seed: s, low: -Math.sqrt(3 * variance), high: Math.sqrt(3 * variance) });
    if (distribution === 'untruncated_normal') return random.normal(shape, { seed: s, std: Math.sqrt(variance) });
    return truncated(s, shape, Math.sqrt(variance) / 0.87962566103423978);
  }));

/** Variance scaling with all but the seed settled. */
const scaling = (className: string, settled: VarianceScalingOptions) => initializer<SeedOption>(className, { seed: null }, (o) => varianceScaling({ ...settled, ...o }));
export const glorotUniform = /* @__PURE__ */ scaling('GlorotUniform', { mode: 'fan_avg', distribution: 'uniform' });
export const glorotNormal = /* @__PURE__ */ scaling('GlorotNormal', { mode: 'fan_avg' });
export const heUniform = /* @__PURE__ */ scaling('HeUniform', { scale: 2, distribution: 'uniform' });
export const heNormal = /* @__PURE__ */ scaling('HeNormal', { scale: 2 });
export const lecunUniform = /* @__PURE__ */ scaling('LecunUniform', { distribution: 'uniform' });
export const lecunNormal = /* @__PURE__ */ scaling('LecunNormal', {});

/** Orthonormal rows or columns: Gram and Schmidt's method on a normal matrix (Saxe et al. 2014). */
export const orthogonal = /* @__PURE__ */ initializer<{ readonly gain?: number } & SeedOption>('Orthogonal', { gain: 1, seed: null }, ({ gain, seed }) =>
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
  }));

export const initializers: Record<string, (o?: never) => Initializer> = {
  zeros: initZeros, zero: initZeros, ones: initOnes, one: initOnes, constant, identity,
  random_uniform: randomUniform, uniform: randomUniform, random_normal: randomNormal, normal: randomNormal, truncated_normal: truncatedNormal,
  variance_scaling: varianceScaling, glorot_uniform: glorotUniform, glorot_normal: glorotNormal, he_uniform: heUniform, he_normal: heNormal,
  lecun_uniform: lecunUniform, lecun_normal: lecunNormal, orthogonal,
};

/** An initializer by Keras's name or configuration, or as it is. */
export const getInitializer = (which: InitializerLike): Initializer => lookUp('Initializer', which, initializers);
