import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lineChart } from './curves.js';

const test = suite('curves');
const pointsOf = (svg: string): number[][][] =>
  [...svg.matchAll(/<polyline[^>]* points="([^"]*)"/g)].map(([, list]) => list!.split(' ').map((pair) => pair.split(',').map(Number)));

test('draws one line per series, from left to right, higher values higher', () => {
  const [first, second] = pointsOf(lineChart({ title: 'Loss', lines: [{ name: 'train', values: [3, 2, 1] }, { name: 'validation', values: [1, 2, 3] }] }));
  for (const line of [first!, second!]) assert.ok(line[0]![0]! < line[1]![0]! && line[1]![0]! < line[2]![0]!);
  assert.ok(first![0]![1]! < first![2]![1]!);
  assert.equal(first!.map(([, y]) => y), second!.map(([, y]) => y).reverse());
});

test('keeps every point inside the picture', () => {
  for (const values of [[], [0], [1e-9, 2e-9], [123456, 1], [0, 0, 0], Array.from({ length: 300 }, (_, i) => i)]) {
    for (const [x, y] of pointsOf(lineChart({ title: 't', lines: [{ name: 'n', values }] })).flat()) {
      assert.ok(x! >= 0 && x! <= 460 && y! >= 30 && y! <= 260, `${x}, ${y}`);
    }
  }
});

test('puts round numbers on the axis, the last above the largest value', () => {
  const svg = lineChart({ title: 't', lines: [{ name: 'n', values: [1.9, 0.3] }] });
  for (const tick of ['0', '0.5', '1', '1.5', '2']) assert.match(svg, new RegExp(`text-anchor="end">${tick}</text>`));
});

test('leaves a gap where a value is not finite', () => {
  assert.is(pointsOf(lineChart({ title: 't', lines: [{ name: 'n', values: [1, 2, NaN, 3, 4] }] })).length, 2);
});

test('says in words how the lines end', () => {
  const svg = lineChart({ title: 'Loss', lines: [{ name: 'train', values: [2, 1] }, { name: 'validation', values: [] }] });
  assert.match(svg, /aria-label="Loss: train ends at 1, validation without values\."/);
});

test('escapes what it is given', () => {
  assert.not.match(lineChart({ title: '<b>"&', lines: [{ name: '<i>', values: [1] }] }), /<b>|<i>|"&"/);
});

test.run();
