import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as util from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findChromium, launch, serve } from './browser.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packages = ['tensor', 'autograd', 'layers', 'attention'].filter((pkg) => existsSync(join(root, 'packages', pkg, 'src', 'index.ts')));
const folder = mkdtempSync(join(tmpdir(), 'packed-'));
const inRoot = (...path: string[]) => join(root, 'node_modules', ...path);

// An npm of its own: what the npm that runs this suite tells its scripts must not reach it.
const passed = /^npm_config_(registry|userconfig|globalconfig|cache)$/i;
const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(npm_|HEED_|NODE_OPTIONS)/i.test(key) || passed.test(key)));

function execute(command: string, args: string[], cwd = folder): string {
  const shell = process.platform === 'win32' && command === 'npm';
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, shell, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? ''}\n${stdout}\n${stderr}`);
  return stdout;
}

function npm(args: string[], cwd = folder): string {
  const cli = process.env.npm_execpath;
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  return cli && /npm-cli\.js$/.test(cli) ? execute(process.execPath, [cli, ...args, ...quiet], cwd) : execute('npm', [...args, ...quiet], cwd);
}

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};

/** Every published name whose file was packed: `@heed/tensor`, `@heed/tensor/softmax`, ... */
function publishedNames(pkg: string): string[] {
  const home = join(folder, 'node_modules', '@heed', pkg);
  const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { exports: Record<string, string | { default: string }> };
  return Object.entries(exports).flatMap(([key, entry]) => {
    if (typeof entry === 'string') return [];
    const name = `@heed/${pkg}${key.slice(1)}`;
    if (!key.includes('*')) return existsSync(join(home, entry.default)) ? [name] : [];
    const [before, after] = entry.default.split('*');
    if (!existsSync(join(home, before))) return [];
    const stars = readdirSync(join(home, before)).map((found) => (after.startsWith('/') ? found : found.endsWith(after) ? found.slice(0, -after.length) : ''));
    return stars.filter((star) => star && existsSync(join(home, before + star + after))).map((star) => name.replace('*', star));
  });
}

let unreachable = '';
const names = new Set<string>();
const packed = suite('packed');

/** A test that needs the installed packages. */
function installed(title: string, body: () => Promise<void> | void): void {
  packed(title, async () => {
    if (unreachable) console.log(`SKIPPED: ${title}: ${unreachable}`);
    else await body();
  });
}

packed('the four packages pack and install with plain npm', () => {
  assert.ok(packages.length > 0, 'no package has an index yet');
  write('package.json', '{ "name": "consumer", "private": true, "type": "module" }');
  const tarballs = packages.map((pkg) => {
    npm(['pack', '--pack-destination', folder], join(root, 'packages', pkg));
    return join(folder, readdirSync(folder).find((found) => found.startsWith(`heed-${pkg}-`) && found.endsWith('.tgz'))!);
  });
  try {
    npm(['install', ...tarballs]);
  } catch (error) {
    if (!/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED/.test(String(error))) throw error;
    unreachable = 'the registry cannot be reached';
    console.log(`SKIPPED: install: ${unreachable}`);
    return;
  }
  for (const pkg of packages) for (const name of publishedNames(pkg)) names.add(name);
  for (const pkg of packages) {
    const home = join(folder, 'node_modules', '@heed', pkg);
    for (const file of ['dist/index.js', 'dist/index.d.ts', 'LICENSE', 'README.md']) assert.ok(existsSync(join(home, file)), `${pkg}: no ${file}`);
    const inDist = readdirSync(join(home, 'dist'), { recursive: true }).map(String);
    assert.equal(inDist.filter((file) => /(?:\.test|-goldens|[\\/]testing)\.js$/.test(file)), [], `${pkg}: files of tests were packed`);
    for (const file of ['src', 'testing']) assert.not(existsSync(join(home, file)), `${pkg}: ${file} was packed`);
  }
});

installed('gpu.js, the compilers and the test runner are not pulled in', () => {
  const found = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
  for (const name of ['gpu.js', 'webgpu', 'gl', 'uvu', 'esbuild', 'fast-check']) assert.not(found.includes(name), `${name} was installed; there are ${found.join(', ')}`);
});

installed('every published name loads in Node, and index and subpath share one copy', () => {
  const list = [...names];
  write('load.mjs', `
