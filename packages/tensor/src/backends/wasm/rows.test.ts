import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run, withBackend } from '@heed/tensor';
import type { View } from '../../backend.js';
import { logSoftmaxGradientOp, softmaxGradientOp } from '../../ops/softmax.js';
import { sizeOf } from '../../shape.js';
import { Tensor } from '../../tensor.js';
import { rowsFamily, rowsGradientFamily, type RowParams } from '../js/rows.js';
import { planRows } from './rows.js';
import { anyView, array, backend, dense, difference, fastest, fill, generator, runCall, runInUnits } from './testing.js';

const test = suite('wasm rows');
const kinds = ['softmax', 'logSoftmax'] as const;
const pick = (random: () => number, list: readonly number[]) => list[Math.floor(random() * list.length)];
const filled = (shape: readonly number[]) => dense(fill(array('float32', sizeOf(shape)), generator(8)), shape, 'float32');
const named = (kind: string, axis: number, ...views: View[]) => `${kind} along ${axis} of ${views.map((v) => `[${v.shape}] by (${v.strides})`).join(', ')}`;

function check(kind: RowParams['kind'], axis: number, x: View, mask?: View): void {
  const [got, wanted] = [filled(x.shape), filled(x.shape)];
  const [params, inputs] = [{ kind, axis, masked: !!mask }, mask ? [x, mask] : [x]];
  runCall('rows', params, inputs, [got]);
  rowsFamily.js(params, inputs, [wanted]);
  assert.ok(difference(got.data, wanted.data) < 1e-6 * (kind === 'softmax' ? 1 : 3), named(kind, axis, ...inputs));
}

/** The kernel against the smaller ops, which js runs; each term of the sums is below 16, and so many ulps of it may get lost. */
function checkGradient(kind: RowParams['kind'], axis: number, y: View, g: View, mask?: View): void {
  const got = filled(y.shape);
  const inputs = [y, g, ...(mask ? [mask] : [])];
  runCall('rowsGradient', { kind, axis, masked: !!mask }, inputs, [got]);
  const tensors = inputs.map((v) => new Tensor(v.shape, v.dtype, v.strides, v.offset, { kind: 'host', data: v.data }));
  const [wanted] = withBackend('js', () => run(kind === 'softmax' ? softmaxGradientOp : logSoftmaxGradientOp, tensors, { axis }));
  assert.ok(difference(got.data, wanted.data()) < 1e-6 * y.shape[axis] + 1e-5, named(`${kind}Gradient`, axis, ...inputs));
}
/** Logarithms of shares: at most 0. */
const logarithms = (y: View): View => { y.data.forEach((v, i) => { y.data[i] = -Math.abs(v); }); return y; };

test('agrees with js along any axis, at every small size', () => {
  const random = generator(1);
  for (const kind of kinds) for (const n of [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 21, 64, 100]) {
    check(kind, 1, anyView(random, [3, n], 'float32', { plain: true }));
    check(kind, 0, anyView(random, [n], 'float32', { plain: true }));
    check(kind, 2, anyView(random, [2, 3, n], 'float32'));
    check(kind, 0, anyView(random, [5, n], 'float32', { plain: true }));
    check(kind, 1, anyView(random, [2, n, 3], 'float32'));
  }
});

test('does strips of columns, and long rows in pieces', () => {
  const random = generator(5);
  for (const kind of kinds) {
    check(kind, 1, anyView(random, [2, 3, 600], 'float32', { plain: true }));
    check(kind, 0, anyView(random, [4, 257], 'float32', { plain: true }));
    check(kind, 1, anyView(random, [2, 20001], 'float32', { plain: true }));
  }
});

test('takes masks of every shape that broadcasts, along any axis, and gives 0 where nothing takes part', () => {
  const random = generator(2);
  for (let t = 0; t < 240; t++) {
    const shape = [1 + (t % 3), 1 + Math.floor(random() * 4), 1 + Math.floor(random() * 12)];
    const thin = shape.map((n) => (random() < 0.4 ? 1 : n)).slice(Math.floor(random() * 4));
    check(kinds[t % 2], pick(random, [0, 1, 2]), anyView(random, shape, 'float32', { plain: t % 4 < 2 }), anyView(random, thin, 'bool'));
  }
});

