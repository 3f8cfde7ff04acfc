/** Where the largest or smallest element is along an axis: the first, and NaN before any number. */
import type { Func, Local } from './assembler.js';
import { copyDense } from './copy.js';
import type { Engine } from './engine.js';
import { loadSome, readParams, storeSome } from './loops.js';
import type { Located, Recipe } from './recipe.js';
import { groupsOf, singleStep } from './reduce.js';

type Arg = 'argmax' | 'argmin';
export const isArg = (kind: string): kind is Arg => kind === 'argmax' || kind === 'argmin';

/** Adds the step that writes the places into the dense int32 `to`; nothing is empty. False for several axes that are not neighbours. */
export function planArg(engine: Engine, recipe: Recipe, kind: Arg, given: Located, axes: readonly number[], to: Located): boolean {
  const simple = (x: Located) => singleStep(groupsOf(x, axes));
  // An axis of size 1 alone is in no group: its place is 0 whatever lies there.
  const whole = { outer: 1, outerStride: 0, middle: 1, middleStride: 1, inner: 1 };
  let x = given;
  const reduced = () => groupsOf(x, axes).some((g) => g.reduced);
  let step = reduced() ? simple(x) : { ...whole, inner: to.shape.reduce((n, d) => n * d, 1) };
  if (!step) step = simple((x = copyDense(engine, recipe, x)));
  if (!step) return false;
  const { outer, outerStride, middle, middleStride, inner } = step;
  const kernel = engine.kernelOf(`reduce:${kind}`, (f, block, from, to) => emitArg(f, kind, block, from, to));
  recipe.step(kernel, [x.place, 4 * outerStride, middle, 4 * middleStride, inner, to.place], outer, { nanoseconds: 0.5 * middle * inner });
  return true;
}

/** out[i, c] = the first r whose x[i outerStride + r middleStride + c] is best, four columns at a time. */
function emitArg(f: Func, kind: Arg, block: Local, from: Local, to: Local): void {
  const [x, outerStride, n, stride, inner, out] = readParams(f, block, 6);
  const [i, left, p, q, r, start] = Array.from({ length: 6 }, () => f.local('i32'));
  const [best, place, v, better] = Array.from({ length: 4 }, () => f.local('v128'));
  const columns = (read: () => () => void): void => {
    f.set(p, start);
    f.set(best, read());
    f.set(place, f.i32x4(0));
    f.each(r, 1, n, 1, () => {
      f.advance(p, stride);
      f.set(v, read());
      f.set(better, f.op('v128.or', f.op(kind === 'argmax' ? 'f32x4.gt' : 'f32x4.lt', v, best), f.op('v128.and', f.op('f32x4.ne', v, v), f.op('f32x4.eq', best, best))));
      f.set(best, f.op('v128.bitselect', v, best, better));
      f.set(place, f.op('v128.bitselect', f.op('i32x4.splat', r), place, better));
    });
  };
  f.each(i, from, to, 1, () => {
    f.set(start, f.op('i32.add', x, f.op('i32.mul', i, outerStride)));
    f.set(q, f.op('i32.add', out, f.op('i32.mul', i, f.op('i32.mul', inner, 4))));
    f.set(left, inner);
    f.while(f.op('i32.ge_u', left, 4), () => {
      columns(() => f.load('v128.load', p));
      f.store('v128.store', q, place);
      f.advance(start, 16);
      f.advance(q, 16);
      f.set(left, f.op('i32.sub', left, 4));
    });
    f.if(left, () => {
      columns(() => loadSome(f, 'float32', p, left));
      storeSome(f, 'int32', q, place, left);
    });
  });
}
