import { suite } from 'uvu';
import * as assert from 'uvu/assert';
// @ts-expect-error plain JavaScript
import { importsOf, published } from './imports.mjs';
// @ts-expect-error plain JavaScript
import { blocksOf, moduleOf } from './readmes.mjs';

const imports = suite('importsOf');

imports('finds what is imported, by which line, and how', () => {
  const text = `import { a,
  b } from './a.js';
import type { C } from './c.js';
import './effect.js';
export * from './all.js';
export type { D } from "./d.js";
const late = await import('./late.js');
`;
  const found = importsOf(text) as { to: string; line: number; typeOnly: boolean; late: boolean; bare?: boolean }[];
  assert.equal(
    found.map(({ to, line, typeOnly, late, bare }) => [to, line, typeOnly ? 'type' : late ? 'late' : bare ? 'effect' : 'value']),
    [['./a.js', 2, 'value'], ['./c.js', 3, 'type'], ['./effect.js', 4, 'effect'], ['./all.js', 5, 'value'], ['./d.js', 6, 'type'], ['./late.js', 7, 'late']],
  );
});

imports('is not misled by comments and by exported types with texts in them', () => {
  const text = `/* import { a } from './a.js'; */
// import { b } from './b.js';
export type Name = 'js' | 'wasm';
export interface X {
  readonly name: 'js';
}
`;
  assert.equal(importsOf(text), []);
});

imports('a published name leads to its source', () => {
  const of = (pkg: string, name: string) => (published(pkg, name)?.file as string | undefined)?.replaceAll('\\', '/').replace(/.*\/packages\//, '');
  assert.is(of('tensor', '@heed/tensor'), 'tensor/src/index.ts');
  assert.is(of('tensor', '@heed/tensor/softmax'), 'tensor/src/ops/softmax.ts');
  assert.is(of('tensor', '@heed/tensor/testing'), 'tensor/testing/index.ts');
  assert.is(of('tensor', '@heed/tensor/backends/js'), 'tensor/src/backends/js/index.ts');
  assert.is(of('autograd', '@heed/autograd/tape'), undefined);
});
imports.run();

const pages = suite('moduleOf');
const fence = '```';
const page = `# Title
${fence}ts
// prints
import { a, b } from 'x';
a(b);
${fence}
${fence}text
1
${fence}
${fence}ts
// not run
nonsense(
${fence}
${fence}ts
import { b, c } from 'x';
c();
${fence}
`;

pages('a block knows its language and its line', () => {
  assert.equal(blocksOf(page).map(({ language, line }: { language: string; line: number }) => [language, line]), [['ts', 2], ['text', 7], ['ts', 10], ['ts', 14]]);
});

pages('lines keep their numbers, and a name is imported once', () => {
  const { code, expected, count } = moduleOf(page);
  const lines = code.split('\n');
  assert.is(lines[3], `import { a, b } from 'x';`);
  assert.is(lines[4], 'a(b);');
  assert.is(lines[14], `import { c } from 'x';`);
  assert.is(lines[15], 'c();');
  assert.not.match(code, /nonsense/);
  assert.equal(expected, [{ block: 2, line: 7, text: '1' }]);
  assert.is(count, 2);
});

pages('a page without code has no module', () => assert.is(moduleOf('# Title\n'), null));
pages.run();
