/** Layer normalization of rows, forwards and backwards. */
import { sizeOf } from '../../shape.js';
import { nest } from '../nest.js';
import type { LayerNormGradientParams, LayerNormParams } from '../js/layer-norm.js';
import type { Func, Local, Value } from './assembler.js';
import type { Engine } from './engine.js';
import { emitFolds, emitRow, type Operand, type Pass } from './lines.js';
import { bitsOf, emitRows, emitSweep, loadPart, readParams, storePart } from './loops.js';
import { lanes } from './math.js';
import type { Located, Place, Recipe } from './recipe.js';
import { planReduce } from './reduce.js';
import { alongLast, isStill } from './rows.js';

/** Places and strides of operands over the axes before the last; those in `whole` have no last axis. */
function rowsOf(operands: readonly Located[], whole: number, shape: readonly number[]): { sizes: number[]; params: (number | Place)[] } {
  const loops = nest(shape, operands.map((v, k) => (k < whole ? { shape: v.shape.slice(0, -1), strides: v.strides.slice(0, -1) } : v)));
  const params: (number | Place)[] = operands.map((v) => v.place);
  loops.sizes.forEach((size, d) => params.push(size, ...operands.map((_, k) => 4 * loops.strides[k][d])));
  return { sizes: [...loops.sizes], params };
}

/** Adds the step that computes y, means and reciprocal deviations; nothing is empty. Its units are rows. */
export function planLayerNorm(engine: Engine, recipe: Recipe, { epsilon, scaled, shifted }: LayerNormParams, inputs: readonly Located[], [y, m, r]: readonly Located[]): void {
  const lines = [...inputs.map((x) => alongLast(engine, recipe, x)), y];
  const n = y.shape[y.shape.length - 1];
  const { sizes, params } = rowsOf([...lines, m, r], lines.length, m.shape);
  const still = lines.map(isStill);
  const kernel = engine.kernelOf(`layerNorm:${Number(scaled)}${Number(shifted)}:${still.map(Number).join('')}:${sizes.length}`, (f, block, from, end) => {
    const [size] = readParams(f, block, 1);
    const count = f.local('v128', f.op('f32x4.splat', f.op('f32.convert_i32_s', size)));
    const eps = f.local('v128', f.load('v128.load32_splat', block, 4));
    emitRows(f, block, from, end, 2, lines.length + 2, sizes.length, (at) => {
      const operands = lines.map((_, k): Operand => ({ at: at[k], dtype: 'float32', still: still[k] }));
      const [mean, deviation] = at.slice(-2);
      emitRow(f, forwardPasses(f, { scaled, shifted, count, eps, mean, deviation }), operands, size);
    });
  });
  recipe.step(kernel, [n, bitsOf(epsilon), ...params], sizeOf(sizes), { chunk: Math.max(1, Math.floor(65536 / n)), nanoseconds: 0.5 * n });
}

/** Operands: x, gamma, beta, y. The mean; what it misses and the variance around it; the result. */
function forwardPasses(f: Func, { scaled, shifted, count, eps, mean, deviation }: { scaled: boolean; shifted: boolean; count: Local; eps: Local; mean: Local; deviation: Local }): Pass[] {
  const { add, sub, mul, div } = lanes(f);
  const keep = (v: Value) => f.local('v128', v);
  const parameters = [...(scaled ? [1] : []), ...(shifted ? [scaled ? 2 : 1] : [])];
  return [
    { reads: [0], width: 4, folds: ['sum'], *value([x]) { return x; }, found: ([sum]) => [keep(div(sum, count))] },
    {
      reads: [0], width: 4, folds: ['sum', 'squares'],
      *value([x], found) { return sub(x, found(0)); },
      found([sum, squares], found) {
        // The first mean is off by the mean of what is left, which is small: so the rest of its rounding error goes, too.
        const missed = keep(div(sum, count));
        const variance = f.op('f32x4.pmax', sub(div(squares, count), mul(missed, missed)), f.f32x4(0));
        const results = [keep(add(found(0), missed)), keep(div(f.f32x4(1), f.op('f32x4.sqrt', add(variance, eps))))];
        f.store('v128.store32_lane', mean, results[0], 0, 0);
        f.store('v128.store32_lane', deviation, results[1], 0, 0);
        return results;
      },
    },
    {
      reads: [0, ...parameters], width: 4, writes: parameters.length + 1,
      *value([x, ...rest], found) {
        const y = mul(sub(x, found(1)), scaled ? mul(found(2), rest[0]) : found(2));
        return shifted ? add(y, rest[rest.length - 1]) : y;
      },
    },
  ];
}

/** Rows whose shares of the parameters' gradients are added up in one place, at least; there are at most `mostGroups` such places. */
const leastRows = 16;
const mostGroups = 64;

