/** PyTorch on the CPU, in a Python process that stays open and times its own calls. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { absent, Unable, type Column } from '../engine.js';
import { operandsOf } from '../operands.js';
import { epsilon } from '../row.js';
import { folder } from './load.js';

/** The Python that has torch: the one asked for, HEED_PYTHON, or `python3`; null where it has none. */
export function findPython(asked: string | undefined): string | null {
  const python = asked ?? process.env.HEED_PYTHON ?? 'python3';
  return spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0 ? python : null;
}
export const noPython = 'no Python with torch: give --python PATH or HEED_PYTHON';

export async function torchColumns(threads: number, python: string | null): Promise<Column[]> {
  if (!python) return [absent('PyTorch', 'torch', noPython)];
  const child = spawn(python, ['-u', join(folder, 'engines', 'pytorch.py'), String(threads)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, never>> => {
    const { value, done } = await lines.next();
    if (done) throw new Unable('its process ended');
    const found = JSON.parse(value as string) as { error?: string };
    if (found.error) throw new Unable(found.error);
    return found as Record<string, never>;
  };
  const ask = (request: object): Promise<Record<string, never>> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return answer();
  };
  const first = await answer().catch(() => null) as { version: string } | null;
  if (!first) return [absent('PyTorch', 'torch', `${python} could not start it`)];
  const scratch = mkdtempSync(join(tmpdir(), 'heed-bench-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  return [{
    name: 'PyTorch',
    engine: 'torch',
    version: first.version,
    how: `CPU, eager, ${threads} thread${threads > 1 ? 's' : ''} (set_num_threads), inference_mode without gradients, images with channels last in memory, fused Adam`,
    async prepare(row) {
      if (typeof row.torch !== 'string') throw new Unable(row.torch.reason);
      const training = row.kind === 'training';
      const stated = training ? [...row.weights, ...row.batch] : row.operands;
      const operands = operandsOf(row, 'torch').map(({ data, shape }, i) => {
        const path = join(scratch, `operand-${i}`);
        writeFileSync(path, data);
        return { path, shape, channels_last: stated[i]!.channelsLast ?? false };
      });
      await ask({ do: 'prepare', name: row.name, source: row.torch, operands, gradients: training ? 0 : (row.gradients ?? 0), weights: training ? row.weights.length : null, epsilon });
      return {
        async results() {
          const path = join(scratch, 'results');
          const { sizes } = await ask({ do: 'results', name: row.name, path }) as unknown as { sizes: number[] };
          const bytes = readFileSync(path);
          let at = bytes.byteOffset;
          return sizes.map((size) => {
            const part = new Float32Array(bytes.buffer.slice(at, at + 4 * size));
            at += 4 * size;
            return part;
          });
        },
        time: async (calls) => (await ask({ do: 'measure', name: row.name, calls }) as unknown as { ms: number }).ms,
        close: () => void ask({ do: 'drop', name: row.name }).catch(() => {}),
      };
    },
    close: () => child.stdin.end(),
  }];
}
