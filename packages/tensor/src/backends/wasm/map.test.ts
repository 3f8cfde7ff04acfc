import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { View } from '../../backend.js';
import type { DType } from '../../dtype.js';
import * as s from '../../scalar/expression.js';
import { input, topological, type Expr } from '../../scalar/expression.js';
import { convert } from '../../scalar/convert.js';
import { binaryValue, unaryValue } from '../../scalar/values.js';
import { gelu, geluTanh, gmul, silu } from '../../scalar/named.js';
import { broadcastShapes, sizeOf } from '../../shape.js';
import { createWasmBackend } from './index.js';
import { anyView, array, at, backend, dense, difference, fastest, fill, generator, indices, runCall } from './testing.js';

const test = suite('wasm map');

/** The value of an expression by its definition, rounded to float32 at every node. */
function evaluate(root: Expr, slots: readonly number[]): number {
  const known = new Map<Expr, number>();
  for (const node of topological([root], true)) {
    const x = node.args.map((a) => known.get(a)!);
    const value = node.op === 'in' ? slots[node.value] : node.op === 'const' ? node.value
      : node.op === 'where' ? (x[0] ? x[1] : x[2])
      : node.op === 'cast' ? convert(x[0], node.type)
      : x.length === 1 ? unaryValue(node.op as s.Unary, x[0]) : binaryValue(node.op as s.Binary, x[0], x[1], node.type);
    known.set(node, node.type === 'f' ? Math.fround(value) : node.type === 'i' ? value | 0 : value ? 1 : 0);
  }
  return known.get(s.inline(root))!;
}

const dtypeOfType = { f: 'float32', i: 'int32', b: 'bool' } as const;

function check(roots: readonly Expr[], inputs: readonly View[], tolerance = 1e-6, shape = broadcastShapes('test', inputs.map((v) => v.shape))): void {
  const outputs = roots.map((r) => dense(fill(array(dtypeOfType[r.type], sizeOf(shape)), generator(99)), shape, dtypeOfType[r.type]));
  runCall('map', { roots }, inputs, outputs);
  roots.forEach((root, i) => {
    const expected = indices(shape).map((index) => evaluate(root, inputs.map((v) => at(v, index))));
    const worst = difference(outputs[i].data, expected);
    assert.ok(worst <= tolerance, `${root}: ${worst}; shapes ${inputs.map((v) => `[${v.shape}] by (${v.strides})`).join('; ')}`);
  });
}

const [x, y] = [input(0), input(1)];
const [i, j] = [input(0, 'i'), input(1, 'i')];
const [p, q] = [input(0, 'b'), input(1, 'b')];

const floats: Expr[] = [
  s.neg(x), s.abs(x), s.sign(x), s.floor(x), s.ceil(x), s.round(x), s.sqrt(x), s.add(x, y), s.sub(x, y), s.mul(x, y), s.div(x, y),
  s.maximum(x, y), s.minimum(x, y), s.less(x, y), s.equal(x, y), s.lessEqual(x, y), s.where(s.less(x, 0), y, x), s.cast(x, 'i'), s.cast(x, 'b'),
  s.mod(x, y), gmul(x, y), s.square(x), s.greater(x, y),
];

test('does arithmetic bit for bit, NaN, infinities and zeros included', () => {
  const random = generator(1);
  for (const e of floats) for (const n of [1, 2, 3, 4, 5, 7, 8, 9, 17, 33]) {
    check([e], [anyView(random, [n], 'float32', { odd: 0.4, plain: true }), anyView(random, [n], 'float32', { odd: 0.4, plain: true })], 0);
  }
});

