import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { provideGpu } from '../scripts/gpu/index.js';
import type { Column } from './engine.js';
import { columnsOf } from './engines/columns.js';
import { heedDevice } from './engines/device.js';
import { heedReference } from './engines/heed.js';
import { folder } from './engines/load.js';
import { measureGpuLimits } from './gpu-limits.js';
import { gpuPace, isTimed, measure, prepareRow } from './measure.js';
import { gpuEngineNames, type EngineRow, type OwnRow } from './row.js';
import { allRows } from './rows/index.js';

const test = suite('bench rows on the GPU');
const missing = await provideGpu();
const installed = existsSync(join(folder, 'node_modules', '.heed-installed'));
const rows = allRows('small');
/** Minutes on a software adapter. */
const slow = /GPT|chain|CNN/;

if (missing) test('compute the same', () => console.log(`SKIPPED: rows on the GPU: ${missing}`));
else {
  let columns: readonly Column[] = [];
  let dispatches = 0;
  const encoder = GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups } = encoder;
  encoder.dispatchWorkgroups = function (...groups) {
    dispatches++;
    return dispatchWorkgroups.apply(this, groups);
  };
  test.before(async () => { columns = await columnsOf({ engines: installed ? gpuEngineNames : ['heed'], threads: 1, python: null, gpu: 'small' }); });

  for (const row of rows.filter((r): r is EngineRow => r.kind !== 'own')) {
    test(`${row.name}: every engine that can computes what heed does on wasm, and again at every call`, async () => {
      const { runners, cells } = await prepareRow(row, slow.test(row.name) ? columns.filter(({ engine }) => engine === 'heed') : columns, await heedReference(row));
      for (const { column, prepared } of runners) {
        await prepared.time(1);
        dispatches = 0;
        await prepared.time(3);
        assert.ok(dispatches >= 3, `${column.name}: ${dispatches} dispatches in 3 calls`);
        prepared.close?.();
      }
      const wrong = [...cells].flatMap(([name, cell]) => ('wrong' in cell && cell.wrong ? [`${name} ${cell.reason}`] : []));
      assert.equal(wrong, []);
      assert.ok(runners.some(({ column }) => column.engine === 'heed'));
      if (!installed) console.log('SKIPPED: rivals: npm run bench installs them; heed was compared with its wasm kernels alone');
    });
  }
  for (const row of rows.filter((r): r is OwnRow => r.kind === 'own')) {
    test(`${row.name}: no more than linear`, async () => {
      const found = (await row.measure({ rounds: 1, threads: 1, engines: ['heed'], python: null, gpu: 'small' })).get('heed jit') as readonly number[];
      assert.ok(found[0]! > 0 && found[0]! <= row.floors.most!, `${found[0]} of ${row.floors.most}`);
    });
  }
  test('a row is timed until the device is done, beside what the device can do', async () => {
    const limits = await measureGpuLimits(heedDevice().gpu.device, 'this one', true);
    assert.ok([limits.peak, limits.stream, limits.gpu!.upload, limits.gpu!.readback].every((x) => x > 0 && Number.isFinite(x)), JSON.stringify(limits));
    const row = rows[0] as EngineRow;
    const { cells } = await measure(row, columns.filter(({ engine }) => engine === 'heed'), 2, { ...gpuPace, warmUpMs: 0 }, await heedReference(row));
    const cell = cells.get('heed jit');
    assert.ok(isTimed(cell) && cell.min > 0);
    // No kernel of ours reaches what registers alone do.
    assert.ok(row.flops! / cell.min / 1e6 < limits.peak, `${row.flops! / cell.min / 1e6} of ${limits.peak}`);
  });
}

test.run();
