/** What `fit` prints: Keras's progress bar in a terminal, a line per epoch elsewhere. */
import { ValueError } from '@heed/tensor';
import type { Callback, Logs } from './callback.js';

export type Verbose = 0 | 1 | 2 | 'auto';
/** Where the text goes: a terminal can draw a line again. */
export interface Writer {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Whether it takes whole lines only, so that nothing can be drawn. */
  readonly lines?: boolean;
}

const WIDTH = 20;
/** The bar is drawn again after this many milliseconds. */
const INTERVAL = 50;

/** The standard output, or the console of a browser, which takes whole lines. */
function defaultWriter(): Writer {
  const out = (globalThis as { process?: { stdout?: Writer } }).process?.stdout;
  return out?.write ? out : { write: (text) => console.log(text.replace(/\n$/, '')), lines: true };
}

const number = (v: number): string => (Math.abs(v) > 1e-3 ? v.toFixed(4) : v.toExponential(4).replace(/(?<=e[+-])\d$/, '0$&'));
const metrics = (logs: Logs): string => Object.keys(logs).sort().map((k) => ` - ${k}: ${number(logs[k]!)}`).join('');
const pace = (ms: number): string => (ms >= 1000 || ms === 0 ? `${(ms / 1000).toFixed(0)}s/step` : ms >= 1 ? `${ms.toFixed(0)}ms/step` : `${(ms * 1000).toFixed(0)}us/step`);
const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
const remaining = (s: number): string => (s > 3600 ? `${Math.floor(s / 3600)}:${two((s % 3600) / 60)}:${two(s % 60)}` : s > 60 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s)}s`);

/** Green for what is done, as Keras draws it. */
function bar(done: number, steps: number): string {
  const full = Math.floor((WIDTH * done) / steps);
  return `\x1b[1m${String(done).padStart(String(steps).length)}/${steps}\x1b[0m ${full ? `\x1b[32m${'━'.repeat(full)}\x1b[0m` : ''}\x1b[37m${'━'.repeat(WIDTH - full)}\x1b[0m`;
}

export interface ProgressOptions {
  readonly verbose?: Verbose;
  readonly epochs: number;
  /** Steps of an epoch; null where only its end tells. */
  readonly steps: number | null;
  readonly writer?: Writer;
  readonly now?: () => number;
}

/** Tells how training goes: 1 draws a bar, 2 writes a line per epoch, 'auto' draws in a terminal and writes elsewhere; null for 0. */
export function progress({ verbose = 'auto', epochs, steps, writer = defaultWriter(), now = () => performance.now() }: ProgressOptions): Callback | null {
  if (![0, 1, 2, 'auto'].includes(verbose)) throw new ValueError(`fit: verbose is ${String(verbose)}; use 0, 1, 2 or 'auto'.`);
  if (verbose === 0) return null;
  const draws = !writer.lines && (verbose === 1 || (verbose === 'auto' && !!writer.isTTY));
  let [began, first, drawn, done, width] = [0, 0, 0, 0, 0];
  // The first step is traced and compiled, so it does not count where there are others.
  const perStep = (): number => (done > 1 ? (now() - first) / (done - 1) : done ? (now() - began) / done : 0);
  const draw = (logs: Logs, last: boolean): void => {
    const head = steps === null && !last ? `${String(done).padStart(7)}/Unknown` : bar(done, last ? done : steps!);
    const time = last || steps === null ? `${((now() - began) / 1000).toFixed(0)}s` : remaining((perStep() * (steps - done)) / 1000);
    const text = `${head} ${time} ${pace(perStep())}${metrics(logs)}`;
    writer.write(`\r${text.padEnd(width)}${last ? '\n' : ''}`);
    width = last ? 0 : text.length;
    drawn = now();
  };
  return {
    onTrainEnd() {
      if (width) writer.write('\n'); // stopped within an epoch
    },
    onEpochBegin(epoch) {
      if (epochs > 1) writer.write(`Epoch ${epoch + 1}/${epochs}\n`);
      [began, first, drawn, done, width] = [now(), 0, -Infinity, 0, 0];
    },
    onBatchEnd(step, logs) {
      done = step + 1;
      if (done === 1) first = now();
      if (draws && done !== steps && now() - drawn >= INTERVAL) draw(logs, false);
    },
    onEpochEnd(_epoch, logs) {
      if (draws) draw(logs, true);
      else writer.write(`${done}/${done} - ${((now() - began) / 1000).toFixed(0)}s - ${pace(perStep())}${metrics(logs)}\n`);
    },
  };
}
