import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { difference, summary, type Cell, type Result } from './measure.js';
import { Graph } from './engines/onnx.js';
import { inOurOrder, operandsOf } from './operands.js';
import { parse } from './options.js';
import { chart } from './report/chart.js';
import { lines, Notes } from './report/table.js';
import { ratioOf, speedOf, verdicts } from './report/verdict.js';
import { rows as convolution } from './rows/convolution.js';
import { allRows } from './rows/index.js';
import { rows as matmul } from './rows/matmul.js';

const test = suite('bench report');
const about = (name: string, engine: 'heed' | 'tfjs' | 'torch') => ({ name, engine, how: '', version: '1' });
const columns = [about('heed jit', 'heed'), about('heed eager', 'heed'), about('tfjs wasm', 'tfjs'), about('tfjs cpu', 'tfjs'), about('PyTorch', 'torch')];
const timed = (ms: number): Cell => summary([ms, 2 * ms, 3 * ms]);
const result: Result = {
  row: matmul[0]!, // at least 1.3 times as fast as the best JavaScript rival, 0.4 times as fast as PyTorch
  cells: new Map([['heed jit', timed(2)], ['heed eager', timed(3)], ['tfjs wasm', timed(4)], ['tfjs cpu', { reason: 'too slow' }], ['PyTorch', timed(0.5)]]),
};

test('a ratio is the rival\'s least time over that of heed jitted', () => {
  assert.is(ratioOf(result, 'tfjs wasm'), 2);
  assert.is(ratioOf(result, 'heed eager'), 1.5);
  assert.is(ratioOf(result, 'tfjs cpu'), null);
});

test('floors are judged against the best rival of each kind', () => {
  assert.equal(verdicts(result).js, { floor: 1.3, reached: 2, met: true, against: 'tfjs wasm' });
  assert.equal(verdicts(result).torch, { floor: 0.4, reached: 0.25, met: false, against: 'PyTorch' });
});

test('speed is told as a share of what the threads could do', () => {
  const { unit, value, share } = speedOf(result, summary([2]), { peak: 50, stream: 30, fused: true }, 2)!;
  assert.is(unit, 'GFLOP/s');
  assert.ok(Math.abs(value - (2 * 128 ** 3) / 2e6) < 1e-9 && Math.abs(share - value / 100) < 1e-9);
});

const device = { peak: 20_000, stream: 1000, fused: true, gpu: { name: 'a card', software: false, upload: 10, readback: 5 } };

test('on a GPU speed is told as a share of what the device can do, of transfers too', () => {
  const [product, upload] = ['matmul 4096', 'upload 64 MiB'].map((name) => allRows('full').find((row) => row.name.startsWith(name))!);
  const ms = (2 * 4096 ** 3) / 1e6 / 8000;
  const on = (row: typeof result.row, t: number): Result => ({ row, cells: new Map([['heed jit', summary([t])], ['jax-js', summary([3 * t])], ['gpu.js', summary([9 * t])]]) });
  assert.ok(Math.abs(speedOf(on(product!, ms), summary([ms]), device, 1)!.share - 0.4) < 1e-9);
  assert.ok(Math.abs(speedOf(on(upload!, 16.777216), summary([16.777216]), device, 1)!.share - 0.4) < 1e-9);
  const { js, share } = verdicts(on(product!, ms), device);
  assert.equal(js, { floor: 2, reached: 3, met: true, against: 'jax-js' });
  assert.equal({ ...share, reached: share!.reached.toFixed(2) }, { floor: 0.5, reached: '0.40', met: false, against: 'the device' });
  assert.match(lines(on(product!, ms), [about('heed jit', 'heed')], new Notes(), device, 1), /JavaScript x3\.00 of 2 met, the device x0\.40 of 0\.5 MISSED/);
});

test('rows of the GPU have names of their own, and no floors but of memory where they are small', () => {
  for (const size of ['full', 'small'] as const) {
    const names = allRows(size).map(({ name }) => name);
    assert.is(new Set(names).size, names.length);
  }
  for (const { kind, floors } of allRows('small')) assert.ok(kind === 'own' || !Object.keys(floors).length);
});

