import { join, sep } from 'node:path';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { bundle } from '../bundle.mjs';
import { exists, name, packages, root, sources } from '../root.mjs';

const definition = /\b(?:elementwise|elementwiseOp|defineOp)\s*(?:<[^()]*>)?\(\s*(?:\{\s*name:\s*)?(['"`])([\w.]+)\1/g;

/**
 * Every op of every package has a test that calls checkOp with it.
 *
 * The ops: what packages/tensor/src/all-ops.ts exports that carries an `op`, and the names written in
 * `elementwise('name', ...)` and `defineOp({ name: 'name', ... })` anywhere below src.
 * The checked: checkOp adds `op.name` to the Set `globalThis[Symbol.for('heed.checkedOps')]`.
 */
export async function ops({ checkedOps }) {
  const where = await definedOps();
  if (where.size === 0) return { skipped: 'no op is defined yet' };
  const checker = exists(join(root, 'packages', 'tensor', 'testing', 'index.ts'));
  if (checkedOps.size === 0 && !checker) return { skipped: `there is no checkOp yet; ${where.size} ops are defined` };
  const missing = [...where.keys()].filter((op) => !checkedOps.has(op)).sort();
  const problems = missing.map((op) => `${op} (${where.get(op)}): no test calls checkOp with it.`);
  return { problems, notes: [`${where.size} ops, ${where.size - missing.length} of them checked`] };
}

/** Where each op is defined, by its name. */
async function definedOps() {
  const where = new Map();
  const list = join(root, 'packages', 'tensor', 'src', 'all-ops.ts');
  if (exists(list)) {
    const made = await bundle([list], 'ops');
    for (const value of Object.values(await import(pathToFileURL(made.get(list)).href))) {
      if (value?.op?.name) where.set(value.op.name, name(list));
    }
  }
  for (const pkg of packages) {
    for (const path of sources(pkg)) {
      if (path.includes(`${sep}src${sep}`)) for (const [, , op] of readFileSync(path, 'utf8').matchAll(definition)) where.set(op, name(path));
    }
  }
  return where;
}
