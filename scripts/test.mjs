import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { bundle, explain } from './bundle.mjs';
import { ensureInstalled } from './install.mjs';
import { cache, files, name, root, tsc } from './root.mjs';
import { runPool } from './test-pool.mjs';

const usage = `npm test -- [patterns] [options]       types, house checks, tests; with patterns only the matching test files

  --all          *.long.test.ts too: training programs, browsers, packages (npm run test:all)
  --skip-short   with --all: leave out what a plain npm test just ran
  --types        only the type check
  --checks       only the house checks
  --isolate      a fresh process for every test file
  --verbose      what passing tests print, too
The last line is "N passed, N failed", and the exit code is 1 when anything failed.`;

const arguments_ = process.argv.slice(2);
const flags = new Set(arguments_.filter((a) => a.startsWith('--')));
const patterns = arguments_.filter((a) => !a.startsWith('--')).map((a) => a.replaceAll('\\', '/'));
const known = ['--all', '--skip-short', '--types', '--checks', '--isolate', '--verbose'];
const unknown = [...flags].filter((flag) => !known.includes(flag));
if (flags.has('--help') || unknown.length > 0) {
  console.log(usage);
  process.exit(flags.has('--help') ? 0 : 1);
}

ensureInstalled();
process.exitCode = 1; // until the end is reached
const began = performance.now();
const sum = { passed: 0, failed: 0, skipped: 0 };
const skippedLines = [];
const failures = [];
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** Prints and counts one result, of a test file or of a check. */
function report({ title, passed, failed, skipped = 0, errors = '', output = '', ms }) {
  sum.passed += passed;
  sum.failed += failed;
  sum.skipped += skipped;
  const lines = output.split('\n').map((line) => line.replace(/^(?:\u001b\[\d+m|[•✘ ])*(?=SKIPPED:)/, ''));
  for (const line of lines) if (line.startsWith('SKIPPED:')) skippedLines.push(`${title}: ${line.slice(8).trim()}`);
  const count = `${passed} passed${failed ? `, ${failed} failed` : ''}${skipped ? `, ${skipped} skipped` : ''}`;
  console.log(`${failed ? 'FAIL' : 'ok  '} ${title}  ${count}  ${Math.round(ms)} ms`);
  const printed = lines.filter((line) => !progress.test(line)).join('\n').trim();
  if (printed && flags.has('--verbose')) console.log(printed.replace(/^/gm, '  | '));
  if (failed) failures.push({ title, errors: readable(errors), printed: printed && printed.replace(/^/gm, '  | ') });
}

/** uvu's dots. */
const progress = /^(?:\u001b\[\d+m|[•✘ ])*(?:\(\d+ \/ \d+\))?(?:\u001b\[\d+m)*$/;

/** A failure without the stack lines of the machinery, and with paths as they are typed. */
const readable = (text) =>
  text
    .split('\n')
    .filter((line) => !/^\W*(?:\[\d+m)?\s*at .*(?:node_modules\/uvu\/|scripts\/test-worker\.mjs|\(?node:internal\/)/.test(line.replaceAll('\\', '/')))
    .join('\n')
    .replaceAll(`${root}${sep}`, '')
    .trimEnd();

/** The TypeScript compiler over the whole checkout: one test. */
async function types() {
  const start = performance.now();
  const child = spawn(process.execPath, [tsc, '--noEmit', '-p', root, '--pretty', String(!!process.stdout.isTTY)], { cwd: root });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise((resolve) => child.on('close', resolve));
  const nothing = /TS18003/.test(output); // no source yet
  const fine = code === 0 || nothing;
  report({ title: 'types', passed: fine ? 1 : 0, failed: fine ? 0 : 1, errors: output, ms: performance.now() - start });
}

/** Every house check: one test each, whose `problems` fail it and whose `notes` are only printed. */
async function checks(when, context = {}) {
  const { before, after } = await import('./checks/index.mjs');
  for (const [title, check] of Object.entries(when === 'before' ? before : after)) {
    const start = performance.now();
    let result;
    try {
      result = await check(context);
    } catch (error) {
      result = { problems: [await explain(error)] };
    }
    const { problems = [], notes = [], passed = 1, skipped = '' } = result;
    for (const note of notes) console.log(`     ${note}`);
    if (skipped) skippedLines.push(`check ${title}: ${skipped}`);
    report({
      title: `check ${title}`,
      passed: skipped ? 0 : Math.max(0, passed - problems.length),
      failed: problems.length,
      skipped: skipped ? 1 : 0,
      errors: problems.map((problem) => `  ${problem}\n`).join(''),
      ms: performance.now() - start,
    });
  }
}

/** The test files this run is about. */
function chosen() {
  const all = ['packages', 'docs', 'scripts', 'bench'].flatMap((folder) => files(join(root, folder), (path) => path.endsWith('.test.ts')));
  const long = (path) => path.endsWith('.long.test.ts');
  const named = patterns.length > 0;
  return all.filter((path) => {
    if (named) return patterns.some((pattern) => name(path).includes(pattern)) && (flags.has('--all') || !long(path) || patterns.some((p) => p.includes('.long')));
    return long(path) ? flags.has('--all') : !flags.has('--skip-short');
  });
}

/** Bundles the files together; a file that cannot be bundled fails by itself and does not take the others along. */
async function bundleTests(paths) {
  const folder = patterns.length > 0 ? 'some-tests' : flags.has('--all') ? 'all-tests' : 'tests';
  try {
    return await bundle(paths, folder);
  } catch (error) {
    if (!error.errors) throw error;
    const made = [];
    for (const path of paths) {
      try {
        await bundle([path], folder, { write: false });
        made.push(path);
      } catch (broken) {
        report({ title: name(path), passed: 0, failed: 1, errors: await explain(broken), ms: 0 });
      }
    }
    return made.length > 0 ? bundle(made, folder) : new Map();
  }
}

async function tests() {
  const paths = chosen();
  if (paths.length === 0) {
    if (patterns.length > 0) report({ title: `pattern ${patterns.join(' ')}`, passed: 0, failed: 1, errors: '  no test file has this in its path', ms: 0 });
    return null;
  }
  const made = await bundleTests(paths);
  const memory = join(cache, 'durations.json');
  let durations = {};
  try {
    durations = JSON.parse(readFileSync(memory, 'utf8'));
  } catch {} // first run
  const jobs = [...made].map(([file, bundle]) => ({ file, bundle }));
  jobs.sort((a, b) => (durations[name(b.file)] ?? 1000) - (durations[name(a.file)] ?? 1000));
  const timeout = flags.has('--all') ? 40 * 60_000 : 4 * 60_000;
  const checkedOps = await runPool(jobs, {
    timeout,
    isolate: flags.has('--isolate') || flags.has('--all'), // long tests change what computes, and fill memories
    report(result) {
      durations[name(result.file)] = Math.round(result.ms);
      report({ ...result, title: name(result.file) });
    },
  });
  mkdirSync(cache, { recursive: true });
  writeFileSync(memory, JSON.stringify(durations, null, 1));
  return checkedOps;
}

const everything = patterns.length === 0 && !flags.has('--types') && !flags.has('--checks');
const short = everything && !flags.has('--skip-short');
const typing = short || flags.has('--types') ? types() : null;
if (short || flags.has('--checks')) await checks('before');
await typing;
let checkedOps = null;
if (everything || patterns.length > 0) checkedOps = await tests();
if (short) await checks('after', { checkedOps: checkedOps ?? new Set() });

if (failures.length > 0) {
  for (const { title, errors, printed } of failures) console.log(['', `--- ${title}`, printed, errors].filter((part, i) => i === 0 || part).join('\n'));
  console.log(`\nFailed:\n${failures.map(({ title }) => `- ${title}`).join('\n')}`);
}
if (skippedLines.length > 0) console.log(`\nSkipped:\n${[...new Set(skippedLines)].map((line) => `- ${line}`).join('\n')}`);
console.log(`\n${seconds(performance.now() - began)}`);
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped ? `, ${sum.skipped} skipped` : ''}`);
process.exitCode = sum.failed > 0 ? 1 : 0;
