import { suite } from 'uvu';
import { checkOp, refuses } from './index.js';
import { add } from '@heed/tensor';
import { samples } from './samples.js';

const test = suite('every op');
for (const { name, op, samples: cases, options } of samples) test(`${name} holds the laws of every op`, () => checkOp(op, cases, options));

test('checkOp insists on an axis of size 0', () =>
  refuses(() => checkOp(add, [[[[[1]]], [1, 2]]]), "checkOp: add: no sample has an axis of size 0; add one, or say in { without: { zero: 'why' } } why there can be none."));
test.run();
