/** Philox4x32-10, four counters at a time: the same words as in js, and so the same uniform numbers. */
import { sizeOf } from '../../shape.js';
import type { RandomParams } from '../js/random.js';
import type { Func, Local, Value } from './assembler.js';
import { transpose4 } from './copy.js';
import type { Engine } from './engine.js';
import { readParams, storeSome } from './loops.js';
import { follow, lanes, lockstep, logOf, type Steps } from './math.js';
import { circle, turned } from './math-trigonometric.js';
import type { Located, Recipe } from './recipe.js';

/** Elements of a unit: four counters of four words. */
const perUnit = 16;

/** Adds the step that fills the dense `y` from the state, int32 [key, key, counter]. */
export function planRandom(engine: Engine, recipe: Recipe, kind: RandomParams['kind'], state: Located, y: Located): void {
  const size = sizeOf(y.shape);
  const kernel = engine.kernelOf(`random:${kind}`, (f, block, from, to) => {
    const [at, jump, size, out] = readParams(f, block, 4);
    const [key0, key1, counter] = [0, 1, 2].map((i) => f.local('v128', f.load('v128.load32_splat', f.op('i32.add', at, f.op('i32.mul', jump, i)))));
    const i = f.local('i32');
    const [p, left] = [f.local('i32', f.op('i32.add', out, f.op('i32.mul', from, 4 * perUnit))), f.local('i32', f.op('i32.sub', size, f.op('i32.mul', from, perUnit)))];
    f.each(i, from, to, 1, () => {
      const first = f.op('i32x4.add', f.op('i32x4.splat', f.op('i32.mul', i, 4)), f.vector(Int32Array.of(0, 1, 2, 3)));
      const words = emitPhilox(f, f.local('v128', first), counter, key0, key1);
      for (const v of transpose4(f, numbers(f, kind, words))) {
        f.if(f.op('i32.ge_s', left, 4), () => f.store('v128.store', p, v), () => f.if(f.op('i32.gt_s', left, 0), () => storeSome(f, 'float32', p, v, left)));
        f.advance(p, 16);
        f.advance(left, -4);
      }
    });
  });
  recipe.step(kernel, [state.place, 4 * state.strides[0], size, y.place], Math.ceil(size / perUnit), { chunk: 4096, nanoseconds: kind === 'normal' ? 300 : 110 });
}

/** The four words of four counters. */
function emitPhilox(f: Func, c0: Local, c1: Local, key0: Local, key1: Local): Local[] {
  const keep = (v: Value) => f.local('v128', v);
  const xor = (a: Value, b: Value) => f.op('v128.xor', a, b);
  /** High and low words of products with a constant. */
  const product = (x: Local, by: number): Local[] => {
    const [low, high] = (['i64x2.extmul_low_i32x4_u', 'i64x2.extmul_high_i32x4_u'] as const).map((op) => keep(f.op(op, x, f.i32x4(by))));
    return [[1, 3, 5, 7], [0, 2, 4, 6]].map((words) => keep(f.shuffle(words, low, high)));
  };
  let [x0, x1, x2, x3] = [c0, c1, keep(f.i32x4(0)), keep(f.i32x4(0))];
  const [k0, k1] = [keep(key0), keep(key1)];
  for (let round = 0; round < 10; round++) {
    const [[h0, l0], [h1, l1]] = [product(x0, 0xd2511f53), product(x2, 0xcd9e8d57)];
    [x0, x1, x2, x3] = [keep(xor(xor(h1, x1), k0)), l1, keep(xor(xor(h0, x3), k1)), l0];
    f.set(k0, f.op('i32x4.add', k0, f.i32x4(0x9e3779b9)));
    f.set(k1, f.op('i32x4.add', k1, f.i32x4(0xbb67ae85)));
  }
  return [x0, x1, x2, x3];
}

/** The numbers that words stand for. */
function numbers(f: Func, kind: RandomParams['kind'], words: readonly Local[]): Local[] {
  if (kind === 'bits') return [...words];
  const { mul } = lanes(f);
  const keep = (v: Value) => f.local('v128', v);
  if (kind === 'uniform') return words.map((w) => keep(mul(high24(f, w), f.f32x4(2 ** -24))));
  const radii = lockstep(f, [words[0], words[2]].map((w) => radius(f, w)));
  return [words[1], words[3]].flatMap((w, i) => {
    // The angle is 2 pi k / 2^24: its quarter turns are taken off as integers.
    const k = keep(f.op('i32x4.shr_u', w, 8));
    const n = keep(f.op('i32x4.shr_u', f.op('i32x4.add', k, f.i32x4(2 ** 21)), 22));
    const r = keep(mul(f.op('f32x4.convert_i32x4_s', f.op('i32x4.sub', k, f.op('i32x4.shl', n, 22))), f.f32x4(2 * Math.PI * 2 ** -24)));
    const waves = follow(f, circle(f, r));
    return [keep(f.op('i32x4.add', n, f.i32x4(1))), n].map((turns) => keep(mul(radii[i], turned(f, waves, turns))));
  });
}

const high24 = (f: Func, w: Local): Value => f.op('f32x4.convert_i32x4_s', f.op('i32x4.shr_u', w, 8));

/** sqrt(-2 log u), u = (w + 1) / 2^32: as a float32 and what is left of it, since the logarithm is near 0 where u is near 1. */
function* radius(f: Func, w: Local): Steps {
  const { add, sub, mul, div } = lanes(f);
  const high = yield mul(high24(f, w), f.f32x4(2 ** -24));
  const low = yield mul(f.op('f32x4.convert_i32x4_s', f.op('i32x4.add', f.op('v128.and', w, f.i32x4(255)), f.i32x4(1))), f.f32x4(2 ** -32));
  const u = yield add(high, low);
  const logarithm = yield yield* logOf(f, u, yield div(sub(low, sub(u, high)), u));
  return f.op('f32x4.sqrt', mul(logarithm, f.f32x4(-2)));
}
