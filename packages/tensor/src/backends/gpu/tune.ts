/** Measuring which kernel is quickest for matrix products of which sizes, once for a device. */
import type { Spec } from '../../tensor.js';
import { choices, classOf, measuredOn, tiles, type Choice } from './choice.js';
import type { Dispatch, Gpu } from './device.js';
import { planProduct } from './matmul.js';
import { productOf, type Product } from './product.js';
import type { Queue } from './queue.js';
import type { GpuView } from './shader.js';

export interface MatmulShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  /** Whether an operand lies transposed in memory. */
  readonly turnedA?: boolean;
  readonly turnedB?: boolean;
}

/** Square, of a batch of rows by weights, of a gradient of weights, thin, and many small ones. */
const sizes: readonly MatmulShape[] = [
  { m: 256, n: 256, k: 256 }, { m: 512, n: 512, k: 512 }, { m: 1, n: 1024, k: 1024 }, { m: 8, n: 1024, k: 1024 }, { m: 128, n: 512, k: 512 }, { m: 1024, n: 256, k: 256 },
  { m: 256, n: 256, k: 4096 }, { m: 128, n: 64, k: 128, batch: 32 }, { m: 512, n: 64, k: 512, batch: 32 }, { m: 1024, n: 1024, k: 1024 }, { m: 512, n: 512, k: 16384 }, { m: 16384, n: 64, k: 512 },
  { m: 4096, n: 1024, k: 1024 }, { m: 2048, n: 2048, k: 2048 },
];
/** What a training program multiplies: as they lie, by turned weights, turned data by gradients. */
export const usual: readonly MatmulShape[] = sizes.flatMap((x) => [x, { ...x, turnedB: true }, { ...x, turnedA: true }]);

const mostCandidates = 6;
/** Milliseconds: of a measurement, at least, and of all, about. */
const [leastTime, mostTime] = [4, 4000];

/** Milliseconds that dispatches take, the least of three times. */
async function timeOf(gpu: Gpu, dispatches: readonly Dispatch[]): Promise<number> {
  const go = async (times: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < times; i++) for (const dispatch of dispatches) gpu.once(dispatch);
    await gpu.done();
    return (performance.now() - start) / times;
  };
  await go(1); // the first has its shader compiled
  const times = Math.min(64, Math.max(1, Math.ceil(leastTime / (await go(1)))));
  return Math.min(await go(times), await go(times), await go(times));
}

/** Measures products of these shapes unless their class is known, in their order, until the time is up: the next start goes on from there. */
export async function tuneMatmul(queue: Queue, shapes: readonly MatmulShape[] = usual): Promise<void> {
  const { gpu } = queue;
  const known = measuredOn(gpu);
  await recall(gpu, known);
  const before = known.size;
  const until = performance.now() + mostTime;
  const lend = (spec: Spec): GpuView => queue.lend(spec);
  const nowhere = lend({ shape: [1], dtype: 'float32' });
  for (const { m, n, k, batch = 1, turnedA, turnedB } of shapes) {
    if (performance.now() > until) break;
    const over = (memory: (spec: Spec) => GpuView): Product => {
      const matrix = (rows: number, columns: number, turned = false): GpuView => ({ ...memory({ shape: [batch, rows, columns], dtype: 'float32' }), strides: [rows * columns, ...(turned ? [1, rows] : [columns, 1])] });
      return productOf([matrix(m, k, turnedA), matrix(k, n, turnedB)], matrix(m, n));
    };
    const name = classOf(gpu, over((spec) => ({ ...nowhere, ...spec })));
    if (known.has(name)) continue;
    const product = over(lend);
    let [best, least]: [Choice | null, number] = [null, Infinity];
    for (const choice of choices(gpu, product).slice(0, mostCandidates)) {
      const time = await timeOf(gpu, planProduct({ gpu, scratch: lend }, product, choice));
      if (time < least) [best, least] = [choice, time];
    }
    known.set(name, best!);
  }
  if (known.size > before) await remember(gpu, known);
}

// ---- kept for the next start: what was measured with the same tiles on the same device ----

const nameOf = ({ info: { vendor, architecture, device, description } }: Gpu): string => `heed matmul ${vendor} ${architecture} ${device} ${description}`;
const isNode = typeof process !== 'undefined' && Boolean(process.versions?.node);

/** Node's modules, which a bundler must not look for. */
async function fileOf(gpu: Gpu): Promise<{ fs: typeof import('node:fs/promises'); path: string }> {
  const [files, os] = ['node:fs/promises', 'node:os'];
  const [fs, { tmpdir }] = (await Promise.all([import(/* @vite-ignore */ files!), import(/* @vite-ignore */ os!)])) as [typeof import('node:fs/promises'), typeof import('node:os')];
  return { fs, path: `${tmpdir()}/${nameOf(gpu).replace(/\W+/g, '-')}.json` };
}

async function recall(gpu: Gpu, known: Map<string, Choice>): Promise<void> {
  try {
    let text: string | null = null;
    if (isNode) {
      const { fs, path } = await fileOf(gpu);
      text = await fs.readFile(path, 'utf8');
    } else text = localStorage.getItem(nameOf(gpu));
    const { of, found } = JSON.parse(text!) as { of: string; found: [string, Choice][] };
    if (of === JSON.stringify(tiles)) for (const [name, choice] of found) known.set(name, choice);
  } catch { /* nothing is kept, or there is no place for it */ }
}

async function remember(gpu: Gpu, known: ReadonlyMap<string, Choice>): Promise<void> {
  const text = JSON.stringify({ of: JSON.stringify(tiles), found: [...known] });
  try {
    if (!isNode) return localStorage.setItem(nameOf(gpu), text);
    const { fs, path } = await fileOf(gpu);
    const fresh = `${path}.${process.pid}`;
    await fs.writeFile(fresh, text, { mode: 0o600, flag: 'wx' });
    await fs.rename(fresh, path); // whole, or not at all
  } catch { /* then it is measured again */ }
}
