import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arange, tensor, zeros } from '@heed/tensor';

const test = suite('printing');

test('a scalar prints on one line', () => assert.is(String(tensor(3)), 'float32 3'));
test('a matrix prints in columns', () => assert.is(String(tensor([[1, 2.5], [-3, 4]])), 'float32 [2, 2]\n[[  1, 2.5],\n [ -3,   4]]'));
test('matrices of a batch are set apart by a line', () =>
  assert.is(String(arange(8).reshape([2, 2, 2])), 'int32 [2, 2, 2]\n[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]'));
test('long axes show their ends', () => assert.is(String(arange(200)), 'int32 [200]\n[  0,   1,   2, ..., 197, 198, 199]'));
test('booleans print as words', () => assert.is(String(tensor([true, false])), 'bool [2]\n[ true, false]'));
test('nothing prints as nothing', () => assert.is(String(zeros([0, 2])), 'float32 [0, 2]\n[]'));
test('a transposed tensor prints in its own order', () => assert.is(String(tensor([[1, 2], [3, 4]]).transpose()), 'float32 [2, 2]\n[[1, 3],\n [2, 4]]'));
test('infinities, NaN and small numbers print as they are', () => assert.is(String(tensor([NaN, -Infinity, 1e-9])), 'float32 [3]\n[      NaN, -Infinity, 1.0000e-9]'));

test.run();
