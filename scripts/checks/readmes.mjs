import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { bundle, engineFlags, explain } from '../bundle.mjs';
import { exists, files, name, packages, root, tsc } from '../root.mjs';

const scratch = join(root, '.cache', 'docs');
const mark = (line) => `\u0001${line}\u0001`;

/** The fenced blocks of a Markdown text: language, 1-based line of the opening fence, lines inside. */
export function blocksOf(text) {
  const blocks = [];
  let open = null;
  text.split(/\r?\n/).forEach((line, index) => {
    const fence = /^(\s*)(`{3,}|~{3,})\s*([\w-]*)/.exec(line);
    if (!open && fence) open = { language: fence[3], fence: fence[2], indent: fence[1].length, line: index + 1, lines: [] };
    else if (open && fence && fence[2].startsWith(open.fence) && line.trim() === fence[2]) {
      blocks.push(open);
      open = null;
    } else if (open) open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)));
  });
  return blocks;
}

/**
 * Joins the ts blocks of a Markdown text into one module whose lines have the numbers they have in the text.
 * A block that begins with `// not run` stays out; a name imported before is not imported again. Each block
 * first prints a mark, so that what it prints can be told from the others' and compared with the ```text block
 * that follows it, if one does.
 */
export function moduleOf(text) {
  const lines = text.split(/\r?\n/).map(() => '');
  const blocks = blocksOf(text);
  const expected = [];
  const imported = new Set();
  const runnable = blocks.filter(({ language, lines: [first = ''] }) => language === 'ts' && !first.startsWith('// not run'));
  for (const block of runnable) {
    lines[block.line - 1] = `console.log(${JSON.stringify(mark(block.line))});`;
    const body = block.lines.join('\n').replace(/^import\s*\{([^}]*)\}\s*from\s*(['"][^'"]+['"]);?/gm, (whole, names, from) => {
      const fresh = names.split(',').map((n) => n.trim()).filter((n) => n && !imported.has(`${n} ${from}`));
      for (const n of fresh) imported.add(`${n} ${from}`);
      const padding = '\n'.repeat(whole.split('\n').length - 1);
      return fresh.length > 0 ? `import { ${fresh.join(', ')} } from ${from};${padding}` : padding;
    });
    body.split('\n').forEach((line, index) => (lines[block.line + index] = line));
    const after = blocks[blocks.indexOf(block) + 1];
    if (after?.language === 'text') {
      expected.push({ block: block.line, line: after.line, text: after.lines.join('\n') });
    }
  }
  return runnable.length > 0 ? { code: `${lines.join('\n')}\nexport {};\n`, expected, count: runnable.length } : null;
}

/** Every ts block of every README and of docs is type-checked and run; a block prints the text block that follows it. */
export async function readmes() {
  const pages = [join(root, 'README.md'), join(root, 'CONTRIBUTING.md'), ...packages.map((pkg) => join(root, 'packages', pkg, 'README.md'))];
  pages.push(...files(join(root, 'docs'), (path) => path.endsWith('.md')));
  rmSync(scratch, { recursive: true, force: true });
  const modules = new Map();
  for (const page of pages.filter(exists)) {
    const made = moduleOf(readFileSync(page, 'utf8'));
    if (!made) continue;
    const path = join(scratch, `${name(page)}.ts`);
    const home = relative(dirname(path), dirname(page)).split(sep).join('/');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, made.code.replace(/(\bfrom\s*['"])\.\//g, `$1${home}/`)); // what lies beside the page
    modules.set(path, { page: name(page), ...made });
  }
  if (modules.size === 0) return { skipped: 'no page holds a ts block yet' };
  const problems = await typeProblems();
  const broken = new Set(problems.map(({ page }) => page));
  const sound = [...modules].filter(([, { page }]) => !broken.has(page));
  const passed = modules.size;
  const texts = problems.map(({ text }) => text);
  try {
    if (sound.length > 0) {
      const bundles = await bundle(sound.map(([path]) => path), 'pages');
      const work = sound.map(([path, made]) => () => runPage(bundles.get(path), made));
      const lanes = [0, 1].map(async () => {
        for (let job = work.shift(); job; job = work.shift()) texts.push(...(await job()));
      });
      await Promise.all(lanes);
    }
  } catch (error) {
    texts.push(plain(await explain(error)));
  }
  const count = [...modules.values()].reduce((sum, { count }) => sum + count, 0);
  return { problems: texts, passed, notes: [`${count} blocks on ${modules.size} pages`] };
}

/** A message about a joined module as one about its page. */
const plain = (text) => text.replaceAll(`${scratch}${sep}`, '').replaceAll('.cache/docs/', '').replaceAll('.md.ts', '.md');

async function typeProblems() {
  const config = join(scratch, 'tsconfig.json');
  writeFileSync(config, JSON.stringify({ extends: '../../tsconfig.json', include: ['./**/*.ts'], exclude: [] }));
  const { output } = await execute(process.execPath, [tsc, '-p', config, '--pretty', 'false']);
  return [...output.matchAll(/^(?:.*?\.cache[\\/]docs[\\/])(.+?\.md)\.ts\((\d+),\d+\): (.*(?:\n .*)*)/gm)].map(([, page, line, what]) => ({
    page,
    text: `${page}:${line}: ${what}`,
  }));
}

/** Runs one page's module and says where it failed or printed something else than the page promises. */
async function runPage(bundle, { page, expected }) {
  const { code, output, errors } = await execute(process.execPath, ['--enable-source-maps', ...engineFlags, bundle]);
  const printed = new Map();
  for (const [, line, text] of output.matchAll(/\u0001(\d+)\u0001\n([^\u0001]*)/g)) printed.set(Number(line), text);
  if (code !== 0) {
    const last = [...printed.keys()].at(-1) ?? 1;
    const at = /\.md\.ts:(\d+)/.exec(errors)?.[1] ?? last;
    const said = errors.split('\n').filter((line) => line.trim() && !/^Node\.js v|^\s+at .*\bnode:internal/.test(line)).slice(0, 12).join('\n    ');
    return [`${page}:${at}: failed (the block at line ${last})\n    ${plain(said)}`];
  }
  return expected.flatMap(({ block, line, text }) => {
    const got = (printed.get(block) ?? '').trimEnd();
    return got === text.trimEnd() ? [] : [`${page}:${line}: the page says\n${text.trimEnd()}\n  and the block at line ${block} prints\n${got}`];
  });
}

async function execute(command, args) {
  const child = spawn(command, args, { cwd: root, timeout: 120_000 });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, output: output.replaceAll('\r\n', '\n'), errors };
}
