import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cast, DTypeError, tensor, ValueError, type DType } from '@heed/tensor';
import { refuses } from '@heed/tensor/testing';

const test = suite('cast');

test('cast to int32 drops fractions, saturates and takes NaN for 0', () =>
  assert.equal(cast(tensor([1.9, -1.9, 1e20, -1e20, NaN]), 'int32').toArray(), [1, -1, 2 ** 31 - 1, -(2 ** 31), 0]));
test('cast to bool asks for anything but 0', () => assert.equal(cast(tensor([0, 0.5, NaN, -0]), 'bool').toArray(), [false, true, true, false]));
test('cast of bool gives 0 and 1', () => assert.equal(cast(tensor([true, false]), 'float64').toArray(), [1, 0]));
test('cast to float32 rounds', () => assert.is(cast(tensor(0.1, { dtype: 'float64' }), 'float32').item(), Math.fround(0.1)));
test('cast to the same dtype is the same tensor', () => {
  const x = tensor([1]);
  assert.is(cast(x, 'float32'), x);
});

test('refuses what is no dtype', () => refuses(() => cast(tensor([1]), 'float16' as DType), 'cast: there is no dtype float16; use float64, float32, int32, bool.', DTypeError));
test('refuses what is no tensor', () => refuses(() => cast([1] as never, 'int32'), 'cast: x is object; it must be a tensor, so give it to tensor() first.', ValueError));

test.run();
