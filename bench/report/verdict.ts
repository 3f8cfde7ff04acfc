/** What a row's times say: ratios, floors met or missed, shares of what the machine can do. */
import { isTimed, type Result, type Timed } from '../measure.js';
import type { Limits } from '../limits.js';

export interface Verdict {
  readonly floor: number;
  readonly reached: number;
  readonly met: boolean;
  /** Which rival it is about; of sizes, heed itself. */
  readonly against: string;
}

/** The column that the others are compared with. */
export const baseOf = ({ row, cells }: Result): string => (row.eager || !cells.has('heed jit') ? 'heed eager' : 'heed jit');

const timeOf = ({ cells }: Result, column: string): Timed | null => {
  const cell = cells.get(column);
  return isTimed(cell) ? cell : null;
};

/** A rival's time (or size) over heed's. */
export function ratioOf(result: Result, column: string): number | null {
  const [ours, theirs] = [timeOf(result, baseOf(result)), timeOf(result, column)];
  return ours && theirs ? theirs.min / ours.min : null;
}

export const isRival = (column: string): boolean => !column.startsWith('heed');

/** Each floor that could be judged. */
export function verdicts(result: Result, limits?: Limits): { js?: Verdict; torch?: Verdict; most?: Verdict; share?: Verdict } {
  const { floors } = result.row;
  const judge = (floor: number | undefined, columns: readonly string[]): Verdict | undefined => {
    const rivals = columns.map((name) => ({ name, ratio: ratioOf(result, name) })).filter((r): r is { name: string; ratio: number } => r.ratio !== null);
    if (floor === undefined || !rivals.length) return undefined;
    const best = rivals.reduce((p, q) => (q.ratio < p.ratio ? q : p));
    return { floor, reached: best.ratio, met: best.ratio >= floor, against: best.name };
  };
  const names = [...result.cells.keys()].filter(isRival);
  const ours = timeOf(result, baseOf(result));
  const share = floors.share !== undefined && ours && limits ? speedOf(result, ours, limits, 1)?.share : undefined;
  return {
    js: judge(floors.js, names.filter((n) => n !== 'PyTorch')),
    torch: judge(floors.torch, ['PyTorch']),
    most: floors.most !== undefined && ours ? { floor: floors.most, reached: ours.min, met: ours.min <= floors.most, against: 'heed' } : undefined,
    share: share !== undefined ? { floor: floors.share!, reached: share, met: share >= floors.share!, against: 'the device' } : undefined,
  };
}

/** GFLOP/s or GB/s of a time, and its share of the limit. */
export function speedOf({ row }: Result, { min }: Timed, limits: Limits, threads: number): { unit: 'GFLOP/s' | 'GB/s'; value: number; share: number } | null {
  const work = row.flops ?? row.bytes;
  if (!work || row.kind === 'own' || (row.kind === 'training' && !limits.gpu)) return null;
  const value = work / min / 1e6;
  if (row.kind === 'function' && row.transfer && limits.gpu) return { unit: 'GB/s', value, share: value / limits.gpu[row.transfer] };
  return row.flops ? { unit: 'GFLOP/s', value, share: value / (limits.peak * threads) } : { unit: 'GB/s', value, share: value / limits.stream };
}
