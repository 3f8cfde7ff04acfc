/** Long work in short slices, so that a page goes on living while it is done. */
import { ValueError } from '../errors.js';
import type { Jitted } from './jit.js';

/** Lets whatever waits have its turn: timers, input, painting. */
export const pause = (): Promise<void> => new Promise((resolve) => {
  if (typeof setImmediate === 'function') return void setImmediate(resolve);
  const { port1, port2 } = new MessageChannel(); // a timer would wait for 4 ms
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(null);
});

/** Runs work to its end without giving way. */
export function toEnd<R>(work: Generator<void, R>): R {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value as R;
  }
}

/**
 * The jitted function `f`, which gives a promise and works at most about `sliceMs` milliseconds at a time: between kernels, and inside
 * long ones, it gives way to timers, input and painting. Variables that it assigns change at the end, all of them.
 *
 * Errors: a call before the last one is through, and assigning a variable that it uses meanwhile, are refused; nothing of the call is kept.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function sliced<F extends (...args: any[]) => unknown>(f: F, { sliceMs = 10 }: { readonly sliceMs?: number } = {}): (...args: Parameters<F>) => Promise<ReturnType<F>> {
  if (!('pieces' in f)) throw new ValueError('sliced: the function is not jitted, and can only be run as a whole; give it to jit first.');
  if (!(sliceMs >= 0)) throw new ValueError(`sliced: sliceMs is ${String(sliceMs)}; it must be a number of milliseconds >= 0.`);
  return async (...args) => {
    const work = (f as unknown as Jitted).pieces(args);
    let began = performance.now();
    for (;;) {
      const { done, value } = work.next();
      if (done) return value as ReturnType<F>;
      if (performance.now() - began < sliceMs) continue;
      await pause();
      began = performance.now();
    }
  };
}
