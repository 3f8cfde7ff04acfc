import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { add, ones } from '@heed/tensor';
import { allocateResult, arrayType, dtypes } from './dtype.js';

const test = suite('arrays');

test('results start at zero, and what is written to one stays out of the others', () =>
  fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom(...dtypes), fc.nat(600)), { maxLength: 60 }), (wanted) => {
    const made = wanted.map(([dtype, size], i) => {
      const y = allocateResult(dtype, size);
      assert.instance(y, arrayType(dtype));
      assert.is(y.length, size);
      assert.ok(y.every((v) => v === 0));
      return y.fill(i + 1);
    });
    made.forEach((y, i) => assert.ok(y.every((v) => v === i + 1)));
  }), { seed: 1 }));

test('the data of a result may be given away', () => {
  const [x, y] = [add(ones([5, 5]), 1), add(ones([5, 5]), 2)];
  structuredClone(x.data(), { transfer: [x.data().buffer as ArrayBuffer] });
  assert.equal([x, y].map((t) => t.data()[24]), [2, 3]);
});

test.run();
