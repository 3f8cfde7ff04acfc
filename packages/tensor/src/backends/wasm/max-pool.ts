/** The gradient of max pooling: each window gives its gradient to its first largest cell. */
import type { WindowAttributes } from '../../ops/windows.js';
import { isContiguous } from '../../shape.js';
import type { Func, Local, Operand, Value } from './assembler.js';
import { copyDense, planFill } from './copy.js';
import type { Engine } from './engine.js';
import { loadSome, readParams, storeSome } from './loops.js';
import type { Located, Recipe } from './recipe.js';

/** x [B, H, W, C] and g [B, H', W', C] into y [B, H, W, C]: units are images, for windows of one may overlap. */
export function planMaxPoolGradient(engine: Engine, recipe: Recipe, { kernel: [kh, kw], strides: [sh, sw], dilation: [dh, dw] }: WindowAttributes, inputs: readonly Located[], [y]: readonly Located[]): void {
  const [x, g] = inputs.map((v) => (isContiguous(v.shape, v.strides) ? v : copyDense(engine, recipe, v)));
  const [B, H, W, C] = x.shape;
  const [, rows, columns] = g.shape;
  const row = 4 * W * C;
  planFill(engine, recipe, y, 0);
  const params = [x.place, g.place, y.place, H * row, rows, columns, C, kh, kw, sh * row, 4 * sw * C, dh * row, 4 * dw * C];
  recipe.step(engine.kernelOf('maxPoolGradient', emitMaxPoolGradient), params, B, { nanoseconds: 0.5 * rows * columns * kh * kw * C });
}

function emitMaxPoolGradient(f: Func, block: Local, from: Local, to: Local): void {
  const [x, g, y, image, rows, columns, channels, kh, kw, stepDown, stepRight, cellDown, cellRight] = readParams(f, block, 13);
  const [b, i, j, left, p, r, c] = Array.from({ length: 7 }, () => f.local('i32'));
  const [best, open, hit, given] = Array.from({ length: 4 }, () => f.local('v128'));
  const times = (n: Value, of: Operand) => f.op('i32.mul', n, of);
  /** Visits every cell of a window that begins `start` bytes into the images, with its address in x (`p`). */
  const eachCell = (start: Value, visit: () => void): void => {
    f.each(r, 0, kh, 1, () => {
      f.set(p, f.op('i32.add', x, f.op('i32.add', start, times(r, cellDown))));
      f.each(c, 0, kw, 1, () => {
        visit();
        f.advance(p, cellRight);
      });
    });
  };
  const distance = f.local('i32', f.op('i32.sub', y, x));
  const windowStart = f.local('i32');
  const channelsAt = (load: (address: Value) => Value, store: (address: Value, v: Value) => void): void => {
    f.set(best, f.f32x4(-Infinity));
    eachCell(windowStart, () => f.set(best, f.op('f32x4.max', best, load(p))));
    f.set(given, load(g));
    f.set(open, f.i32x4(-1));
    eachCell(windowStart, () => {
      const v = f.local('v128', load(p));
      f.set(hit, f.op('v128.and', open, f.op('v128.or', f.op('f32x4.eq', v, best), f.op('f32x4.ne', v, v)))); // NaN before any number
      f.set(open, f.op('v128.andnot', open, hit));
      const q = f.local('i32', f.op('i32.add', p, distance));
      store(q, f.op('f32x4.add', load(q), f.op('v128.and', hit, given)));
    });
  };
  f.advance(g, times(times(from, times(rows, columns)), times(channels, 4)));
  f.each(b, from, to, 1, () => {
    const start = f.local('i32', times(b, image));
    f.each(i, 0, rows, 1, () => {
      f.each(j, 0, columns, 1, () => {
        f.set(windowStart, f.op('i32.add', start, f.op('i32.add', times(i, stepDown), times(j, stepRight))));
        f.set(left, channels);
        f.while(f.op('i32.ge_u', left, 4), () => {
          channelsAt((at) => f.load('v128.load', at), (at, v) => f.store('v128.store', at, v));
          f.advance(windowStart, 16);
          f.advance(g, 16);
          f.set(left, f.op('i32.sub', left, 4));
        });
        f.if(left, () => {
          channelsAt((at) => loadSome(f, 'float32', at, left), (at, v) => storeSome(f, 'float32', at, f.local('v128', v), left));
          f.advance(g, times(left, 4));
        });
      });
    });
  });
}