test('the table has a line for minimums, one for medians, and a note for each reason', () => {
  const notes = new Notes();
  const [first, second] = lines(result, columns, notes, { peak: 50, stream: 30, fused: true }, 1).split('\n');
  assert.match(first!, /matmul 128 +2\.00 +3\.00 +4\.00 x2\.00 +\(1\) +0\.50 x0\.25 +JavaScript x2\.00 of 1\.3 met, PyTorch x0\.25 of 0\.4 MISSED/);
  assert.match(second!, /4\.00 +6\.00 +8\.00 +1\.00/);
  assert.equal(notes.lines(), ['(1) too slow']);
});

test('the chart has a bar per rival that was timed', () => {
  const svg = chart([result], columns, 'a < b');
  assert.is(svg.match(/<rect [^>]*><title>/g)!.length, 2);
  assert.ok(svg.includes('a &lt; b') && !svg.includes('#c00'));
  assert.match(chart([result], columns, 'a', 'no figures'), /fill="#c00">no figures</);
});

test('results that differ are told where', () => {
  assert.is(difference([[1, 2]], [[1, 2.00001]], 1e-5), null);
  assert.match(difference([[1, 2]], [[1, 2.1]], 1e-5)!, /^result 0 is 2\.1 at 1 instead of 2/);
  assert.match(difference([[1]], [[NaN]], 1)!, /NaN/);
  assert.match(difference([[1], [2]], [[1]], 1)!, /1 results instead of 2/);
});

test('what an engine holds in another order comes back in ours', () => {
  const row = convolution[0]!;
  const [ours, theirs] = [operandsOf(row, 'heed'), operandsOf(row, 'torch')];
  assert.equal(theirs[1]!.shape, [64, 32, 3, 3]);
  assert.is(theirs[1]!.data[((5 * 32 + 7) * 3 + 1) * 3 + 2], ours[1]!.data[((1 * 3 + 2) * 32 + 7) * 64 + 5]);
  const y = Float32Array.from({ length: 32 * 64 * 32 * 32 }, (_, i) => i);
  assert.is(inOurOrder(row, 'torch', [y])[0]![((3 * 32 + 4) * 32 + 5) * 64 + 6], ((3 * 64 + 6) * 32 + 4) * 32 + 5);
});

test('a graph is written as protocol buffers', () => {
  const graph = new Graph();
  const bytes = graph.model(new Map([['x', [2]]]), graph.node('Relu', ['x']), 20);
  const parts = ['080a', '3a31', '0a0d', '0a0178', '12027630', '220452656c75', '1203726f77', '5a0f', '0a0178', '120a0a08080112040a020802', '620a', '0a027630', '12040a020801', '42040a001014'];
  assert.is(Buffer.from(bytes).toString('hex'), parts.join('')); // version, graph { node { x, v0, Relu }, name, input x [2], output v0 }, opset 20
});

test('arguments are names of rows and options; others are refused', () => {
  const { parts, rounds, threads, engines } = parse(['matmul', '--rounds', '3', '--threads=1,2', '--only', 'heed,ort']);
  assert.equal({ parts, rounds, threads, engines }, { parts: ['matmul'], rounds: 3, threads: [1, 2], engines: ['heed', 'ort'] });
  assert.equal(parse(['--gpu']).engines, ['heed', 'tfjs', 'jax', 'gpujs']);
  assert.throws(() => parse(['--gpu', '--only', 'heed,torch']), /there is no engine torch on the GPU/);
  assert.throws(() => parse(['--gpu', '--only', 'tfjs']), /--only must name it/);
  assert.throws(() => parse(['--gpu', '--threads', '2']), /--threads is not for the GPU/);
  assert.throws(() => parse(['--only', 'numpy']), /there is no engine numpy/);
  assert.throws(() => parse(['--rounds', '0']), /whole number above 0/);
  assert.throws(() => parse(['--fast']), /there is no option --fast/);
});

test.run();