test('the gradients agree with the smaller ops, along any axis, with masks or without', () => {
  const random = generator(6);
  for (let t = 0; t < 300; t++) {
    const shape = [pick(random, [1, 2, 3]), pick(random, [1, 2, 5, 9]), pick(random, [1, 3, 4, 8, 21])];
    const [y, g] = [0, 1].map(() => anyView(random, shape, 'float32', { plain: t % 4 < 2 }));
    const mask = random() < 0.5 ? anyView(random, shape.map((n) => (random() < 0.4 ? 1 : n)), 'bool') : undefined;
    if (t % 2) checkGradient('softmax', pick(random, [0, 1, 2]), y, g);
    else checkGradient('logSoftmax', pick(random, [0, 1, 2]), logarithms(y), g, mask);
  }
  for (const axis of [0, 1]) checkGradient('logSoftmax', axis, logarithms(anyView(random, [5, 300], 'float32', { plain: true })), anyView(random, [5, 300], 'float32'));
});

test('stays finite for large numbers and ignores masked NaN, in rows and in columns', () => {
  const x = dense(array('float32', 6), [2, 3], 'float32');
  x.data.set([1e30, 1e30, -1e30, 3, NaN, 3]);
  const mask = dense(array('bool', 3), [3], 'bool');
  mask.data.set([1, 0, 1]);
  const y = dense(array('float32', 6), [2, 3], 'float32');
  runCall('rows', { kind: 'softmax', axis: 1, masked: true }, [x, mask], [y]);
  assert.equal([...y.data], [1, 0, 0, 0.5, 0, 0.5]);
  const turned = { ...x, shape: [3, 2], strides: [1, 3] };
  runCall('rows', { kind: 'softmax', axis: 0, masked: true }, [turned, { ...mask, shape: [3, 1], strides: [1, 0] }], [{ ...y, shape: [3, 2], strides: [2, 1] }]);
  assert.equal([...y.data], [1, 0.5, 0, 0, 0, 0.5]);
});

test('a NaN and an infinity stay in their row', () => {
  for (const odd of [NaN, Infinity]) for (const [axis, at] of [[0, 1], [1, 5]]) {
    const x = dense(fill(array('float32', 25), generator(9)), [5, 5], 'float32');
    x.data[at] = odd;
    check('softmax', axis, x);
    check('logSoftmax', axis, x);
  }
});

test('may write over its input', () => {
  for (const axis of [0, 1]) for (const kind of kinds) {
    const [x, wanted] = [filled([3, 10]), filled([3, 10])];
    rowsFamily.js({ kind, axis, masked: false }, [filled([3, 10])], [wanted]);
    runCall('rows', { kind, axis }, [x], [x]);
    assert.ok(difference(x.data, wanted.data) < 3e-6);
  }
});

test('units may be done in any order', () => {
  const [x, g] = [1, 2].map((seed) => dense(fill(array('float32', 4200, null), generator(seed)), [2, 3, 700], 'float32'));
  for (const axis of [1, 2]) for (const kind of kinds) for (const given of [[x], [x, g]]) {
    const [whole, parts] = [filled(x.shape), dense(array('float32', 4200, null), x.shape, 'float32')];
    runCall(given.length > 1 ? 'rowsGradient' : 'rows', { kind, axis, masked: false }, given, [whole]);
    runInUnits((engine, recipe) => planRows(engine, recipe, given.length > 1 ? `${kind}Gradient` : kind, axis, given.map((v) => recipe.input(v)), false, recipe.output(parts)));
    assert.equal([...parts.data], [...whole.data]);
  }
});

test('prints its speed', () => {
  const [x, y, g, gx] = [1, 2, 3, 4].map((seed) => dense(fill(array('float32', 4096 * 512), generator(seed)), [4096, 512], 'float32'));
  for (const axis of [1, 0]) for (const kind of kinds) {
    const forward = fastest(backend.prepare({ family: rowsFamily, params: { kind, axis, masked: false } }, [x], [y])!, 10);
    const backward = fastest(backend.prepare({ family: rowsGradientFamily, params: { kind, axis, masked: false } }, [y, g], [gx])!, 10);
    console.log(`${kind} of [4096, 512] along ${axis}: forward ${forward.toFixed(2)} ms, backward ${backward.toFixed(2)} ms`);
  }
});

test.run();
