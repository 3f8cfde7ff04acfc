import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ensureInstalled } from './install.mjs';
import { exists, files, name, packages, root, sources, tsc } from './root.mjs';

const slashes = (path) => path.split(sep).join('/');

/** In dist, `src/` itself is the top, so what `testing/` reaches as `../src/x.js` lies at `../x.js`. */
const withoutSrc = (text) => text.replace(/((?:from|import)\s*\(?\s*['"](?:\.\.\/)+)src\//g, '$1');

/** Where a source file of a package lands in its dist, with another ending. */
const placeOf = (home, path, ending) => join(home, 'dist', relative(home, path).replace(/^src[\\/]/, '').replace(/\.ts$/, ending));

/** Every source file becomes one JavaScript file, so that subpaths share modules. */
async function scripts(home, list) {
  const { build } = await import('esbuild');
  const out = join(root, '.cache', 'build', relative(root, home), 'js');
  const { outputFiles } = await build({
    absWorkingDir: home,
    entryPoints: list,
    outbase: home,
    outdir: out,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    sourcemap: true,
    sourcesContent: true,
    write: false,
    tsconfigRaw: { compilerOptions: { target: 'ES2022', verbatimModuleSyntax: true, useDefineForClassFields: true } },
  });
  for (const { path, text } of outputFiles) {
    const source = join(home, relative(out, path)).replace(/\.js(\.map)?$/, '.ts');
    const place = placeOf(home, source, path.endsWith('.map') ? '.js.map' : '.js');
    mkdirSync(dirname(place), { recursive: true });
    if (!path.endsWith('.map')) writeFileSync(place, withoutSrc(text));
    else writeFileSync(place, JSON.stringify({ ...JSON.parse(text), sources: [slashes(relative(dirname(place), source))] }));
  }
}

/** Declarations. The package's own names are read from its sources, the others' from their dist, as a user will. */
function declarations(pkg, home, list) {
  const folder = join(root, '.cache', 'build', 'types', pkg);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { paths } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')).compilerOptions;
  const own = Object.entries(paths).filter(([key]) => key.split('/')[1] === pkg);
  const config = {
    extends: slashes(join(root, 'tsconfig.json')),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: slashes(home),
      outDir: slashes(join(folder, 'out')),
      typeRoots: [slashes(join(root, 'node_modules', '@types'))],
      paths: Object.fromEntries(own.map(([key, targets]) => [key, targets.map((target) => slashes(join(root, target)))])),
    },
    files: list.map(slashes),
    include: [],
  };
  const file = join(folder, 'tsconfig.json');
  writeFileSync(file, JSON.stringify(config, null, 2));
  const { status } = spawnSync(process.execPath, [tsc, '-p', file], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`build: ${pkg}: the declarations failed, see above.`);
  for (const made of files(join(folder, 'out'))) {
    const source = join(home, relative(join(folder, 'out'), made)).replace(/\.d\.ts$/, '.ts');
    const place = placeOf(home, source, '.d.ts');
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, withoutSrc(readFileSync(made, 'utf8')));
  }
}

/** What only tests beside the sources import. */
const forTests = /[\\/]src[\\/].*(?:[\\/]testing|-goldens)\.ts$/;

/** Builds one package into its dist, and lays the license beside it. */
export async function buildPackage(pkg) {
  const home = join(root, 'packages', pkg);
  const list = sources(pkg).filter((path) => !forTests.test(path));
  rmSync(join(home, 'dist'), { recursive: true, force: true });
  if (list.length === 0) {
    console.error(`build: ${pkg} has no sources yet.`);
    return;
  }
  await scripts(home, list);
  declarations(pkg, home, list);
  copyFileSync(join(root, 'LICENSE'), join(home, 'LICENSE'));
  if (!exists(join(home, 'README.md'))) console.error(`build: ${name(home)}/README.md is missing.`);
}

// `node scripts/build.mjs` builds all; with a folder of a package (`npm pack` there does this), that one and those it imports.
ensureInstalled();
const given = process.argv[2] ? relative(join(root, 'packages'), resolve(process.argv[2])) : packages.at(-1);
if (!packages.includes(given)) {
  console.error(`build: ${process.argv[2]} is not a package; there are ${packages.join(', ')}.`);
  process.exit(1);
}
for (const pkg of packages.slice(0, packages.indexOf(given) + 1)) {
  const began = performance.now();
  await buildPackage(pkg);
  console.error(`built ${pkg} in ${Math.round(performance.now() - began)} ms`);
}