test('does integers and booleans', () => {
  const random = generator(2);
  for (const e of [s.add(i, j), s.sub(i, j), s.mul(i, j), s.neg(i), s.abs(i), s.sign(i), s.maximum(i, j), s.minimum(i, j), s.less(i, j),
    s.equal(i, j), s.div(i, j), s.mod(i, j), s.cast(i, 'f'), s.cast(i, 'b'), s.where(s.less(i, j), i, j)]) {
    for (const n of [1, 5, 8, 21]) check([e], [anyView(random, [n], 'int32', { plain: true }), anyView(random, [n], 'int32', { plain: true })], 0);
  }
  for (const e of [s.logicalAnd(p, q), s.logicalOr(p, q), s.logicalNot(p), s.logicalXor(p, q), s.less(p, q), s.equal(p, q), s.cast(p, 'f'), s.cast(p, 'i'),
    s.add(p, q), s.where(p, q, p)]) {
    for (const n of [1, 2, 3, 4, 6, 19, 40]) check([e], [anyView(random, [n], 'bool', { plain: true }), anyView(random, [n], 'bool', { plain: true })], 0);
  }
});

test('does transcendental functions', () => {
  const random = generator(3);
  for (const e of [s.exp(x), s.expm1(x), s.log(s.abs(x)), s.log1p(s.abs(x)), s.tanh(x), s.erf(x), s.sin(x), s.cos(x), s.arctan(x), s.pow(s.abs(x), y),
    gelu(x), geluTanh(x), silu(x)]) {
    for (const n of [1, 6, 8, 37]) check([e], [anyView(random, [n], 'float32', { plain: true }), anyView(random, [n], 'float32', { plain: true })], 2e-6);
  }
});

test('walks any strides and broadcasts', () => {
  const random = generator(4);
  const e = s.add(s.mul(x, 2), y);
  for (let t = 0; t < 300; t++) {
    const rank = Math.floor(random() * 5);
    const shape = Array.from({ length: rank }, () => [1, 2, 3, 4, 5, 9][Math.floor(random() * 6)]);
    const thin = shape.map((n) => (random() < 0.3 ? 1 : n)).slice(Math.floor(random() * (rank + 1)));
    check([e], [anyView(random, shape, 'float32'), anyView(random, thin, 'float32')], 1e-6, shape);
  }
});

test('writes several roots in one pass, mixed types too', () => {
  const random = generator(5);
  for (let t = 0; t < 20; t++) {
    const shape = [1 + Math.floor(random() * 5), 1 + Math.floor(random() * 11)];
    check([s.add(x, y), s.less(x, y), s.cast(x, 'i'), s.constant(3)], [anyView(random, shape, 'float32'), anyView(random, [shape[1]], 'float32')], 0, shape);
  }
});

test('takes inputs of several types, and slots that no root reads', () => {
  const random = generator(6);
  const [mask, a] = [input(2, 'b'), input(0)];
  for (const n of [3, 8, 30]) {
    check([s.where(mask, a, 0)], [anyView(random, [n, n], 'float32'), anyView(random, [n], 'float32'), anyView(random, [n, n], 'bool')], 0);
    check([s.where(mask, a, 0)], [anyView(random, [n, n], 'float32'), anyView(random, [n], 'float32'), anyView(random, [n, 1], 'bool')], 0);
  }
});

test('may write over an input that it reads in the same order', () => {
  const data = fill(array('float32', 23), generator(7));
  const before = [...data];
  const view = dense(data, [23], 'float32');
  runCall('map', { roots: [s.mul(s.add(x, 1), 2)] }, [view], [view]);
  assert.ok(difference(data, before.map((v) => Math.fround(Math.fround(v + 1) * 2))) === 0);
});

test('writes nothing beyond its outputs', () => {
  for (const dtype of ['float32', 'bool'] as DType[]) for (const n of [1, 2, 3, 4, 5, 6, 7, 9, 15, 18]) {
    const whole = array(dtype, n + 32).fill(5);
    const from = fill(array(dtype, n), generator(n));
    const root = dtype === 'bool' ? s.logicalNot(p) : s.neg(x);
    runCall('map', { roots: [root] }, [dense(from, [n], dtype)], [{ ...dense(whole, [n], dtype), offset: 16 }]);
    assert.ok(whole.subarray(0, 16).every((v) => v === 5) && whole.subarray(n + 16).every((v) => v === 5), `${dtype} ${n}`);
  }
});

