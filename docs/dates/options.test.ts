import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseOptions, UsageError } from './options.js';

const test = suite('options');

const refuses = (argv: string[], message: string): void => {
  try {
    parseOptions(argv);
  } catch (error) {
    assert.instance(error, UsageError);
    assert.is((error as Error).message, message);
    return;
  }
  assert.unreachable('nothing was refused');
};

test('without arguments: seed 1, no texts', () => {
  assert.equal(parseOptions([]), { backend: 'wasm', help: false, seed: 1, texts: [] });
});

test('reads texts, seed and help in any order', () => {
  assert.equal(parseOptions(['a b', '--seed', '7', 'c']), { backend: 'wasm', help: false, seed: 7, texts: ['a b', 'c'] });
  assert.equal(parseOptions(['--seed=0']), { backend: 'wasm', help: false, seed: 0, texts: [] });
  assert.ok(parseOptions(['--help']).help && parseOptions(['-h']).help);
});

test('reads what computes, and refuses what does not', () => {
  assert.is(parseOptions(['--backend', 'gpu']).backend, 'gpu');
  assert.is(parseOptions(['--backend=js']).backend, 'js');
  refuses(['--backend', 'cuda'], 'start: --backend is "cuda"; give wasm, gpu or js.');
  refuses(['--backend'], 'start: --backend has no name; give wasm, gpu or js.');
});

test('keeps empty texts', () => {
  assert.equal(parseOptions(['']).texts, ['']);
});

test('takes everything after -- as text', () => {
  assert.equal(parseOptions(['--', '--seed', '-3 mars', '--']).texts, ['--seed', '-3 mars', '--']);
});

test('refuses unknown options', () => {
  const rest = '--help lists the options, and a text that begins with a dash goes after "--".';
  refuses(['--sed', '3'], `start: unknown option "--sed"; ${rest}`);
  refuses(['--sed=3'], `start: unknown option "--sed"; ${rest}`);
  refuses(['-3 mars 2026'], `start: unknown option "-3 mars 2026"; ${rest}`);
});

test('refuses seeds that are no whole number of 31 bits', () => {
  for (const text of ['x', '', '-1', '1.5', '2147483648', '1e3']) {
    refuses(['--seed', text], `start: --seed is "${text}"; give a whole number from 0 to 2147483647.`);
  }
  refuses(['--seed'], 'start: --seed has no number; give a whole number from 0 to 2147483647.');
});

test.run();
