import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
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

test.run();
