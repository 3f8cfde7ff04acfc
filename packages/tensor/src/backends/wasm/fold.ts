/** Windows added back to where they were cut from: one pass per cell of the window, in each of which nothing overlaps. */
import { add, input } from '../../scalar/expression.js';
import { planFill } from './copy.js';
import type { Engine } from './engine.js';
import { addMap } from './map.js';
import type { Located, Recipe } from './recipe.js';

const sum = [add(input(0), input(1))];

/** x [B, H', W', kh, kw, C] into y, where cell (b, i, j, p, q, c) lies at the given strides. False where y's rows are not dense. */
export function planFold(engine: Engine, recipe: Recipe, strides: readonly number[], x: Located, y: Located): boolean {
  const [B, H, W, kh, kw, C] = x.shape;
  const shape = [B, H, W, C];
  const pick = (s: readonly number[]) => [s[0], s[1], s[2], s[5]];
  const last = [3, 2, 1, 0].find((axis) => shape[axis] > 1);
  if (last !== undefined && pick(strides)[last] !== 1) return false;
  planFill(engine, recipe, y, 0);
  for (let p = 0; p < kh; p++) {
    for (let q = 0; q < kw; q++) {
      const at = (v: Located, s: readonly number[]): Located => ({ shape, strides: pick(s), dtype: v.dtype, place: v.place.plus(4 * (p * s[3] + q * s[4])) });
      addMap(engine, recipe, sum, [at(y, strides), at(x, x.strides)], [at(y, strides)]);
    }
  }
  return true;
}
