import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import ndarray from 'ndarray';
import { arange, DTypeError, eye, fromNdarray, full, linspace, ones, OutOfMemoryError, ShapeError, tensor, ValueError, Variable, zeros } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';

const test = suite('create');

test('tensor makes float32 of numbers and bool of booleans', () => {
  assert.equal([tensor([1, 2]).dtype, tensor(1).dtype, tensor([true]).dtype, tensor([]).dtype], ['float32', 'float32', 'bool', 'float32']);
});
test('tensor keeps the type of typed arrays and copies them', () => {
  const data = Int32Array.of(1, 2, 3, 4);
  const x = tensor(data, { shape: [2, 2] });
  data[0] = 9;
  assert.equal([x.dtype, x.toArray()], ['int32', [[1, 2], [3, 4]]]);
});
test('tensor takes tensors and variables as they are', () => {
  const v = new Variable([1, 2]);
  assert.is(tensor(v), v.value);
  assert.is(tensor(v.value), v.value);
});
test('toArray gives back what tensor was given', () => {
  for (const x of [3, [], [[], []], [[1, 2], [3, 4]], [[[true]], [[false]]]]) assert.equal(tensor(x).toArray(), x);
});

test('an ndarray goes in and out without a copy', () => {
  const data = Float32Array.from({ length: 12 }, (_, i) => i);
  const x = fromNdarray(ndarray(data, [3, 4]));
  assert.is(x.view().data, data);
  data[0] = 100;
  assert.is((x.toArray() as number[][])[0]![0], 100);
});
test('an ndarray may have negative strides', () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6);
  const x = fromNdarray(ndarray(data, [2, 3]).step(-1, -2));
  assert.equal(x.toArray(), [[6, 4], [3, 1]]);
  assert.is(x.view().data, data);
  close(x.add(1), [[7, 5], [4, 2]]);
  close(x.sum({ axis: 0 }), [9, 5]);
});
test('an ndarray may have the stride 0', () => {
  const data = Float32Array.of(7, 8);
  const x = fromNdarray(ndarray(data, [3, 2], [0, 1], 0));
  assert.is(x.view().data, data);
  assert.equal(x.toArray(), [[7, 8], [7, 8], [7, 8]]);
  close(x.matmul([[1], [1]]), [[15], [15], [15]]);
});
test('a transposed tensor comes out as a transposed ndarray', () => {
  const view = tensor([[1, 2, 3], [4, 5, 6]]).transpose().view();
  assert.equal([view.shape, view.stride, view.get(2, 1)], [[3, 2], [1, 3], 6]);
});
test('picked and bounded ndarrays keep their offset', () =>
  assert.equal(fromNdarray(ndarray(Int32Array.of(0, 1, 2, 3, 4, 5), [2, 3]).pick(1, null).lo(1)).toArray(), [4, 5]));

test('zeros, ones, full and eye', () => {
  assert.equal(zeros([2, 1]).toArray(), [[0], [0]]);
  assert.equal(ones([2], { dtype: 'int32' }).data(), Int32Array.of(1, 1));
  assert.equal([full([2], true).dtype, full([2], 0.5).toArray()], ['bool', [0.5, 0.5]]);
  assert.equal(eye(2).toArray(), [[1, 0], [0, 1]]);
});
test('arange counts up, down, and in fractions', () => {
  assert.equal([arange(3).toArray(), arange(3).dtype], [[0, 1, 2], 'int32']);
  assert.equal(arange(5, 1, { step: -2 }).toArray(), [5, 3]);
  assert.equal([arange(1, { step: 0.25 }).toArray(), arange(1, { step: 0.25 }).dtype], [[0, 0.25, 0.5, 0.75], 'float32']);
});
test('arange has ceil((stop - start) / step) elements, as in NumPy', () => {
  assert.equal([arange(0).shape, arange(3, 1).shape, arange(-2).toArray(), arange(1, 2, { step: 3 }).toArray()], [[0], [0], [], [1]]);
  assert.equal([arange(0, -1, { step: -0.25 }).toArray(), arange(3, { dtype: 'float64' }).dtype], [[0, -0.25, -0.5, -0.75], 'float64']);
});
test('linspace of one is the start, of none is empty, and may go down', () =>
  assert.equal([linspace(2, 3, 1).toArray(), linspace(2, 3, 0).shape, linspace(1, -1, 3).toArray(), linspace(5, 5, 2).toArray()], [[2], [0], [1, 0, -1], [5, 5]]));
test('linspace ends exactly where it is told', () => assert.equal(linspace(0, 1, 5).toArray(), [0, 0.25, 0.5, 0.75, 1]));

