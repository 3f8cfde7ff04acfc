/** One JSON line per row and column. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import type { About } from '../engine.js';
import type { Limits } from '../limits.js';
import { isTimed, type Result } from '../measure.js';
import { isRival, ratioOf, speedOf, verdicts } from './verdict.js';

export function write(path: string, result: Result, columns: readonly About[], limits: Limits, threads: number): void {
  const { row, cells } = result;
  const found = verdicts(result, limits);
  const told = columns.flatMap(({ name, engine, version, how }) => {
    const cell = cells.get(name);
    if (!cell) return [];
    const speed = isTimed(cell) ? speedOf(result, cell, limits, threads) : null;
    const verdict = name === 'PyTorch' ? found.torch : engine === 'heed' ? (found.most ?? found.share) : found.js?.against === name ? found.js : undefined;
    return [{
      date: new Date().toISOString(), node: process.version, ...(limits.gpu ? { gpu: limits.gpu.name, ...(limits.gpu.software ? { meaningless: 'software adapter' } : {}) } : {}), cpu: cpus()[0]?.model.trim() ?? '', cores: cpus().length, threads,
      row: row.name, engine: name, version, how, unit: row.kind === 'own' ? row.unit : 'ms', ...cell,
      ...(isTimed(cell) && isRival(name) ? { ratio: ratioOf(result, name) } : {}),
      ...(verdict ? { floor: verdict.floor, met: verdict.met } : {}),
      ...(speed ? { [speed.unit]: speed.value, share: speed.share } : {}),
    }];
  });
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, told.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
