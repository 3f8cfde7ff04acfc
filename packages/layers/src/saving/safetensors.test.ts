import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as fc from 'fast-check';
import { DTypeError, FormatError, tensor, Variable, zeros, type DType } from '@heed/tensor';
import { refuses } from '@heed/tensor/testing';
import { fromBytes, toBytes, weightsFromBytes, weightsToBytes } from './index.js';

const test = suite('safetensors');

/** A file by hand: the header as text or as an object, and the numbers. */
function file(header: unknown, body: readonly number[] = []): Uint8Array {
  const head = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + head.length + body.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(head.length), true);
  out.set(head, 8);
  out.set(body, 8 + head.length);
  return out;
}
const entry = (shape: unknown, data_offsets: unknown, dtype = 'F32') => ({ dtype, shape, data_offsets });
const damaged = (bytes: Uint8Array, why: string, type = FormatError) => refuses(() => fromBytes(bytes), `safetensors: the file is damaged: ${why}.`, type);

test('tensors of all dtypes, names and texts come back as they were', () => {
  const dtypes: DType[] = ['float32', 'float64', 'int32', 'bool'];
  fc.assert(fc.property(
    fc.dictionary(fc.string({ unit: 'grapheme' }).filter((s) => s !== '__metadata__'), fc.tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(3), { maxLength: 3 }), fc.nat(100))),
    fc.dictionary(fc.string(), fc.string()),
    (specs, metadata) => {
      const tensors = Object.fromEntries(Object.entries(specs).map(([name, [dtype, shape, seed]]) => {
        const size = shape.reduce((n, d) => n * d, 1);
        return [name, tensor(Float64Array.from({ length: size }, (_, i) => (dtype === 'bool' ? (i + seed) % 2 : i - seed)), { shape }).cast(dtype)];
      }));
      const bytes = toBytes(tensors, metadata);
      const head = Number(new DataView(bytes.buffer).getBigUint64(0, true));
      assert.is(head % 8, 0);
      const read = fromBytes(bytes);
      assert.equal(Object.entries(read.metadata).sort(), Object.entries(metadata).sort());
      assert.equal(Object.keys(read.tensors).sort(), Object.keys(tensors).sort());
      for (const [name, t] of Object.entries(tensors)) {
        assert.equal([read.tensors[name]!.dtype, read.tensors[name]!.shape], [t.dtype, t.shape]);
        assert.equal(Array.from(read.tensors[name]!.data()), Array.from(t.data()));
      }
    },
  ));
});

test('a file that Python wrote is read', () => {
  // safetensors.numpy.save of a float64 [0.1], an empty [0, 3], a float32 [[1.5, -2], [3, 4]], an int32 7 and three flags
  const header = '{"__metadata__":{"who":"python"},"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"empty":{"dtype":"F32","shape":[0,3],"data_offsets":[8,8]},'
    + '"kernel":{"dtype":"F32","shape":[2,2],"data_offsets":[8,24]},"n":{"dtype":"I32","shape":[],"data_offsets":[24,28]},"flag":{"dtype":"BOOL","shape":[3],"data_offsets":[28,31]}} ';
  const body = '9a9999999999b93f0000c03f000000c0000040400000804007000000010001';
  const { tensors, metadata } = fromBytes(file(header, body.match(/../g)!.map((h) => parseInt(h, 16))));
  assert.equal(metadata, { who: 'python' });
  assert.equal(Object.fromEntries(Object.entries(tensors).map(([k, t]) => [k, t.toArray()])), { d: [0.1], empty: [], kernel: [[1.5, -2], [3, 4]], n: 7, flag: [true, false, true] });
});

test('the order of the header says nothing', () => {
  const { tensors } = fromBytes(file({ b: entry([1], [4, 8]), a: entry([1], [0, 4]), none: entry([0], [0, 0]) }, [0, 0, 128, 63, 0, 0, 0, 64]));
  assert.equal([tensors.a!.toArray(), tensors.b!.toArray(), tensors.none!.toArray()], [[1], [2], []]);
});

test('bytes may lie anywhere in a larger buffer', () => {
  const bytes = toBytes({ a: tensor([1, 2, 3]) });
  const wide = new Uint8Array(bytes.length + 3);
  wide.set(bytes, 3);
  assert.equal(fromBytes(wide.subarray(3)).tensors.a!.toArray(), [1, 2, 3]);
});

test('refuses files that are too short, and headers that claim more than there is', () => {
  damaged(new Uint8Array(7), "it has 7 bytes, the header's length alone takes 8");
  damaged(file('{}').subarray(0, 9), 'the header claims 2 bytes, the file has 1 after its first 8');
  const long = file('{}');
  new DataView(long.buffer).setBigUint64(0, 100_000_001n, true);
  damaged(long, 'the header claims 100000001 bytes; the format allows 100000000');
  new DataView(long.buffer).setBigUint64(0, 2n ** 64n - 1n, true);
  damaged(long, 'the header claims 18446744073709552000 bytes; the format allows 100000000');
});

test('refuses headers that are no JSON object, or not UTF-8', () => {
  damaged(file(' {}'), 'the header does not begin with {');
  damaged(file('[]'), 'the header does not begin with {');
  damaged(file('{"a":'), 'the header is not JSON');
  damaged(file('{} {'), 'the header is not JSON');
  const wrong = file('{"a": 1}');
  wrong[10] = 0xff;
  damaged(wrong, 'the header is not JSON');
});

