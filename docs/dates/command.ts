import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { alphabet, UnreadableTextError } from './alphabet.js';
import { StaleModelError, type DateModel, type DateModelModule } from './contract.js';
import { sample } from './dataset.js';
import { evaluate, showcase } from './evaluate.js';
import { LOCALES } from './locales.js';
import { normalize } from './normalize.js';
import { HELP, parseOptions, UsageError } from './options.js';
import { answerText, exampleTable, languageTable, lookMap, overallLine, show, type Look } from './print.js';
import { clock, reporter } from './progress.js';
import { examplesCaption, report } from './report.js';

/** Everything outside the program that it touches. */
export interface Surroundings {
  readonly model: DateModelModule;
  /** Where model and report go. */
  readonly folder: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Calls the handler at each Ctrl-C, until the returned function is called. */
  onInterrupt(handler: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** Test texts; 2,000 unless a test of this program says otherwise. */
  readonly testSize?: number;
}

/** The test texts are the same in every run: drawn from the test dates, evenly over locales and styles, all distinct. */
const TEST_SEED = 17;

/** Runs the program and gives its exit code. */
export async function run(argv: readonly string[], around: Surroundings): Promise<number> {
  const say = (text: string): void => void around.stdout.write(`${text}\n`);
  const complain = (text: string): void => void around.stderr.write(`${text}\n`);
  try {
    const { backend, help, seed, texts } = parseOptions(argv);
    if (!help && backend !== 'wasm') say(`computed by ${await around.model.use(backend)}`);
    if (help) say(HELP);
    else if (texts.length === 0) await trainAndReport(seed, around, say);
    else return await answer(texts, seed, around, say, complain);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) complain(error.message);
    else if (error instanceof NothingLearned) complain(error.message);
    else throw error;
    return error instanceof NothingLearned ? 130 : 1;
  }
}

/** Training was stopped before there was a model worth keeping. */
class NothingLearned extends Error {}

const fileOf = ({ folder }: Surroundings): string => join(folder, 'dates.safetensors');

async function trainAndReport(seed: number, around: Surroundings, say: (text: string) => void, brief = false): Promise<DateModel> {
  const look = lookOf(around);
  say(`Learning to read dates in ${LOCALES.length} languages, from nothing (seed ${seed}; Ctrl-C stops and keeps the best model so far)`);
  const begin = performance.now();
  const { model, history, stopped } = await train(seed, around);
  const trainingTime = performance.now() - begin;
  if (history.length === 0) throw new NothingLearned('start: stopped before the first epoch was over; nothing is saved.');

  await mkdir(around.folder, { recursive: true });
  await model.save(fileOf(around));
  say(`${stopped ? 'stopped' : 'trained'} after ${clock(trainingTime)}; testing ...\n`);

  const evaluation = await evaluate(model, sample('test', around.testSize ?? 2000, { seed: TEST_SEED, distinct: true }));
  const examples = showcase(evaluation, 20);
  const maps = [...examples.filter(({ right }) => !right).slice(0, 3), ...examples.filter(({ right }) => right).slice(0, 6)];
  const page = join(around.folder, 'dates-report.html');
  await writeFile(page, report({ seed, history, trainingTime, stopped, evaluation, examples, maps }));

  say(`${overallLine(evaluation)}\n`);
  if (!brief) {
    const few = showcase(evaluation, 12);
    const one = few.find(({ right, example }) => right && example.style === 'full') ?? few[0]!;
    say(`${languageTable(evaluation)}\n`);
    say(`${examplesCaption({ evaluation, examples: few })}\n\n${exampleTable(few, look)}\n`);
    say(`Where it looked: ${show(one.example.text)} -> ${show(one.iso)}\n\n${lookMap(one, one.example.input, look)}\n`);
  }
  say(`report  ${page}\nmodel   ${fileOf(around)}`);
  if (!brief) say(`next    npm start -- "mardi 3 mars 2026" "2026年11月23日" "3 МАРТА 2026 г."`);
  return model;
}

/** Trains with a progress display; the first Ctrl-C asks training to end, the second ends the process. */
async function train(seed: number, around: Surroundings) {
  const abort = new AbortController();
  const progress = reporter({ stream: around.stdout });
  const ignore = around.onInterrupt(() => {
    if (abort.signal.aborted) {
      progress.stop();
      around.exit(130);
      return;
    }
    progress.log('stopping after this step (Ctrl-C again ends at once)');
    abort.abort();
  });
  try {
    const trained = await around.model.train({
      seed,
      signal: abort.signal,
      onProgress: (now) => progress.step(now),
      onEpoch: (epoch) => progress.epoch(epoch),
      log: (line) => progress.log(line),
    });
    return { ...trained, stopped: abort.signal.aborted };
  } finally {
    ignore();
    progress.stop();
  }
}

async function answer(
  texts: readonly string[],
  seed: number,
  around: Surroundings,
  say: (text: string) => void,
  complain: (text: string) => void,
): Promise<number> {
  const readings = texts.map((text) => ({ text, input: normalize(text), problem: unreadable(normalize(text)) }));
  const readable = readings.filter(({ problem }) => problem === null);
  const model = readable.length > 0 ? await modelToUse(seed, around, say, complain) : null;
  if (readable.length > 0 && model === null) return 1;
  const answers = (await model?.answer(readable.map(({ input }) => input))) ?? [];

  const look = lookOf(around);
  let allSure = true;
  for (const reading of readings) {
    const at = readable.indexOf(reading);
    if (at < 0) {
      complain(`${reading.input === '' ? '' : `${show(reading.text)}\n  `}${reading.problem}\n`);
      allSure = false;
      continue;
    }
    const { sure, shown } = answerText(reading.text, reading.input, answers[at]!, look);
    say(`${shown}\n`);
    allSure &&= sure;
  }
  return allSure ? 0 : 1;
}

/** The saved model, or a new one where there is none or it is too old; null where the file is damaged. */
async function modelToUse(seed: number, around: Surroundings, say: (text: string) => void, complain: (text: string) => void): Promise<DateModel | null> {
  const file = fileOf(around);
  if (existsSync(file)) {
    try {
      return await around.model.load(file);
    } catch (error) {
      if (!(error instanceof StaleModelError)) {
        complain(`start: ${file} cannot be read: ${(error as Error).message}\nDelete it, or run npm start, to train anew.`);
        return null;
      }
      say(`The saved model cannot be used: ${error.message}`);
    }
  } else {
    say('No model is saved yet.');
  }
  const model = await trainAndReport(seed, around, say, true);
  say('');
  return model;
}

/** Why the model cannot read an input, or null. */
function unreadable(input: string): string | null {
  try {
    alphabet().encode(input);
    return null;
  } catch (error) {
    if (error instanceof UnreadableTextError) return error.message;
    throw error;
  }
}

function lookOf({ stdout }: Surroundings): Look {
  return { color: stdout.isTTY === true && !process.env.NO_COLOR, width: stdout.isTTY ? stdout.columns : undefined };
}
