import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { View } from '../../backend.js';
import type { DType } from '../../dtype.js';
import { sizeOf } from '../../shape.js';
import { anyView, array, backend, dense, difference, fastest, fill, generator, runCall, values } from './testing.js';

const test = suite('wasm copy');

function check(x: View): void {
  const y = dense(array(x.dtype, sizeOf(x.shape)), x.shape, x.dtype);
  runCall('copy', {}, [x], [y]);
  assert.is(difference(y.data, values(x)), 0, `${x.dtype} [${x.shape}] by (${x.strides})`);
}

test('copies views of any strides and type', () => {
  const random = generator(1);
  for (let t = 0; t < 400; t++) {
    const shape = Array.from({ length: Math.floor(random() * 5) }, () => [1, 2, 3, 4, 7, 9, 17][Math.floor(random() * 7)]);
    check(anyView(random, shape, (['float32', 'int32', 'bool'] as DType[])[t % 3], { odd: 0.2 }));
  }
});

test('transposes matrices of every small size', () => {
  const random = generator(2);
  for (const m of [1, 2, 3, 4, 5, 8, 15, 16, 17, 21, 33]) for (const n of [1, 3, 4, 6, 16, 19]) {
    const data = fill(array('float32', m * n), random);
    check({ data, shape: [n, m], strides: [1, n], offset: 0, dtype: 'float32' });
  }
});

test('transposes inner and outer axes of batches', () => {
  const data = fill(array('float32', 5 * 6 * 7 * 8), generator(3));
  const view = (shape: number[], strides: number[]): View => ({ data, shape, strides, offset: 0, dtype: 'float32' });
  check(view([5, 7, 6, 8], [336, 8, 56, 1]));
  check(view([5, 6, 8, 7], [336, 56, 1, 8]));
  check(view([8, 7, 6, 5], [1, 8, 56, 336]));
  check(view([5, 8, 6, 7], [336, 1, 56, 8]));
});

test('writes nothing beyond its output', () => {
  const whole = array('float32', 15 + 32).fill(3);
  const x: View = { data: fill(array('float32', 15), generator(4)), shape: [3, 5], strides: [1, 3], offset: 0, dtype: 'float32' };
  runCall('copy', {}, [x], [{ ...dense(whole, [3, 5], 'float32'), offset: 16 }]);
  assert.ok(whole.subarray(0, 16).every((v) => v === 3) && whole.subarray(31).every((v) => v === 3));
});

test('prints its speed', () => {
  const x: View = { data: fill(array('float32', 1 << 22), generator(5)), shape: [2048, 2048], strides: [1, 2048], offset: 0, dtype: 'float32' };
  const y = dense(array('float32', 1 << 22), [2048, 2048], 'float32');
  console.log(`transpose of 2048: ${fastest(backend.prepare({ family: { name: 'copy', js() {} }, params: {} }, [x], [y])!, 10).toFixed(2)} ms`);
});

test.run();
