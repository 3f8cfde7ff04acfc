/** Seeded random numbers: the same seed gives the same numbers on every backend, platform and thread count. */
import { randomFamily, type RandomParams } from './backends/js/random.js';
import { tensor } from './create.js';
import { ShapeError, ValueError } from './errors.js';
import { atHand, defineOp, run1 } from './op.js';
import { add, mul } from './ops/binary.js';
import { checkShape, type Shape } from './shape.js';
import { fromData, type Tensor } from './tensor.js';
import { Variable } from './variable.js';

export const randomOp = /* @__PURE__ */ defineOp<RandomParams & { readonly shape: Shape }>({
  name: 'random',
  infer([state], { shape, kind }) {
    if (state!.shape.length !== 1 || state!.shape[0] !== 3 || state!.dtype !== 'int32') throw new ShapeError('random: the state must be int32 [3]: two words of key and a counter.');
    return [{ shape, dtype: kind === 'bits' ? 'int32' : 'float32' }];
  },
  lower: (_, { kind }) => ({ family: randomFamily, params: { kind } }),
  vjp: [null],
  reads: { inputs: [], outputs: [] },
});

/** Spreads a seed over two words of key (the finalizer of MurmurHash3). */
function keyOf(seed: number): [number, number] {
  if (!Number.isInteger(seed)) throw new ValueError(`random: seed ${seed}; it must be a whole number.`);
  const mix = (h: number): number => {
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) | 0;
  };
  const [low, high] = [seed | 0, Math.floor(seed / 2 ** 32) | 0];
  return [mix(low ^ 0x68656564), mix(Math.imul(high, 31) ^ mix(low))];
}

let generators = 0;

/** A stream of random states: every `next()` is another. Its state is a variable, so jitted functions advance it too. */
export class SeedGenerator {
  readonly state: Variable;
  constructor(readonly seed: number, { name }: { name?: string } = {}) {
    this.state = new Variable(tensor(Int32Array.from([...keyOf(seed), 0])), { name: name ?? `seed_generator_${generators++}`, trainable: false });
  }
  /** The state for one draw; the counter goes on. */
  next(): Tensor {
    const state = this.state.value;
    this.state.assign(add(state, tensor(Int32Array.from([0, 0, 1]))));
    return state;
  }
}

export type Seed = number | SeedGenerator;
const stateOf = (seed: Seed): Tensor => {
  if (seed === undefined) throw new ValueError('random: there is no seed; pass { seed: number } or a SeedGenerator, so that the run can be repeated.');
  return typeof seed === 'number' ? fromData(Int32Array.from([...keyOf(seed), 0]), [3], 'int32') : seed.next();
};

interface Common {
  readonly seed: Seed;
}
/** Whoever gives no options hears about the seed. */
const nothing = {} as Common;

/** Even over [low, high). */
function uniform(shape: Shape, { seed, low = 0, high = 1 }: Common & { low?: number; high?: number } = nothing): Tensor {
  if (!(low < high && Number.isFinite(high - low))) throw new ValueError(`random.uniform: low ${low} and high ${high}; low must be below high, and both finite.`);
  const u = run1(randomOp, [stateOf(seed)], { kind: 'uniform', shape: checkShape('random.uniform', shape) });
  return low === 0 && high === 1 ? u : add(mul(u, high - low), low);
}

/** Normal with the given mean and standard deviation (Box and Muller 1958). */
function normal(shape: Shape, { seed, mean = 0, std = 1 }: Common & { mean?: number; std?: number } = nothing): Tensor {
  if (!(std >= 0 && Number.isFinite(std + mean))) throw new ValueError(`random.normal: mean ${mean} and std ${std}; both must be finite and std >= 0.`);
  const z = run1(randomOp, [stateOf(seed)], { kind: 'normal', shape: checkShape('random.normal', shape) });
  return mean === 0 && std === 1 ? z : add(mul(z, std), mean);
}

/** 0 ... n - 1 in random order, int32: n draws of 32 bits, sorted. */
function permutation(n: number, { seed }: Common = nothing): Tensor {
  checkShape('random.permutation', [n]);
  // At hand at once, whatever computes the rest.
  const bits = atHand(() => run1(randomOp, [stateOf(seed)], { kind: 'bits', shape: [n] })).data();
  const order = Int32Array.from({ length: n }, (_, i) => i).sort((p, q) => bits[p]! - bits[q]! || p - q);
  return fromData(order, [n], 'int32');
}

export const random = { uniform, normal, permutation };
