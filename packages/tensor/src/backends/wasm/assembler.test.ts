import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Module } from './assembler.js';
import { hasRelaxed } from './engine.js';

const test = suite('wasm assembler');

const build = (module: Module, imports: Record<string, (...x: number[]) => number> = {}) => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { env: { memory, ...imports } });
  return { memory, run: exports.run as (...x: number[]) => number };
};

test('adds two numbers', () => {
  const module = new Module(false);
  module.func(['i32', 'i32'], ['i32'], (f, a, b) => f.run(f.op('i32.add', a, b)), 'run');
  assert.is(build(module).run(2, 3), 5);
});

test('writes i32 constants of any size', () => {
  for (const n of [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, 2 ** 31 - 1, -(2 ** 31)]) {
    const module = new Module(false);
    module.func([], ['i32'], (f) => f.run(n), 'run');
    assert.is(build(module).run(), n);
  }
});

test('nests loops and conditions', () => {
  const module = new Module(false);
  module.func(['i32'], ['i32'], (f, n) => { // odd numbers below n, added up
    const [i, sum] = [f.local('i32', 0), f.local('i32', 0)];
    f.while(f.op('i32.lt_u', i, n), () => {
      f.if(f.op('i32.and', i, 1), () => f.advance(sum, i), () => f.advance(sum, 0));
      f.advance(i, 1);
    });
    f.run(sum);
  }, 'run');
  assert.is(build(module).run(10), 25);
});

test('calls functions of its own and imported ones', () => {
  const module = new Module(false);
  const twice = module.import('twice', ['i32'], ['i32']);
  const next = module.func(['i32'], ['i32'], (f, x) => f.run(f.op('i32.add', x, 1)));
  module.func(['i32'], ['i32'], (f, x) => f.run(f.call(next, f.call(twice, x))), 'run');
  assert.is(build(module, { twice: (x) => 2 * x }).run(20), 41);
});

test('loads, shuffles and stores vectors', () => {
  const module = new Module(false);
  module.func([], ['f32'], (f) => {
    const v = f.local('v128', f.load('v128.load', 16));
    f.store('v128.store', 32, f.shuffle([3, 2, 1, 0], v, v));
    f.run(f.lane('f32x4.extract_lane', 1, f.op('f32x4.add', v, f.f32x4(0.5))));
  }, 'run');
  const { memory, run } = build(module);
  const data = new Float32Array(memory.buffer);
  data.set([1, 2, 3, 4], 4);
  assert.is(run(), 2.5);
  assert.equal([...data.subarray(8, 12)], [4, 3, 2, 1]);
});

test('keeps equal vector constants in one local', () => {
  const size = (constants: number[]) => {
    const module = new Module(false);
    module.func([], [], (f) => constants.forEach((c) => f.store('v128.store', 0, f.f32x4(c))), 'run');
    return module.bytes().length;
  };
  assert.ok(size([1, 1]) < size([1, 2]));
});

test('refuses an import after a function', () => {
  const module = new Module(false);
  module.func([], [], () => {});
  assert.throws(() => module.import('late', [], []), /^wasm assembler: import functions before writing any\.$|wasm assembler/);
});

test('knows whether relaxed SIMD is there without throwing', () => {
  assert.type(hasRelaxed(), 'boolean');
});

test.run();