/** Adds the steps that compute gx and, if wanted, ggamma and gbeta: groups of rows, each adding up in a place of its own, then the sum of the places. */
export function planLayerNormGradient(engine: Engine, recipe: Recipe, { scaled, parameters }: LayerNormGradientParams, inputs: readonly Located[], [gx, ggamma, gbeta]: readonly Located[]): void {
  const [x, m, r, g, gamma] = inputs;
  const lines = [x, g, ...(scaled ? [gamma] : [])].map((v) => alongLast(engine, recipe, v));
  lines.push(gx);
  const n = gx.shape[gx.shape.length - 1];
  const still = lines.map(isStill);
  const { sizes, params } = rowsOf([...lines, m, r], lines.length, gx.shape.slice(0, -1));
  const total = sizeOf(sizes);
  const rows = Math.max(leastRows, Math.ceil(total / mostGroups));
  const groups = Math.ceil(total / rows);
  const shares = parameters ? [0, 1].map(() => recipe.room(4 * groups * n)) : [0, 0];
  const kernel = engine.kernelOf(`layerNormGradient:${Number(parameters)}:${still.map(Number).join('')}:${sizes.length}`, (f, block, from, end) => {
    const [size, all, perGroup, gammas, betas] = readParams(f, block, 5);
    const [group, first, last, skip] = Array.from({ length: 4 }, () => f.local('i32'));
    const own = [gammas, betas].map(() => f.local('i32'));
    f.each(group, from, end, 1, () => {
      f.set(first, f.op('i32.mul', group, perGroup));
      f.set(last, f.op('i32.add', first, perGroup));
      f.if(f.op('i32.gt_u', last, all), () => f.set(last, all));
      if (parameters) {
        f.set(skip, f.op('i32.mul', f.op('i32.mul', group, size), 4));
        own.forEach((p, i) => {
          f.set(p, f.op('i32.add', [gammas, betas][i], skip));
          const [to, left] = [f.local('i32', p), f.local('i32', size)];
          f.while(left, () => { f.store('i32.store', to, 0); f.advance(to, 4); f.set(left, f.op('i32.sub', left, 1)); });
        });
      }
      emitRows(f, block, first, last, 5, lines.length + 2, sizes.length, (at) => emitGradientRow(f, { size, at, still, shares: parameters ? own : [] }));
    });
  });
  recipe.step(kernel, [n, total, rows, ...shares, ...params], groups, { chunk: Math.max(1, Math.floor(65536 / (n * rows))), nanoseconds: 0.7 * n * rows });
  if (!parameters) return;
  [ggamma, gbeta].forEach((to, i) => planReduce(engine, recipe, 'sum', { shape: [groups, n], strides: [n, 1], dtype: 'float32', place: shares[i] as Place }, [0], to));
}

interface GradientRow { size: Local; at: readonly Local[]; still: readonly boolean[]; shares: readonly Local[] }

/** A row at pointers to x, g, gamma, gx, mean and reciprocal deviation: two sweeps, the first of which also adds to the shares. */
function emitGradientRow(f: Func, { size, at, still, shares }: GradientRow): void {
  const { add, sub, mul, div } = lanes(f);
  const [mean, deviation] = at.slice(-2).map((p) => f.local('v128', f.load('v128.load32_splat', p)));
  const count = f.op('f32x4.splat', f.op('f32.convert_i32_s', size));
  const [inputs, to] = [at.slice(0, still.length - 1), at[still.length - 1]];
  const fixed = inputs.map((p, k) => (still[k] ? f.local('v128', f.load('v128.load32_splat', p)) : null));
  /** What a sweep moves along: the inputs, and what it writes; and h, s and g of its vectors. */
  const along = (written: readonly Local[]) => {
    const pointers = inputs.map((p, k) => (still[k] ? null : f.local('i32', p)));
    const into = written.map((p) => f.local('i32', p));
    const read = (k: number, u: number, rest: Local | null): Local => fixed[k] ?? f.local('v128', loadPart(f, 'float32', pointers[k]!, u, rest));
    const terms = (vectors: number, rest: Local | null) => Array.from({ length: vectors }, (_, u) => {
      const g = read(1, u, rest);
      const h = f.local('v128', mul(sub(read(0, u, rest), mean), deviation));
      return { h, s: inputs.length > 2 ? f.local('v128', mul(g, read(2, u, rest))) : g, g };
    });
    return { into, terms, moves: [...pointers, ...into].flatMap((p): [Local, number][] => (p ? [[p, 4]] : [])) };
  };
  const first = along(shares);
  const sums = emitFolds(f, size, ['sum', 'sum'], 2, first.moves, (vectors, rest) => {
    const found = first.terms(vectors, rest);
    first.into.forEach((p, i) => found.forEach(({ h, g }, u) => storePart(f, 'float32', p, add(loadPart(f, 'float32', p, u, rest), i === 0 ? mul(g, h) : g), u, rest)));
    return [found.map(({ s }) => s), found.map(({ h, s }) => mul(s, h))];
  });
  const [average, slope] = sums.map((s) => f.local('v128', mul(div(s, count), deviation)));
  const second = along([to]);
  emitSweep(f, f.local('i32', size), second.moves, 2, (vectors, rest) => second.terms(vectors, rest).forEach(({ h, s }, u) =>
    storePart(f, 'float32', second.into[0], sub(sub(mul(s, deviation), average), mul(h, slope)), u, rest)));
}