test('refuses ragged arrays', () => {
  refuses(() => tensor([[1, 2], [3]]), 'tensor: ragged array: x[1] has 1 elements, x[0] has 2; all parts of a level must have the same size.', ShapeError);
  refuses(() => tensor([1, [2]]), 'tensor: ragged array: x[1] is an array of 1 where its neighbours are numbers; all parts of a level must have the same shape.', ShapeError);
});
test('refuses elements that are no numbers', () => {
  refuses(() => tensor([1, null] as never), 'tensor: x[1] is null; elements must be numbers or booleans.', ValueError);
  refuses(() => tensor([1, , 2] as never), 'tensor: x[1] is undefined; elements must be numbers or booleans.', ValueError);
});
test('refuses sizes that are NaN or negative', () => {
  refuses(() => zeros([NaN]), 'zeros: shape [NaN] has size NaN; sizes must be whole numbers >= 0.', ShapeError);
  refuses(() => full([2, -1], 1), 'full: shape [2, -1] has size -1; sizes must be whole numbers >= 0.', ShapeError);
  refuses(() => linspace(0, 1, NaN), 'linspace: shape [NaN] has size NaN; sizes must be whole numbers >= 0.', ShapeError);
});
test('arange refuses sizes that are none, and numbers that its dtype cannot hold', () => {
  refuses(() => arange(NaN), 'arange: start 0, stop NaN, step 1; all must be finite and step not 0.', ValueError);
  refuses(() => arange(0, 1, { step: 0 }), 'arange: start 0, stop 1, step 0; all must be finite and step not 0.', ValueError);
  refuses(() => arange(3e9, 3e9 + 2), "arange: 3000000000 ... 3000000001 in steps of 1 are not int32; pass { dtype: 'float32' } or { dtype: 'float64' }.", ValueError);
  refuses(() => arange(2, { step: 0.5, dtype: 'int32' }), "arange: 0 ... 1.5 in steps of 0.5 are not int32; pass { dtype: 'float32' } or { dtype: 'float64' }.", ValueError);
  refuses(() => arange(2, { dtype: 'bool' }), 'arange: dtype bool does not count; use int32, float32 or float64.', DTypeError);
});
test('refuses a dtype that is none, whoever makes the tensor', () => {
  for (const [who, make] of Object.entries({ zeros: () => zeros([1], { dtype: 'f4' as never }), ones: () => ones([1], { dtype: 'f4' as never }), full: () => full([1], 2, { dtype: 'f4' as never }), eye: () => eye(1, { dtype: 'f4' as never }), arange: () => arange(1, { dtype: 'f4' as never }) })) {
    refuses(make, `${who}: there is no dtype f4; use float64, float32, int32, bool.`, DTypeError);
  }
});
test('refuses to fill with what is no number', () => refuses(() => full([2], undefined as never), 'tensor: the value is undefined; it must be a number or boolean.', ValueError));
test('refuses a shape that the elements do not fill', () =>
  refuses(() => tensor(new Float32Array(3), { shape: [2, 2] }), 'tensor: shape [2, 2] needs 4 elements, the array has 3.', ShapeError));
test('refuses a dtype that is none', () =>
  refuses(() => tensor([1], { dtype: 'float16' as never }), 'tensor: there is no dtype float16; use float64, float32, int32, bool.', DTypeError));
test('refuses bytes as booleans', () =>
  refuses(() => tensor(Uint8Array.of(255)), "tensor: a Uint8Array is bool and may hold 0 and 1 only; pass { dtype: 'int32' } or { dtype: 'float32' } for bytes.", ValueError));
test('refuses typed arrays it cannot hold', () =>
  refuses(() => tensor(new Int16Array(1) as never), 'tensor: cannot hold a Int16Array; give Float32Array, Float64Array, Int32Array, or Uint8Array (bool).', DTypeError));
test('refuses an ndarray of ordinary numbers', () =>
  refuses(() => fromNdarray(ndarray([1, 2])), 'fromNdarray: data is Array; it must be Float32Array, Float64Array, Int32Array or Uint8Array (bool).', DTypeError));
test('refuses item of several', () => refuses(() => tensor([1, 2]).item(), 'item: x [2] has 2 elements; item() reads exactly one.', ValueError));
test('a variable refuses values of another shape and keeps its own', () => {
  const v = new Variable([1, 2], { name: 'w' });
  refuses(() => v.assign([1, 2, 3]), 'assign: variable w has shape [2], the value has [3]; they must be equal.', ShapeError);
  assert.equal(v.value.toArray(), [1, 2]);
});
test('a variable refuses tensors of another dtype, and takes plain numbers as its own', () => {
  const v = new Variable(tensor(Int32Array.of(1)), { name: 'n' });
  refuses(() => v.assign(tensor([0.5])), 'assign: variable n is int32, the value is float32; cast it first.', DTypeError);
  v.assign([7]);
  assert.equal([v.value.toArray(), v.value.dtype], [[7], 'int32']);
});

test('refuses what no memory can hold', () =>
  assert.throws(() => zeros([2 ** 20, 2 ** 20]), (e: Error) => e instanceof OutOfMemoryError && e.message.startsWith('allocate: no room for 4398046511104 bytes, 1099511627776 elements of float32: ')));

test.run();
