import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { exists, name, packages, root, sources } from '../root.mjs';

/** Files that may import a node: builtin at their top: they run in Node only. */
const nodeOnly = [/\/src\/.*node\b[^/]*\.ts$/, /\/testing\//, /\.test\.ts$/];

const statement = /^[ \t]*(?:import|export)\b(?<type>\s+type\b(?!\s*,|\s+from\b))?(?:(?<clause>[\w\s{},*$]+?)\bfrom)?\s*(?<q>['"])(?<to>[^'"\n]+)\k<q>/gm;
const dynamic = /\bimport\s*\(\s*(['"])([^'"\n]+)\1/g;

/** The import and re-export statements of a TypeScript text; text in comments does not count. */
export function importsOf(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, ' ')).replace(/^[ \t]*\/\/.*$/gm, '');
  const line = (index) => code.slice(0, index).split('\n').length;
  const found = [];
  for (const match of code.matchAll(statement)) {
    found.push({ to: match.groups.to, typeOnly: !!match.groups.type, late: false, bare: match.groups.clause === undefined, line: line(match.index + match[0].length) });
  }
  for (const match of code.matchAll(dynamic)) found.push({ to: match[2], typeOnly: false, late: true, line: line(match.index) });
  return found;
}

/** Imports go one way between packages, in no circle between files, and only to what a package declares. */
export function imports() {
  const problems = [];
  const edges = new Map();
  for (const [rank, pkg] of packages.entries()) {
    const home = join(root, 'packages', pkg);
    const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
    for (const path of sources(pkg, { tests: true })) {
      const isTest = path.endsWith('.test.ts');
      const targets = [];
      for (const { to, typeOnly, late, bare: forEffect, line } of importsOf(readFileSync(path, 'utf8'))) {
        const at = `${name(path)}:${line}`;
        const bare = to.startsWith('@') ? to.split('/').slice(0, 2).join('/') : to.split('/')[0];
        if (to.startsWith('.')) {
          const target = resolve(dirname(path), to).replace(/\.js$/, '.ts');
          const helper = isTest && target.startsWith(join(root, 'scripts', sep));
          if (!target.startsWith(join(home, sep)) && !helper) problems.push(`${at}: ${to} leaves the package; import it by its published name.`);
          else if (!typeOnly && !late && !helper) targets.push(target);
          const told = !Array.isArray(manifest.sideEffects) ? manifest.sideEffects !== false : manifest.sideEffects.includes(`./${relative(home, target).split(sep).join('/')}`);
          if (forEffect && !told && !isTest) problems.push(`${at}: ${to} is imported for its effect; list it under sideEffects in packages/${pkg}/package.json, or bundlers drop it.`);
          if (to.endsWith('.json') && !isTest && !path.includes(`${sep}testing${sep}`)) problems.push(`${at}: ${to}: Node and browsers load no JSON as a module; make it a .ts file.`);
          if (!/\.(js|json)$/.test(to)) problems.push(`${at}: ${to} should end in .js.`);
        } else if (bare.startsWith('@heed/')) {
          const other = packages.indexOf(bare.slice(6));
          const forTests = isTest && to === `${bare}/testing`; // tests may use every package's checkers
          if (other < 0 || (other > rank && !forTests)) problems.push(`${at}: ${pkg} may not import ${to}; imports go ${packages.join(' <- ')}.`);
          else {
            const problem = unpublished(packages[other], to);
            if (problem) problems.push(`${at}: ${problem}`);
            else if (other === rank && !late && !typeOnly) targets.push(published(packages[other], to).file);
          }
        } else if (to.startsWith('node:') || builtinModules.includes(bare)) {
          if (!typeOnly && !late && !nodeOnly.some((allowed) => allowed.test(name(path)))) {
            problems.push(`${at}: ${to} at the top of a file that browsers load; import it late, or in a file named *node.ts.`);
          }
        } else if (!isTest && !declared[bare]) problems.push(`${at}: ${bare} is not a dependency in packages/${pkg}/package.json.`);
      }
      if (!isTest) edges.set(path, targets);
    }
  }
  return { problems: [...problems, ...circles(edges)] };
}

/** Which source file a published name stands for: `@heed/tensor/softmax` is packages/tensor/src/ops/softmax.ts. */
export function published(pkg, specifier) {
  const home = join(root, 'packages', pkg);
  const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const subpath = `.${specifier.slice(`@heed/${pkg}`.length)}`;
  const patterns = Object.keys(exports).filter((key) => key.includes('*')).sort((a, b) => b.indexOf('*') - a.indexOf('*'));
  const pattern = exports[subpath] ? null : patterns.find((key) => subpath.startsWith(key.slice(0, key.indexOf('*'))));
  const entry = exports[subpath] ?? exports[pattern];
  if (!entry?.default) return null;
  const star = pattern ? subpath.slice(pattern.indexOf('*')) : '';
  const inside = entry.default.replace('*', star).replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts');
  return { file: join(home, inside.startsWith('testing/') ? inside : join('src', inside)) };
}

function unpublished(pkg, specifier) {
  const found = published(pkg, specifier);
  if (!found) return `${specifier} is not in the exports of packages/${pkg}/package.json.`;
  return exists(found.file) ? null : `${specifier} stands for ${name(found.file)}, which does not exist.`;
}

/** Each circle of imports once, as text. */
function circles(edges) {
  const problems = [];
  const state = new Map(); // 1: being looked at, 2: done
  for (const start of edges.keys()) {
    if (state.has(start)) continue;
    const path = [{ file: start, next: 0 }];
    state.set(start, 1);
    while (path.length > 0) {
      const top = path[path.length - 1];
      const to = edges.get(top.file)?.[top.next++];
      if (to === undefined) {
        state.set(top.file, 2);
        path.pop();
      } else if (state.get(to) === 1) {
        const from = path.findIndex(({ file }) => file === to);
        problems.push(`imports in a circle: ${[...path.slice(from).map(({ file }) => name(file)), name(to)].join(' -> ')}`);
      } else if (!state.has(to)) {
        state.set(to, 1);
        path.push({ file: to, next: 0 });
      }
    }
  }
  return problems;
}
