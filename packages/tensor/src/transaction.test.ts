import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, jit, transaction, Variable } from './index.js';

const test = suite('transaction');

test('assignments come about together, when all is done', () => {
  const [a, b] = [new Variable(1), new Variable(2)];
  const sum = transaction(() => {
    a.assign(add(a.value, 10));
    b.assign(a.value);
    assert.equal([a.stored.item(), b.stored.item()], [1, 2]);
    return add(a.value, b.value).item();
  });
  assert.equal([sum, a.value.item(), b.value.item()], [22, 11, 11]);
});

test('nothing has changed after a throw', () => {
  const a = new Variable([1, 2]);
  const before = a.value;
  assert.throws(() => transaction(() => {
    a.assign([3, 4]);
    throw new Error('in the middle');
  }), 'in the middle');
  assert.is(a.value, before);
});

test('an inner transaction joins the outer one', () => {
  const a = new Variable(1);
  assert.throws(() => transaction(() => {
    transaction(() => a.assign(2));
    assert.is(a.value.item(), 2);
    throw new Error('late');
  }), 'late');
  assert.is(a.value.item(), 1);
});

test('it may stand in a jitted function', () => {
  const a = new Variable(1);
  const f = jit(() => transaction(() => {
    a.assign(add(a.value, 1));
    return a.value;
  }));
  assert.equal([f().item(), f().item(), a.value.item()], [2, 3, 3]);
});
test.run();
