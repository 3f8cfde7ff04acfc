import { suite } from 'uvu';
import { add, defineOp, elementwise, mul, run, square, tensor, type Op, type Tensor } from '@heed/tensor';
import { checkOp, close, refuses, scattered } from './index.js';

const test = suite('checkers');
const samples = [[scattered([2, 1, 3])], [scattered([0, 3])]];
const right: Op<void> = { name: 'right', infer: ([x]) => [x!], compose: ([x]) => [square(x!)], vjp: [([g], { x: [x] }) => mul(mul(g!, x!), 2)], reads: { inputs: [0], outputs: [] } };
const wrong = (change: Partial<Op<void>>) => defineOp<void>({ ...right, name: 'wrong', ...change });
const refused = (change: Partial<Op<void>>, message: RegExp) => refuses(() => checkOp(wrong(change), samples), message);

test('checkOp accepts a right op', () => checkOp(defineOp(right), samples));
test('checkOp finds a wrong shape rule', () => refused({ infer: ([x]) => [{ shape: [...x!.shape, 1], dtype: x!.dtype }] }, /^checkOp: wrong, sample 0 .*the shape rule says float32 \[2, 1, 3, 1\], the result is float32 \[2, 1, 3\]\.$/));
test('checkOp finds a wrong gradient', () => refused({ vjp: [([g], { x: [x] }) => mul(g!, x!)] }, /the gradient of input 0 against central differences: .*differ/));
test('checkOp finds a gradient that reads what it may not', () => refused({ reads: { inputs: [], outputs: [] } }, /reads.*list it there/));
test('checkOp finds a gradient of another shape', () => refused({ vjp: [() => tensor(1, { dtype: 'float64' })] }, /the gradient of input 0 is float64 \[\]/));
test('checkOp finds a kernel that takes every layout for dense', () => {
  const flat = { name: 'flat', js: (_: unknown, [x]: readonly { data: ArrayLike<number>; offset: number }[], [y]: readonly { data: { length: number; [i: number]: number } }[]) => { for (let i = 0; i < y!.data.length; i++) y!.data[i] = x!.data[x!.offset + i]! ** 2; } };
  return refused({ compose: undefined, lower: () => ({ family: flat as never, params: {} }) }, /input 0 in .*: close: a is/);
});
test('checkOp asks for a sample of rank 3, with an axis of size 1, of size 0, and of two that broadcast', async () => {
  const lacking = (x: Tensor[][], what: string, key: string) =>
    refuses(() => checkOp(x[0]!.length > 1 ? add : square, x), `checkOp: ${x[0]!.length > 1 ? 'add' : 'square'}: no sample has ${what}; add one, or say in { without: { ${key}: 'why' } } why there can be none.`);
  await lacking([[scattered([1])], [scattered([0])]], 'an input of rank 3', 'rank3');
  await lacking([[scattered([2, 2, 0])]], 'an axis of size 1', 'size1');
  await lacking([[scattered([2, 2, 1])]], 'an axis of size 0', 'zero');
  await lacking([[scattered([2, 2, 1]), scattered([2, 2, 1])], [scattered([0]), scattered([0])]], 'two inputs that broadcast', 'broadcast');
});
test('checkOp takes a reason instead of a sample', () => checkOp(elementwise('twice', (x) => x.mul(2)), [[scattered([3])]], { without: { rank3: 'a test', size1: 'a test', zero: 'a test' } }));

test('close takes NaN for NaN and an infinity for itself', () => close([NaN, Infinity, -Infinity], [NaN, Infinity, -Infinity]));
test('close names the worst place', () =>
  refuses(() => close([[1, 2], [3, 4]], [[1, 2.5], [3.25, 5]], { atol: 0.125, rtol: 0 }), 'close: a is 4 and b 5 at [1, 1]; they may differ by 0.125.'));
test('close finds an infinity beside a number', () => refuses(() => close([Infinity], [1]), /^close: a is Infinity and b 1 at \[0\]/));
test('close refuses other shapes and dtypes', () => {
  refuses(() => close([1, 2], [[1, 2]]), 'close: a has shape [2], b [1, 2].');
  refuses(() => close(tensor([1]), tensor([1], { dtype: 'float64' })), 'close: a is float32, b is float64.');
});
test('refuses compares the whole message and the type', async () => {
  await refuses(() => refuses(() => { throw new Error('no, not this'); }, 'no'), 'refuses: it said\n  no, not this\nand should have said\n  no');
  await refuses(() => refuses(() => { throw new Error('no'); }, 'no', TypeError), 'refuses: it threw a Error, not a TypeError: no');
  await refuses(() => refuses(() => 1, 'no'), 'refuses: nothing was thrown; it should have said\n  no');
  await refuses(() => refuses(async () => 1, 'no'), 'refuses: nothing was thrown; it should have said\n  no');
});
test('an op runs after it was checked as before', () => close(run(defineOp(right), [tensor([3])], undefined)[0]!, [9]));

test.run();