test('does nothing for no elements', () => {
  runCall('map', { roots: [s.neg(x)] }, [dense(array('float32', 0), [3, 0], 'float32')], [dense(array('float32', 0), [3, 0], 'float32')]);
});

test('leaves float64 and light work on ordinary arrays to js, and stages heavy work', () => {
  const family = { name: 'map', js() {} };
  const wide = dense(new Float64Array(4), [4], 'float64');
  assert.is(backend.prepare({ family, params: { roots: [s.neg(x)] } }, [wide], [wide]), null);
  const few = dense(new Float32Array(500), [500], 'float32');
  assert.is(backend.prepare({ family, params: { roots: [s.neg(x)] } }, [few], [few]), null);
  const n = 100003;
  const [a, b] = [dense(fill(new Float32Array(n), generator(8)), [n], 'float32'), dense(new Float32Array(n), [n], 'float32')];
  runCall('map', { roots: [s.tanh(x)] }, [a], [b]);
  assert.ok(difference(b.data, [...a.data].map(Math.tanh)) < 2e-7);
});

test('stages slices, reversed views and integers without changing their bits', () => {
  const n = 40000;
  const data = fill(new Float32Array(2 * n), generator(9));
  const view: View = { data, shape: [n], strides: [-1], offset: 2 * n - 1, dtype: 'float32' };
  const out = dense(new Float32Array(n), [n], 'float32');
  runCall('map', { roots: [s.exp(x)] }, [view], [out]);
  assert.ok(difference(out.data, Array.from({ length: n }, (_, k) => Math.exp(data[2 * n - 1 - k]))) < 1e-6);
  const whole = dense(Int32Array.from({ length: n }, (_, k) => 16777217 + k), [n], 'int32');
  const copy = dense(new Int32Array(n), [n], 'int32');
  runCall('map', { roots: [s.add(s.mul(s.cast(s.exp(s.cast(input(0, 'i'), 'f')), 'i'), 0), input(0, 'i'))] }, [whole], [copy]);
  assert.equal([...copy.data.subarray(0, 9)], [...whole.data.subarray(0, 9)]);
});

test('sees views made before the memory grew', () => {
  const on = createWasmBackend();
  const from = fill(array('float32', 9, on), generator(10));
  const to = array('float32', 9, on);
  const run = on.prepare({ family: { name: 'map', js() {} }, params: { roots: [s.neg(x)] } }, [dense(from, [9], 'float32')], [dense(to, [9], 'float32')])!;
  on.heap.reserve(200 << 20);
  run();
  assert.is(difference(to, [...from].map((v) => -v)), 0);
  assert.type(on.prepare({ family: { name: 'map', js() {} }, params: { roots: [s.neg(x)] } }, [dense(from, [9], 'float32')], [dense(to, [9], 'float32')]), 'function');
});

test('compiles one kernel for all sizes and addresses', () => {
  const on = createWasmBackend();
  const root = [s.mul(x, y)];
  for (const n of [3, 8, 100]) {
    const view = () => dense(array('float32', n, on), [n], 'float32');
    runCall('map', { roots: root }, [view(), view()], [view()], on);
  }
  assert.is((on.describe() as { kernels: number }).kernels, 1);
  assert.equal((on.describe() as { calls: object }).calls, { map: 3 });
});

test('costs little to prepare and less to run again', () => {
  const view = () => dense(array('float32', 64), [8, 8], 'float32');
  const call = { family: { name: 'map', js() {} }, params: { roots: [s.add(x, y)] } };
  const [inputs, outputs] = [[view(), view()], [view()]];
  const run = backend.prepare(call, inputs, outputs)!;
  const again = fastest(run, 20, 5000) * 1000;
  const eager = fastest(() => backend.prepare(call, inputs, outputs)!(), 20, 2000) * 1000;
  console.log(`add [8, 8]: ${again.toFixed(3)} us again, ${eager.toFixed(2)} us with preparing`);
  assert.ok(again < 5 && eager < 100);
});

test.run();
