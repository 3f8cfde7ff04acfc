import cliProgress, { type SingleBar } from 'cli-progress';
import type { Epoch, Progress } from './contract.js';

export interface Reporter {
  step(progress: Progress): void;
  epoch(epoch: Epoch): void;
  /** A line for people; on a terminal it goes above the bar. */
  log(line: string): void;
  /** Leaves the terminal as it was found; more calls do nothing. */
  stop(): void;
}

export interface ReporterOptions {
  readonly stream?: NodeJS.WriteStream;
  /** A moving bar instead of lines. By default: where the stream is a terminal. */
  readonly bar?: boolean;
  /** Milliseconds, as from `performance.now`. */
  readonly now?: () => number;
}

/** Shows training as it goes: a bar on a terminal, elsewhere a plain line every five seconds and after each epoch. */
export function reporter(options: ReporterOptions = {}): Reporter {
  const stream = options.stream ?? process.stdout;
  const now = options.now ?? (() => performance.now());
  return (options.bar ?? stream.isTTY === true) ? bar(stream, now) : lines(stream, now);
}

function lines(stream: NodeJS.WriteStream, now: () => number): Reporter {
  const begin = now();
  let shown = begin;
  const print = (line: string): void => void stream.write(`${line}\n`);
  return {
    step(progress) {
      if (now() - shown < 5000) return;
      shown = now();
      const { epoch, epochs, step, steps } = progress;
      print(`epoch ${epoch}/${epochs}  step ${step}/${steps}  ${numbers(progress)}  ${remaining(progress, now() - begin)} left`);
    },
    epoch(epoch) {
      shown = now();
      print(epochLine(epoch, now() - begin));
    },
    log: print,
    stop() {},
  };
}

function bar(stream: NodeJS.WriteStream, now: () => number): Reporter {
  const begin = now();
  const bars = new cliProgress.MultiBar(
    { stream, format: '{bar} epoch {epoch}  step {at}  {numbers}  {left} left', barsize: 20, hideCursor: true, clearOnComplete: true, fps: 10, linewrap: false, gracefulExit: false },
    cliProgress.Presets.shades_classic,
  );
  let single: SingleBar | undefined;
  let stopped = false;
  const log = (line: string): void => {
    if (stopped) stream.write(`${line}\n`);
    else {
      bars.log(`${line}\n`);
      bars.update();
    }
  };
  return {
    step(progress) {
      if (stopped) return;
      const { epoch, epochs, step, steps } = progress;
      const payload = { epoch: `${epoch}/${epochs}`, at: `${step}/${steps}`, numbers: numbers(progress), left: remaining(progress, now() - begin) };
      single ??= bars.create(epochs * steps, 0, payload);
      single.update((epoch - 1) * steps + step, payload);
    },
    epoch(epoch) {
      log(epochLine(epoch, now() - begin));
    },
    log,
    stop() {
      if (!stopped) bars.stop();
      stopped = true;
    },
  };
}

function numbers({ loss, accuracy }: Progress): string {
  return `loss ${loss.toFixed(4)}  accuracy ${percent(accuracy)}`;
}

function epochLine({ epoch, loss, accuracy, validationLoss, validationAccuracy }: Epoch, elapsed: number): string {
  const validation = `validation loss ${validationLoss.toFixed(4)}  accuracy ${percent(validationAccuracy)}`;
  return `epoch ${String(epoch).padStart(2)} done in ${clock(elapsed)}  loss ${loss.toFixed(4)}  accuracy ${percent(accuracy)}  ${validation}`;
}

/** Time left, if the steps to come take as long as those behind. */
function remaining({ epoch, epochs, step, steps }: Progress, elapsed: number): string {
  const done = (epoch - 1) * steps + step;
  return done > 0 ? clock((elapsed / done) * (epochs * steps - done)) : '?';
}

/** Minutes and seconds: "1:05". */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** A share as "99.5 %", never rounded up to 100 nor down to 0, six cells wide at most. */
export function percent(share: number): string {
  const tenths = Math.round(share * 1000);
  const honest = share < 1 ? Math.min(tenths, 999) : tenths;
  return `${((share > 0 ? Math.max(honest, 1) : honest) / 10).toFixed(1)} %`;
}
