import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { View } from '../../backend.js';
import { sizeOf } from '../../shape.js';
import { anyView, array, at, backend, dense, difference, fastest, fill, generator, indices, runCall } from './testing.js';

const test = suite('wasm rows');
type Kind = 'softmax' | 'logSoftmax';

function expected(kind: Kind, x: View, mask?: View): number[] {
  const n = x.shape[x.shape.length - 1];
  return indices(x.shape.slice(0, -1)).flatMap((lead) => {
    const row = Array.from({ length: n }, (_, i) => [...lead, i]);
    const part = row.map((i) => !mask || at(mask, i) !== 0);
    const v = row.map((i) => at(x, i));
    const top = v.reduce((m, a, i) => (part[i] ? Math.max(m, a) : m), -Infinity);
    const e = v.map((a, i) => (part[i] ? Math.exp(a - top) : 0));
    const total = e.reduce((a, b) => a + b, 0);
    return v.map((a, i) => (!part[i] ? 0 : kind === 'softmax' ? e[i] / total : a - top - Math.log(total)));
  });
}

function check(kind: Kind, x: View, mask?: View): void {
  const y = dense(fill(array('float32', sizeOf(x.shape)), generator(8)), x.shape, 'float32');
  runCall('rows', { kind, axis: x.shape.length - 1, masked: !!mask }, mask ? [x, mask] : [x], [y]);
  assert.ok(difference(y.data, expected(kind, x, mask)) < 1e-6 * (kind === 'softmax' ? 1 : 3), `${kind} of [${x.shape}] by (${x.strides})${mask ? ` with [${mask.shape}] by (${mask.strides})` : ''}`);
}

test('agrees with plain loops at every small size', () => {
  const random = generator(1);
  for (const kind of ['softmax', 'logSoftmax'] as const) for (const n of [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 21, 64, 100]) {
    check(kind, anyView(random, [3, n], 'float32', { plain: true }));
    check(kind, anyView(random, [n], 'float32', { plain: true }));
    check(kind, anyView(random, [2, 3, n], 'float32'));
  }
});

test('takes masks of every shape that broadcasts, and gives 0 where nothing takes part', () => {
  const random = generator(2);
  for (let t = 0; t < 120; t++) {
    const shape = [1 + (t % 3), 1 + Math.floor(random() * 4), 1 + Math.floor(random() * 12)];
    const thin = shape.map((n) => (random() < 0.4 ? 1 : n)).slice(Math.floor(random() * 4));
    check('softmax', anyView(random, shape, 'float32', { plain: t % 2 === 0 }), anyView(random, thin, 'bool'));
  }
});

test('stays finite for large numbers and ignores masked NaN', () => {
  const x = dense(array('float32', 6), [2, 3], 'float32');
  x.data.set([1e30, 1e30, -1e30, 3, NaN, 3]);
  const mask = dense(array('bool', 3), [3], 'bool');
  mask.data.set([1, 0, 1]);
  const y = dense(array('float32', 6), [2, 3], 'float32');
  runCall('rows', { kind: 'softmax', axis: 1, masked: true }, [x, mask], [y]);
  assert.equal([...y.data], [1, 0, 0, 0.5, 0, 0.5]);
});

test('may write over its input', () => {
  const x = dense(fill(array('float32', 30), generator(3)), [3, 10], 'float32');
  const want = expected('softmax', x);
  runCall('rows', { kind: 'softmax', axis: 1 }, [x], [x]);
  assert.ok(difference(x.data, want) < 1e-6);
});

test('leaves other axes and masked logarithms to js', () => {
  const x = dense(array('float32', 12), [3, 4], 'float32');
  const prepare = (params: object, inputs: View[]) => backend.prepare({ family: { name: 'rows', js() {} }, params }, inputs, [x]);
  assert.is(prepare({ kind: 'softmax', axis: 0 }, [x]), null);
  assert.is(prepare({ kind: 'logSoftmax', axis: 1, masked: true }, [x, dense(array('bool', 4), [4], 'bool')]), null);
});

test('prints its speed', () => {
  const [x, y] = [1, 2].map((seed) => dense(fill(array('float32', 4096 * 512), generator(seed)), [4096, 512], 'float32'));
  console.log(`softmax of [4096, 512]: ${fastest(backend.prepare({ family: { name: 'rows', js() {} }, params: { kind: 'softmax', axis: 1 } }, [x], [y])!, 10).toFixed(2)} ms`);
});

test.run();
