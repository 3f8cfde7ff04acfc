import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { causalMask, paddingMask, type CausalAlign } from './index.js';

const test = suite('masks');

test('both alignments agree where there are as many keys as queries', () => {
  close(causalMask(4, 4), causalMask(4, 4, { align: 'lower-right' }));
});

test('causal masks count from either end', () => {
  assert.equal(causalMask(2, 3).cast('int32').toArray(), [[1, 0, 0], [1, 1, 0]]);
  assert.equal(causalMask(2, 3, { align: 'lower-right' }).cast('int32').toArray(), [[1, 1, 0], [1, 1, 1]]);
  assert.equal(paddingMask(tensor(Int32Array.of(0, 2)), 3).cast('int32').toArray(), [[0, 0, 0], [1, 1, 0]]);
});

test('more queries than keys: the first ones see nothing from the lower right', () => {
  assert.equal(causalMask(3, 2, { align: 'lower-right' }).cast('int32').toArray(), [[0, 0], [1, 0], [1, 1]]);
});

test('masks are bool', () => {
  assert.equal([causalMask(2, 2).dtype, paddingMask(tensor(Int32Array.of(1)), 2).dtype], ['bool', 'bool']);
});

test('refuses an unknown alignment', () => {
  refuses(() => causalMask(2, 2, { align: 'center' as CausalAlign }), "causalMask: there is no align 'center'; use 'upper-left' or 'lower-right'.");
});
test.run();
