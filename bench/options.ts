/** What the command line asks for. */
import { engineNames, gpuEngineNames, type EngineName } from './row.js';

export const usage = `npm run bench -- [parts of row names] [options]

  --rounds N        times that every engine is measured in each row, in turns (15)
  --threads 1,2     thread counts, each in a process of its own (1)
  --only NAMES      engines: ${engineNames.join(', ')} (all)
  --gpu             the rows of the GPU, against ${gpuEngineNames.slice(1).join(', ')} there
  --bundle OUT.mjs  with --gpu: measures nothing, and writes all this as one file for a machine without node_modules
  --python PATH     a Python with torch (HEED_PYTHON, or python3)
  --out PATH        the JSON lines; the chart lies beside them (bench/results/<date>-<node version>.jsonl)
  --list            the names of the rows (with --gpu: of the GPU)`;

export interface Options {
  readonly parts: readonly string[];
  readonly rounds: number;
  readonly threads: readonly number[];
  readonly engines: readonly EngineName[];
  readonly python: string | undefined;
  readonly out: string | undefined;
  readonly gpu: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

class UsageError extends Error { override name = 'UsageError'; }
const refuse = (what: string): never => { throw new UsageError(`bench: ${what}.\n\n${usage}`); };

const whole = (name: string, text: string): number => (/^[1-9]\d*$/.test(text) ? Number(text) : refuse(`${name} is '${text}'; it must be a whole number above 0`));

export function parse(argv: readonly string[]): Options {
  const parts: string[] = [];
  const given = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const [name, value] = argv[i]!.split(/=(.*)/s) as [string, string?];
    if (!name.startsWith('--')) parts.push(argv[i]!);
    else if (['--list', '--help', '--gpu'].includes(name)) given.set(name, '');
    else if (['--rounds', '--threads', '--only', '--python', '--out'].includes(name)) given.set(name, value ?? argv[++i] ?? refuse(`${name} has no value`));
    else refuse(`there is no option ${name}`);
  }
  const gpu = given.has('--gpu');
  const names = gpu ? gpuEngineNames : engineNames;
  const only = (given.get('--only')?.split(',') ?? [...names]) as EngineName[];
  for (const e of only) if (!names.includes(e)) refuse(`there is no engine ${e}${gpu ? ' on the GPU' : ''}; use ${names.join(', ')}`);
  if (gpu && !only.includes('heed')) refuse('--gpu compares with heed: --only must name it');
  if (gpu && given.has('--threads')) refuse('--threads is not for the GPU');
  return {
    parts,
    gpu,
    engines: names.filter((e) => only.includes(e)),
    rounds: whole('--rounds', given.get('--rounds') ?? '15'),
    threads: (given.get('--threads') ?? '1').split(',').map((n) => whole('--threads', n)),
    python: given.get('--python'),
    out: given.get('--out'),
    list: given.has('--list'),
    help: given.has('--help'),
  };
}
