import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { bundle } from '../bundle.mjs';
import { exists, name, root, sources } from '../root.mjs';

const definition = /\b(?:elementwise|defineOp)\s*(?:<[^()]*>)?\(\s*(?:\{\s*name:\s*)?(['"`])([\w.]+)\1/g;

/**
 * Every op of packages/tensor has a test that calls checkOp with it.
 *
 * The ops: `allOps` of packages/tensor/testing/all-ops.ts (ops, or a function that returns them) once that
 * file exists; before, the names written in `elementwise('name', ...)` and `defineOp({ name: 'name', ... })`.
 * The checked: checkOp adds `op.name` to the Set `globalThis[Symbol.for('heed.checkedOps')]`.
 */
export async function ops({ checkedOps }) {
  const { where, defined } = await definedOps();
  if (defined.size === 0) return { skipped: 'no op is defined yet' };
  if (checkedOps.size === 0) return { skipped: `no test called checkOp yet, ${defined.size} ops are defined` };
  const missing = [...defined].filter((op) => !checkedOps.has(op)).sort();
  const problems = missing.map((op) => `${op} (${where.get(op) ?? 'all-ops'}): no test calls checkOp with it.`);
  return { problems, notes: [`${defined.size} ops, ${defined.size - missing.length} of them checked`] };
}

async function definedOps() {
  const where = new Map();
  for (const path of sources('tensor')) {
    for (const [, , op] of readFileSync(path, 'utf8').matchAll(definition)) where.set(op, name(path));
  }
  const list = join(root, 'packages', 'tensor', 'testing', 'all-ops.ts');
  if (!exists(list)) return { where, defined: new Set(where.keys()) };
  const made = await bundle([list], 'ops');
  const { allOps } = await import(pathToFileURL(made.get(list)).href);
  return { where, defined: new Set((typeof allOps === 'function' ? allOps() : allOps).map((op) => op.name)) };
}
