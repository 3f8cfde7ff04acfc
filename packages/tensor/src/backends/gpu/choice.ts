/** Which kernel computes a matrix product, and in how many parts of K: what was measured, or a guess at what is quickest. */
import { sizeOf } from '../../shape.js';
import { sharedBytes, threadsOf, type Tile } from './gemm.js';
import { mostVectors } from './gemv.js';
import { fitsMatrices } from './matrices.js';
import type { Gpu } from './device.js';
import { isDense, type Product } from './product.js';

/** `tile` is an index into `tiles`. */
export type Choice =
  | { readonly way: 'cells' }
  | { readonly way: 'matrices' }
  | { readonly way: 'vectors'; readonly slices: number; readonly splits: number }
  | { readonly way: 'tiles'; readonly tile: number; readonly splits: number };

/** How fast a tile is per sum where it fills the device, beside the first. */
export const tiles: readonly (Tile & { readonly speed: number })[] = [
  { m: 128, n: 128, k: 8, rows: 8, columns: 8, speed: 1 },
  { m: 128, n: 64, k: 16, rows: 8, columns: 4, speed: 0.95 },
  { m: 64, n: 128, k: 16, rows: 4, columns: 8, speed: 0.95 },
  { m: 64, n: 64, k: 16, rows: 4, columns: 4, speed: 0.8 },
  { m: 64, n: 64, k: 16, rows: 8, columns: 4, speed: 0.8 },
  { m: 32, n: 64, k: 16, rows: 4, columns: 4, speed: 0.6 },
  { m: 64, n: 32, k: 16, rows: 4, columns: 4, speed: 0.6 },
  { m: 32, n: 32, k: 16, rows: 4, columns: 4, speed: 0.4 },
  { m: 16, n: 64, k: 32, rows: 4, columns: 4, speed: 0.4 },
  { m: 64, n: 16, k: 32, rows: 4, columns: 4, speed: 0.4 },
];

/** Groups that a device runs at once, roughly: where there are fewer, parts of it idle. */
const crowd = 128;
/** What writing and reading a sum once more, and one more dispatch, cost in multiplications of a group. */
const [passing, dispatching] = [0.4, 1e6];
/** Parts of K are no shorter than this. */
const leastChunk = 128;

/** How long a part of K is, in whole tiles. */
export const chunkOf = (k: number, splits: number, step: number): number => Math.ceil(Math.ceil(k / splits) / step) * step;

const splitsOf = (gpu: Gpu, { m, n, k, batch }: Product): number[] =>
  [1, 2, 4, 8, 16, 32, 64].filter((splits) => splits === 1 || (k / splits >= leastChunk && 4 * splits * sizeOf(batch.sizes) * m * n <= gpu.mostBound));

/** All ways to compute a product, the one first that should be quickest. */
export function choices(gpu: Gpu, product: Product): Choice[] {
  const { m, n, k, batch, a, b } = product;
  const matrices = sizeOf(batch.sizes);
  if (!gpu.teams || k <= 4 || (m * n <= 256 && k <= 256 && m * n * matrices >= 4096)) return [{ way: 'cells' }];
  if (gpu.half && gpu.matrices && fitsMatrices(product)) return [{ way: 'matrices' }];
  const parts = splitsOf(gpu, product);
  const extra = (splits: number): number => (splits > 1 ? dispatching + passing * (splits + 1) * matrices * m * n : 0);
  const found: { choice: Choice; cost: number }[] = [];
  if (Math.min(m, n) <= mostVectors) {
    const deep = isDense(m <= n ? b.row : a.column);
    for (const slices of deep ? [32, 256] : [4, 16]) {
      const groups = Math.ceil((Math.max(m, n) * slices) / 256) * matrices;
      for (const splits of parts) found.push({ choice: { way: 'vectors', slices, splits }, cost: Math.ceil((groups * splits) / (4 * crowd)) * Math.ceil(k / splits / slices) * 256 * 100 + extra(splits) });
    }
  } else {
    const { maxComputeWorkgroupStorageSize: memory, maxComputeInvocationsPerWorkgroup: most } = gpu.device.limits;
    tiles.forEach((tile, index) => {
      if (sharedBytes(tile) > memory || threadsOf(tile) > most) return;
      const groups = Math.ceil(m / tile.m) * Math.ceil(n / tile.n) * matrices;
      for (const splits of parts) found.push({ choice: { way: 'tiles', tile: index, splits }, cost: (Math.ceil((groups * splits) / crowd) * tile.m * tile.n * chunkOf(k, splits, tile.k)) / tile.speed + extra(splits) });
    });
  }
  return found.sort((p, q) => p.cost - q.cost).map(({ choice }) => choice);
}

const magnitude = (n: number): number => Math.ceil(Math.log2(Math.max(1, n)));

/** What products have in common that are measured as one. */
export const classOf = ({ half }: Gpu, { m, n, k, batch, a, b }: Product): string =>
  [magnitude(m), magnitude(n), magnitude(k), magnitude(sizeOf(batch.sizes)), isDense(a.column) ? 'n' : 't', isDense(b.row) ? 't' : 'n', half ? 'half' : 'single'].join(' ');

/** What was measured, by device and class. */
const measured = new WeakMap<Gpu, Map<string, Choice>>();
export function measuredOn(gpu: Gpu): Map<string, Choice> {
  let found = measured.get(gpu);
  if (!found) measured.set(gpu, (found = new Map()));
  return found;
}

/** The way to compute a product. */
export function choose(gpu: Gpu, product: Product): Choice {
  const all = choices(gpu, product);
  const best = measured.get(gpu)?.get(classOf(gpu, product));
  return (best && all.find((c) => JSON.stringify(c) === JSON.stringify(best))) ?? all[0]!;
}