test('refuses keys that occur twice', () => {
  damaged(file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), 'a occurs twice in the header');
  damaged(file('{"a":{"dtype":"F32","shape":[0],"dtype":"I32","data_offsets":[0,0]}}'), 'dtype occurs twice in the header');
  damaged(file('{"\\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), 'a occurs twice in the header');
  assert.equal(Object.keys(fromBytes(file('{"__metadata__":{"a":"\\"b\\": {"},"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}')).tensors), ['b']);
});

test('a tensor may be called __proto__, but not __metadata__', () => {
  assert.equal(Object.keys(fromBytes(toBytes(Object.fromEntries([['__proto__', tensor(1)]]))).tensors), ['__proto__']);
  refuses(() => toBytes({ __metadata__: tensor(1) }), 'safetensors: a tensor is called __metadata__, which is the name of the texts; call it otherwise.');
});

test('refuses texts that are none', () => {
  damaged(file({ __metadata__: { a: 1 } }), '__metadata__ must map texts to texts');
  damaged(file({ __metadata__: null }), '__metadata__ must map texts to texts');
});

test('refuses tensors that overlap, leave holes, or do not fill the file', () => {
  damaged(file({ a: entry([2], [0, 8]), b: entry([1], [4, 8]) }, Array(8).fill(0)), 'b begins at 4, the tensor before it ends at 8');
  damaged(file({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, Array(12).fill(0)), 'b begins at 8, the tensor before it ends at 4');
  damaged(file({ a: entry([1], [4, 8]) }, Array(8).fill(0)), 'a begins at 4, the tensor before it ends at 0');
  damaged(file({ a: entry([2], [0, 8]) }, Array(4).fill(0)), 'a ends at 8, the file has 4 bytes of numbers');
  damaged(file({ a: entry([1], [0, 4]) }, Array(5).fill(0)), '1 bytes belong to no tensor');
});

test('refuses offsets and shapes that are none', () => {
  damaged(file({ a: entry([1], [0, 3]) }, [0, 0, 0]), 'a has 3 bytes, [1] of F32 needs 4');
  damaged(file({ a: entry([1], [4, 0]) }, [0, 0, 0, 0]), 'a begins at 4, the tensor before it ends at 0');
  damaged(file({ a: entry([1], [0, -4]) }), 'the offsets of a are [0,-4]');
  damaged(file({ a: entry([1], [0]) }), 'the offsets of a are [0]');
  damaged(file({ a: entry([1.5], [0, 6]) }), 'the shape of a is [1.5]');
  damaged(file({ a: entry('3', [0, 6]) }), 'the shape of a is "3"');
  damaged(file({ a: null }), 'the shape of a is undefined');
});

test('refuses shapes beyond what can be counted', () => {
  damaged(file({ a: entry([2 ** 40, 2 ** 40], [0, 4]) }), 'the shape of a is [1099511627776, 1099511627776], more than any file holds');
  damaged(file({ a: entry([2 ** 60], [0, 4]) }), 'the shape of a is [1152921504606847000]');
});

test('refuses dtypes that heed has not, and flags other than 0 and 1', () => {
  refuses(() => fromBytes(file({ h: entry([2], [0, 4], 'F16') }, [0, 0, 0, 0])), 'safetensors: h is F16; heed reads F32, F64, I32, BOOL.', DTypeError);
  damaged(file({ f: entry([2], [0, 2], 'BOOL') }, [1, 2]), 'f is BOOL and holds other bytes than 0 and 1');
});

const weighted = () => ({ weights: [new Variable([1, 2], { name: 'a' }), new Variable(3, { name: 'b' }), new Variable(4, { name: 'b' })] });

test('weights come back by their names, also where two are alike', () => {
  const [from, to] = [weighted(), { weights: weighted().weights.map((v) => new Variable(zeros(v.shape), { name: v.name })) }];
  assert.equal(weightsFromBytes(to, weightsToBytes(from, { note: 'x' })), { note: 'x' });
  assert.equal(to.weights.map((v) => v.value.toArray()), [[1, 2], 3, 4]);
});

test('weights that do not fit are refused before any is changed', () => {
  const model = weighted();
  const unchanged = (tensors: Parameters<typeof toBytes>[0], why: string) => {
    refuses(() => weightsFromBytes(model, toBytes(tensors)), `loadWeights: ${why}`, FormatError);
    assert.equal(model.weights.map((v) => v.value.toArray()), [[1, 2], 3, 4]);
  };
  const [a, b] = [tensor([9, 9]), tensor(9)];
  unchanged({ a, b }, 'the file does not fit the model: it lacks b:1.');
  unchanged({ a, b, 'b:1': b, c: b }, 'the file does not fit the model: it has c besides.');
  unchanged({ a, b, 'b:1': a }, 'b:1 is float32 [2] in the file, float32 [] in the model.');
  unchanged({ a, b, 'b:1': tensor(9, { dtype: 'int32' }) }, 'b:1 is int32 [] in the file, float32 [] in the model.');
  const cut = weightsToBytes(model);
  refuses(() => weightsFromBytes(model, cut.subarray(0, cut.length - 1)), /^safetensors: the file is damaged/);
});
test.run();
