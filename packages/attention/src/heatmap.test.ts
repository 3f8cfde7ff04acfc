import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as fc from 'fast-check';
import { cells, graphemes, visible } from './heatmap-grid.js';
import { heatmap, HeatmapError, type Labels, type Weights } from './heatmap.js';

const test = suite('heatmap');

const weights = [[0.1, 0.9, 0], [0.5, 0.25, 0.25]];
const labels = { rows: ['a', 'b'], columns: ['x', 'y', 'z'], title: 'who looks where' };

/** Shown text without colours and without the characters that only steer direction. */
const plain = (text: string): string => text.replace(/\x1b\[[0-9;]*m/g, '').replace(/[\u2066-\u2069]/g, '');

const refuses = (w: unknown, l: Labels, message: string): void => {
  for (const draw of [heatmap.terminal, heatmap.svg, heatmap.html]) {
    try {
      draw(w as Weights, l);
    } catch (error) {
      assert.instance(error, HeatmapError);
      assert.is((error as Error).message, message);
      continue;
    }
    assert.unreachable('nothing was refused');
  }
};

test('draws one terminal line per row, between the column labels and the legend', () => {
  const lines = heatmap.terminal(weights, { ...labels, color: false }).split('\n');
  assert.equal(lines, ['who looks where', '  x y z', 'a ░░██', 'b ▓▓░░░░', '  0 ░░▒▒▓▓██ 0.9']);
});

test('writes no escape code without colours, and resets after each colour', () => {
  assert.not.match(heatmap.terminal(weights, { ...labels, color: false }), /\x1b/);
  const colored = heatmap.terminal(weights, { ...labels, color: true });
  const codes = colored.match(/\x1b\[[0-9;]*m/g)!;
  assert.ok(codes.length > 12);
  codes.forEach((code, i) => (i % 2 === 0 ? assert.match(code, /^\x1b\[48;[25];/) : assert.is(code, '\x1b[0m')));
});

test('is plain by default where the output is no terminal', () => {
  const { isTTY } = process.stdout;
  process.stdout.isTTY = false;
  try {
    assert.not.match(heatmap.terminal(weights, labels), /\x1b/);
  } finally {
    process.stdout.isTTY = isTTY;
  }
});

test('is plain on a terminal where NO_COLOR is set', () => {
  const { isTTY } = process.stdout;
  const before = process.env.NO_COLOR;
  process.stdout.isTTY = true;
  process.env.NO_COLOR = '1';
  try {
    assert.not.match(heatmap.terminal(weights, labels), /\x1b/);
  } finally {
    process.stdout.isTTY = isTTY;
    if (before === undefined) delete process.env.NO_COLOR;
    else process.env.NO_COLOR = before;
  }
});

test('keeps every column two cells wide below wide, combining and right-to-left labels', () => {
  const columns = ['年', 'ก', 'ี', 'म', '्', 'م', '٣', 'é', ' ', '\n', '\u200F'];
  const text = heatmap.terminal([columns.map(() => 1)], { rows: ['日'], columns, color: false });
  const [header, row] = text.split('\n').map(plain);
  assert.is(cells(row!), 3 + 2 * columns.length);
  assert.is(cells(`${header}|`), 3 + 2 * columns.length); // the last label is one cell, its trailing space is cut
});

test('isolates right-to-left labels so that they cannot reorder the line', () => {
  const text = heatmap.terminal([[1, 1]], { rows: ['1'], columns: ['م', '٣'], color: false });
  assert.match(text, /\u2068م\u2069 \u2068٣\u2069/);
});

test('stacks long labels letter by letter, ending above their column', () => {
  const lines = heatmap.terminal([[1, 0]], { rows: ['r'], columns: ['mars', 'an'], color: false }).split('\n');
  assert.equal(lines.slice(0, 5), ['  m', '  a', '  r a', '  s n', 'r ██']);
});

test('cuts a map that is wider than the line into panels', () => {
  const columns = [...'abcdefgh'];
  const lines = heatmap.terminal([columns.map(() => 1)], { rows: ['r'], columns, color: false, width: 10 }).split('\n');
  assert.equal(lines, ['  a b c d', 'r ████████', '  e f g h', 'r ████████', '  0 ░░▒▒▓▓██ 1']);
});

test('keeps control characters of labels and titles away from the terminal', () => {
  const text = heatmap.terminal([[1]], { rows: ['\x1b[2J'], columns: ['\u009b'], title: '\x1b]0;x\x07', color: false });
  assert.not.match(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test('darkens with the weight', () => {
  const lines = heatmap.terminal([[0, 0.2, 0.5, 0.7, 1]], { rows: ['r'], columns: [...'abcde'], color: false }).split('\n');
  assert.is(lines[1], 'r   ░░▒▒▓▓██');
});

test('reads anything with toArray, as a tensor has', () => {
  const tensor = { toArray: () => weights };
  assert.is(heatmap.svg(tensor, labels), heatmap.svg(weights, labels));
  assert.is(heatmap.svg([Float32Array.of(1, 0)] as never, { rows: ['a'], columns: ['b', 'c'] }), heatmap.svg([[1, 0]], { rows: ['a'], columns: ['b', 'c'] }));
});

test('draws negative weights on a scale that begins at the smallest', () => {
  assert.match(heatmap.terminal([[-1, 1]], { rows: ['a'], columns: ['b', 'c'], color: false }), /-1 .* 1$/);
});

test('draws weights that are all zero', () => {
  assert.match(heatmap.svg([[0, 0]], { rows: ['a'], columns: ['b', 'c'] }), /fill-opacity="0"/);
});

test('gives the svg a title, a description, a tooltip per cell and both colour schemes', () => {
  const svg = heatmap.svg(weights, labels);
  assert.match(svg, /<title id="[^"]+">who looks where<\/title>/);
  assert.match(svg, /<desc id="[^"]+">2 rows, 3 columns, scale 0 to 0\.9\. Largest weight of each row: a at y \(column 2, 0\.9\); b at x/);
  assert.is(svg.match(/<rect class="cell"/g)!.length, 6);
  assert.match(svg, /<title>a ← y: 0\.9<\/title>/);
  assert.match(svg, /prefers-color-scheme:dark/);
});

test('refers to nothing outside the page', () => {
  const page = heatmap.html(weights, labels).replace('http://www.w3.org/2000/svg', '');
  assert.not.match(page, /https?:|src=|@import|url\((?!#)/);
});

test('gives two maps in one page different names', () => {
  const id = (svg: string): string => svg.match(/aria-labelledby="([^"]+)"/)![1]!;
  assert.is.not(id(heatmap.svg([[1]], { rows: ['a'], columns: ['b'] })), id(heatmap.svg([[2]], { rows: ['a'], columns: ['b'] })));
});

test('writes well-formed markup whatever the labels hold', () => {
  const text = fc.string({ unit: 'binary', maxLength: 6 });
  fc.assert(
    fc.property(text, text, text, (row, column, title) => {
      const svg = heatmap.svg([[1]], { rows: [row], columns: [column], title });
      assert.not.match(svg, /[\u0000-\u0008\u000B\u000C\u000E-\u001F]|\p{Cs}/u);
      const inside = [...svg.matchAll(/<(?:text|title|desc)[^>]*>([^<]*)<\/(?:text|title|desc)>/g)];
      assert.ok(inside.length >= 6);
      for (const [, content] of inside) assert.not.match(content!, /[<>"']|&(?!#\d+;)/);
      assert.is(svg.replace(/<[^>]*>/g, '').includes('<'), false);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('counts cells: wide characters two, marks none', () => {
  assert.equal(['a', '年', 'ี', 'मा', 'é', 'ｱ', '👩‍👩‍👧', ''].map(cells), [1, 2, 0, 1, 1, 1, 2, 0]);
  assert.equal(graphemes('กี่a'), ['กี่', 'a']);
});

test('shows what cannot be seen: spaces, controls, lone marks', () => {
  assert.equal([' ', '\u3000', '\n', 'ี', '', '\u200F', 'a b'].map(visible), ['␣', '␣', '␊', '◌ี', '·', '·', 'a b']);
});

test('refuses labels that do not fit the weights', () => {
  refuses(weights, { ...labels, rows: ['a'] }, 'heatmap: weights [2, 3] need 2 row labels, got 1; give one label per row.');
  refuses(weights, { ...labels, columns: [] }, 'heatmap: weights [2, 3] need 3 column labels, got 0; give one label per column.');
});

test('refuses weights that are no finite rectangle of numbers', () => {
  refuses([[1, NaN]], { rows: ['a'], columns: ['b', 'c'] }, 'heatmap: weights [1, 2] hold NaN at [0, 1]; every weight must be a finite number.');
  refuses([[1, 2], [3]], labels, 'heatmap: weights are ragged: row 0 has 2 columns, row 1 has 1; all rows must be equally long.');
  refuses([], labels, 'heatmap: weights are empty; give at least one row and one column.');
  refuses([1, 2], labels, 'heatmap: weights are not of rank 2; give one row of numbers per output position.');
  refuses([[[1]]], labels, 'heatmap: weights are not of rank 2: element [0, 0] is a list; give numbers.');
  refuses([['1']], labels, 'heatmap: weights are not of rank 2: element [0, 0] is a string; give numbers.');
});

test.run();
