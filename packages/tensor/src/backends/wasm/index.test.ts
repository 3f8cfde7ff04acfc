import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exp, input } from '../../scalar/expression.js';
import { createWasmBackend, worthStaging } from './index.js';
import { dense } from './testing.js';

const test = suite('wasm backend');
const family = (name: string) => ({ name, js() {} });
const vector = (n: number) => dense(new Float32Array(n), [n], 'float32');

test('takes no memory until it is used', () => {
  assert.equal(createWasmBackend().describe(), { backend: 'wasm', simd: true, threads: 1, started: false });
});

test('counts what it computes and what it leaves to js', () => {
  const on = createWasmBackend();
  const call = { family: family('map'), params: { roots: [exp(input(0))] } };
  assert.type(on.prepare(call, [vector(5000)], [vector(5000)]), 'function');
  assert.is(on.prepare(call, [vector(3)], [vector(3)]), null);
  assert.is(on.prepare({ family: family('scan'), params: {} }, [vector(9)], [vector(9)]), null);
  const { calls, fallbacks } = on.describe() as { calls: object; fallbacks: object };
  assert.equal([calls, fallbacks], [{ map: 1 }, { map: 1, scan: 1 }]);
});

test('stages heavy work and large work, not small light work', () => {
  const call = { family: family('matmul'), params: {} };
  const square = (n: number) => dense(new Float32Array(n * n), [n, n], 'float32');
  assert.not(worthStaging(call, [square(4), square(4)], [square(4)]));
  assert.ok(worthStaging(call, [square(64), square(64)], [square(64)]));
  const copy = { family: family('copy'), params: {} };
  assert.not(worthStaging(copy, [square(512)], [square(512)]));
  assert.ok(worthStaging(copy, [{ ...square(512), strides: [1, 512] }], [square(512)]));
});

test('gives the same bits in shared and in unshared memory', () => {
  const results = [true, false].map((shared) => {
    const on = createWasmBackend({ shared, relaxed: false });
    const x = dense(Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i)), [40, 100], 'float32');
    const y = dense(new Float32Array(1600), [40, 40], 'float32');
    on.prepare({ family: family('matmul'), params: {} }, [x, { ...x, shape: [100, 40], strides: [1, 100] }], [y])!();
    return [...y.data];
  });
  assert.equal(results[0], results[1]);
});

test('refuses more memory than there is before anything changes', () => {
  const on = createWasmBackend({ limit: 1 << 20 });
  const y = dense(new Float32Array(1 << 20).fill(7), [1 << 20], 'float32');
  assert.throws(() => on.prepare({ family: family('map'), params: { roots: [exp(input(0))] } }, [vector(1 << 20)], [y])!(), /^wasm heap: no room for \d+ bytes: \d+ of 1048576 bytes are in use/);
  assert.ok(y.data.every((v) => v === 7));
});

test.run();
