import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { name, packages, root, sources } from '../root.mjs';

const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:long|browser|test))*\.ts$/;

/** Names are kebab-case, folders stay shallow; long files and the size of each package are told. */
export function layout() {
  const problems = [];
  const notes = [];
  for (const pkg of packages) {
    let lines = 0;
    let testLines = 0;
    for (const path of sources(pkg, { tests: true })) {
      const parts = relative(join(root, 'packages', pkg), path).split(sep);
      const count = readFileSync(path, 'utf8').split('\n').length - 1;
      if (path.endsWith('.test.ts')) testLines += count;
      else {
        lines += count;
        if (count > 300) notes.push(`${name(path)} has ${count} lines: it is asking to be two.`);
      }
      if (!kebab.test(parts.at(-1))) problems.push(`${name(path)}: file names are kebab-case.`);
      if (parts.slice(0, -1).some((folder) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(folder))) problems.push(`${name(path)}: folder names are kebab-case.`);
      if (parts.length > 4) problems.push(`${name(path)}: at most two folders below ${parts[0]}.`);
    }
    notes.push(`${pkg}: ${lines} lines, and ${testLines} of tests`);
  }
  return { problems, notes };
}
