import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Column } from './engine.js';
import { columnsOf } from './engines/columns.js';
import { folder } from './engines/load.js';
import { findPython } from './engines/torch.js';
import { prepareRow } from './measure.js';
import { engineNames, type EngineRow } from './row.js';
import { rows } from './rows/index.js';

const test = suite('bench rows');
const installed = existsSync(join(folder, 'node_modules', '.heed-installed'));
/** Operations that every engine computes within seconds. */
const most = 4e9;

let columns: readonly Column[] = [];
test.before(async () => {
  const all = installed ? await columnsOf({ engines: engineNames, threads: 1, python: findPython(undefined) }) : await columnsOf({ engines: ['heed'], threads: 1, python: null });
  columns = all.filter(({ name }) => name !== 'tfjs cpu'); // plain loops: minutes
});
test.after(() => columns.forEach((column) => column.close?.()));

for (const row of rows.filter((r): r is EngineRow => r.kind !== 'own' && (r.flops ?? 0) < most)) {
  test(`${row.name}: every engine that can computes the same`, async () => {
    const { runners, cells } = await prepareRow(row, columns);
    for (const { prepared } of runners) prepared.close?.();
    const wrong = [...cells].flatMap(([name, cell]) => ('wrong' in cell && cell.wrong ? [`${name} ${cell.reason}`] : []));
    assert.equal(wrong, []);
    if (!installed) console.log('SKIPPED: rivals: npm run bench installs them; heed was compared with itself alone');
  });
}

test.run();
