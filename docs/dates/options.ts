export type Backend = 'js' | 'wasm' | 'gpu';

export interface Options {
  readonly backend: Backend;
  readonly help: boolean;
  readonly seed: number;
  readonly texts: readonly string[];
}

/** The command line is not as `--help` describes it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const HELP = `Turns dates as people write them into ISO 8601, with a small attention model trained from nothing.

  npm start                                   train, test and report
  npm start -- "mardi 3 mars 2026" "..."      answer for these texts (trains first where no model is saved)

options
  --seed N     the seed of training, a whole number from 0 (default 1)
  --backend B  what computes: wasm (the default), gpu or js
  --help       this text
  --           what follows is text, even where it begins with a dash

It reads what Intl.DateTimeFormat writes in 17 locales, styles full, long and medium, years 1900 to 2099.
The model and the report go to the folder out/. Ctrl-C ends training and keeps the best model so far.
The exit code is 1 where a text cannot be read or an answer is not sure.`;

/** Reads the arguments after the program's name. */
export function parseOptions(argv: readonly string[]): Options {
  let help = false;
  let seed = 1;
  let backend: Backend = 'wasm';
  const texts: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    if (argument === '--') {
      texts.push(...argv.slice(i + 1));
      break;
    }
    const [option, attached] = split(argument);
    if (option === '--help' || option === '-h') help = true;
    else if (option === '--seed') seed = parseSeed(attached ?? argv[++i]);
    else if (option === '--backend') backend = parseBackend(attached ?? argv[++i]);
    else if (argument.startsWith('-')) {
      throw new UsageError(`start: unknown option "${option}"; --help lists the options, and a text that begins with a dash goes after "--".`);
    } else texts.push(argument);
  }
  return { backend, help, seed, texts };
}

function split(argument: string): [string, string | undefined] {
  const at = argument.startsWith('--') ? argument.indexOf('=') : -1;
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}

function parseBackend(text: string | undefined): Backend {
  if (text !== 'js' && text !== 'wasm' && text !== 'gpu') {
    throw new UsageError(`start: --backend ${text === undefined ? 'has no name' : `is "${text}"`}; give wasm, gpu or js.`);
  }
  return text;
}

function parseSeed(text: string | undefined): number {
  const seed = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (!(seed < 2 ** 31)) {
    throw new UsageError(`start: --seed ${text === undefined ? 'has no number' : `is "${text}"`}; give a whole number from 0 to ${2 ** 31 - 1}.`);
  }
  return seed;
}