const names = ${JSON.stringify(list)};
const loaded = {};
for (const name of names) {
  loaded[name] = await import(name);
  if (Object.keys(loaded[name]).length === 0) throw new Error(name + ' exports nothing');
}
const one = loaded['@heed/tensor/softmax'];
if (one && one.softmax !== loaded['@heed/tensor'].softmax) throw new Error('two copies of softmax');
console.log(Object.keys(loaded).length);`);
  assert.is(execute(process.execPath, ['load.mjs']).trim(), String(list.length));
});

installed('a strict TypeScript program compiles against the declarations, in both resolutions', () => {
  const lines = [...names].map((name, i) => `import * as m${i} from '${name}';\nconsole.log(m${i});`);
  if (names.has('@heed/tensor')) lines.push(`import { Tensor } from '@heed/tensor';\nexport const use = (x: Tensor): number => x.notThere;`);
  write('consumer.ts', lines.join('\n'));
  for (const [module, moduleResolution] of [['NodeNext', 'NodeNext'], ['ESNext', 'Bundler']]) {
    const compilerOptions = { target: 'ES2022', lib: ['ES2022', 'DOM'], module, moduleResolution, strict: true, noEmit: true, skipLibCheck: false, types: [] };
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
    let said = '';
    try {
      execute(process.execPath, [inRoot('typescript', 'lib', 'tsc.js'), '-p', folder, '--pretty', 'false']);
    } catch (error) {
      said = String(error);
    }
    const errors = said.match(/^\S+\(\d+,\d+\): error .*/gm) ?? (said ? [said] : []);
    // The one mistake in the program proves that Tensor has a type.
    const unexpected = errors.filter((line) => !(names.has('@heed/tensor') && line.includes("'notThere' does not exist on type 'Tensor'")));
    assert.ok(unexpected.length === 0, `${moduleResolution}:\n${unexpected.join('\n')}`);
    if (names.has('@heed/tensor')) assert.is(errors.length, 1, `${moduleResolution}: Tensor is any`);
  }
});

/** What the browser runs: every published name but those for tests and files, and one computation when there is one. */
function browserEntry(): string {
  const fit = [...names].filter((name) => !/\/(testing|saving)$|node$/.test(name));
  const imports = fit.map((name, i) => `import * as m${i} from '${name}';`).join('\n');
  return `${imports}
const loaded = { ${fit.map((name, i) => `'${name}': m${i}`).join(', ')} };
const t = loaded['@heed/tensor'];
const sum = t.softmax && t.tensor ? [...t.softmax(t.tensor([1, 2, 3])).data()].reduce((a, b) => a + b) : 1;
if (t.Tensor && t.tensor && typeof t.tensor([1]).add !== 'function') throw new Error('the methods of Tensor were dropped');
globalThis.result = { count: Object.keys(loaded).length, sum: Math.round(sum * 1e5) / 1e5 };
`;
}

async function runsInChromium(title: string, files: Map<string, string | Uint8Array>): Promise<void> {
  if (!findChromium()) return console.log(`SKIPPED: ${title} in a browser: there is no Chromium`);
  const [browser, server] = await Promise.all([launch(), serve(files)]);
  try {
    const page = await browser.newPage();
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(error.stack ?? String(error)));
    page.on('console', (message) => message.type() === 'error' && !/favicon/.test(message.location().url) && wrong.push(message.text()));
    await page.goto(server.url);
    await page.waitForFunction('globalThis.result', undefined, { timeout: 30_000 }).catch(() => wrong.push('no result'));
    assert.equal(wrong, []);
    assert.equal(await page.evaluate('globalThis.result.sum'), 1);
  } finally {
    await Promise.all([browser.close(), server.close()]);
  }
}

installed('esbuild bundles it for a browser, and <script type="module"> runs it', async () => {
  write('entry.js', browserEntry());
  const { build } = await import('esbuild');
  const { outputFiles, warnings } = await build({
    entryPoints: [join(folder, 'entry.js')],
    absWorkingDir: folder,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    splitting: true,
    outdir: join(folder, 'out'),
    write: false,
    logLevel: 'silent',
  });
  // What is optional is imported on demand inside try, where esbuild only warns that it is not there.
  assert.equal(warnings.map(({ text }) => text).filter((text) => !/"(gpu\.js|node:\w+)"/.test(text)), []);
  const files = new Map<string, string | Uint8Array>([['/', '<!doctype html><script type="module" src="/entry.js"></script>']]);
  for (const { path, contents } of outputFiles) files.set(path.slice(join(folder, 'out').length).replaceAll('\\', '/'), contents);
  await runsInChromium('the esbuild bundle', files);
});

installed('Vite builds it, and the page runs', async () => {
  if (!('styleText' in util)) return console.log(`SKIPPED: Vite: it does not run on Node ${process.version}`);
  try {
    npm(['install', '--no-save', 'vite@8', ...readdirSync(folder).filter((found) => found.endsWith('.tgz')).map((found) => join(folder, found))]);
  } catch (error) {
    return console.log(`SKIPPED: Vite: it cannot be installed (${String(error).split('\n').find((line) => /code|engine/i.test(line)) ?? 'npm failed'})`);
  }
  write('index.html', '<!doctype html><html><head></head><body><script type="module" src="/entry.js"></script></body></html>');
  write('entry.js', browserEntry());
  write('vite.config.js', `export default { build: { outDir: 'site', target: 'es2022' } };`);
  execute(process.execPath, [join(folder, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn']);
  const site = join(folder, 'site');
  const files = new Map<string, string | Uint8Array>([['/', readFileSync(join(site, 'index.html'))]]);
  for (const found of readdirSync(join(site, 'assets'))) files.set(`/assets/${found}`, readFileSync(join(site, 'assets', found)));
  await runsInChromium('the Vite site', files);
});

packed.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
packed.run();
