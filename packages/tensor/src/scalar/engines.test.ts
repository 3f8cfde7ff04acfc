import { suite } from 'uvu';
import fc from 'fast-check';
import { GPU, type GPUInternalMode } from 'gpu.js';
import { cast, elementwiseOp, run, Tensor, tensor, withBackend, type DType } from '@heed/tensor';
import * as s from '@heed/tensor/scalar';
import { allocate } from '../dtype.js';
import { broadcastShapes, type Shape } from '../shape.js';
import { fromData } from '../tensor.js';
import { loaded, type BackendName } from '../use-backend.js';
import { interpreted, ran, same } from './testing.js';

const test = suite('one expression, every engine');

type Make = (a: s.Expr, b: s.Expr, c: s.Expr) => s.Expr;
/** What is exact in IEEE 754, so equal to the last bit on every engine. */
const exact: Make[] = [
  (a) => s.neg(a), (a) => s.abs(a), (a) => s.sign(a), (a) => s.floor(a), (a) => s.ceil(a), (a) => s.round(a), (a) => s.sqrt(a), (a) => s.logicalNot(a),
  (a) => s.cast(a, 'f'), (a) => s.cast(a, 'i'), (a) => s.cast(a, 'b'), s.add, s.sub, s.mul, s.div, s.maximum, s.minimum, s.less, s.equal, s.lessEqual,
  s.notEqual, s.logicalAnd, s.logicalOr, s.logicalXor, s.where, (a, b) => s.gmul(a, b),
];
/** What an engine may round differently. */
const smooth: Make[] = [s.exp, s.expm1, s.log, s.log1p, s.sin, s.cos, s.arctan, s.tanh, s.erf, s.erfinv, s.lgamma, s.digamma, s.sigmoid, s.softplus, s.silu, s.gelu].map((f): Make => (a) => f(a)).concat([s.pow, s.mod]);

const float = fc.oneof(fc.constantFrom(NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, 2.5, 1e-40, 3e38), fc.float({ noNaN: true, min: -8, max: 8 }));
const int = fc.oneof(fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31)), fc.integer({ min: -50, max: 50 }));

/** Two float inputs, an integer and a bool; constants; then step after step from what is there. */
const program = (rules: readonly Make[]) => fc.array(fc.tuple(fc.nat(rules.length - 1), fc.nat(40), fc.nat(40), fc.nat(40)), { minLength: 1, maxLength: 8 }).map((steps) => {
  const nodes = [s.input(0), s.input(1), s.input(2, 'i'), s.input(3, 'b'), s.constant(0.3), s.constant(2, 'i')];
  for (const [rule, i, j, k] of steps) nodes.push(rules[rule]!(nodes[i % nodes.length]!, nodes[j % nodes.length]!, nodes[k % nodes.length]!));
  return nodes[nodes.length - 1]!;
});

/** A tensor of a shape that broadcasts to [2, 3, 5], with strides of either sign, gaps and repetitions. */
const operand = (dtype: DType, value: fc.Arbitrary<number>): fc.Arbitrary<Tensor> =>
  fc.tuple(fc.constantFrom([2, 3, 5], [3, 5], [1, 5], [2, 1, 1], []), fc.array(value, { minLength: 70, maxLength: 70 }), fc.constantFrom(0, 1, 2), fc.boolean(), fc.boolean())
    .map(([shape, values, gap, backwards, columns]) => {
      const data = allocate(dtype, 70);
      data.set(values);
      const strides = new Array<number>(shape.length);
      let step = gap; // 0: one element, again and again
      for (const i of columns ? [...shape.keys()] : [...shape.keys()].reverse()) {
        strides[i] = backwards ? -step : step;
        step *= shape[i]!;
      }
      return new Tensor(shape, dtype, strides, backwards ? 69 : 3, { kind: 'host', data });
    });
const operands = (dtype: DType, integers = int) => fc.tuple(operand(dtype, float), operand(dtype, float), operand('int32', integers), operand('bool', fc.constantFrom(0, 1)));

const agree = (rules: readonly Make[], dtype: DType, engines: () => string[]) => fc.assert(fc.property(program(rules), operands(dtype), (root, x) => {
  const op = elementwiseOp('drawn', () => root);
  for (const name of engines()) {
    const y = withBackend(name as BackendName, () => run(op, x, undefined)[0]!);
    same(`${dtype} on ${name}`, root, y.data(), interpreted(root, x, y));
  }
}), { numRuns: 150, seed: 7 });

test('arithmetic is equal to the last bit in the interpreter, in JavaScript and in WebAssembly', () => agree([...exact, s.mod], 'float32', () => [...loaded.keys()]));
test('everything is equal to the last bit in the interpreter and in JavaScript', () => agree([...exact, ...smooth], 'float32', () => ['js']));
test('and so in float64', () => agree([...exact, ...smooth], 'float64', () => ['js']));

test('and so with two outputs, of few elements that lie densely, or are one for all', () => {
  fc.assert(fc.property(program([...exact, ...smooth]), program(exact), fc.constantFrom<DType>('float32', 'float64'), fc.array(float, { minLength: 6, maxLength: 6 }), fc.nat(15), (p, q, dtype, values, ones) => {
    const x = (['float', 'float', 'int32', 'bool'] as const).map((d, k) => cast(tensor(values.slice(0, ones & (1 << k) ? 1 : 6).map((v) => v + k)), d === 'float' ? dtype : d));
    x[4] = cast(tensor(values), dtype); // no operand is read, but one has the whole shape
    run(elementwiseOp('drawn', () => [p, q]), x, undefined).forEach((y, k) => same(`output ${k} in ${dtype}`, [p, q][k]!, y.data(), interpreted([p, q][k]!, x, y)));
  }), { numRuns: 150, seed: 7 });
});

test('the elementary functions agree with JavaScript in WebAssembly', () => {
  for (const make of smooth) {
    const root = make(s.input(0), s.input(1), s.input(0));
    fc.assert(fc.property(operand('float32', float), operand('float32', float), (...x) => {
      const op = elementwiseOp('drawn', () => root);
      const [js, wasm] = (['js', 'wasm'] as const).map((name) => withBackend(name, () => run(op, x, undefined)[0]!).data());
      js!.forEach((v, i) => {
        const w = wasm![i]!;
        const near = Object.is(v, w) || v === w || Math.abs(v - w) <= 1e-6 + 4e-6 * Math.abs(v);
        if (!near) throw new Error(`${root}: WebAssembly gives ${w}, JavaScript ${v}`);
      });
    }), { numRuns: 25, seed: 3 });
  }
});

const gpus = { cpu: new GPU({ mode: 'cpu' }), wasm: new GPU({ mode: 'webasm' as GPUInternalMode }) };
/** Whether all integers on the way lie where float32 has every digit. */
function small(root: s.Expr, x: readonly Tensor[], shape: Shape): boolean {
  const whole = s.topological([root], true).filter((node) => node.type === 'i');
  return whole.every((node) => [...interpreted(node, x, tensor(0, { shape, dtype: 'int32' }))].every((v) => Math.abs(v) <= 2 ** 24));
}

const few = fc.integer({ min: -50, max: 50 });
/** Drawn expressions on drawn operands: arithmetic, selects, comparisons, roundings, conversions. */
const agreeOnGpu = (gpu: GPU, wanted: (root: s.Expr, x: readonly Tensor[], shape: Shape) => ArrayLike<number>) =>
  fc.assert(fc.property(program(exact), operands('float32', few), (root, x) => {
    const shape = broadcastShapes('agree', x.map((t) => t.shape));
    fc.pre(small(root, x, shape));
    same('gpu.js', root, ran(gpu, root, x), wanted(root, x, shape));
  }), { numRuns: 150, seed: 7 });

test('arithmetic is equal to the last bit in the interpreter and in gpu.js on WebAssembly, which computes in float32', () =>
  agreeOnGpu(gpus.wasm, (root, x, shape) => interpreted(root, x, tensor(0, { shape }))));
test('and in gpu.js on the CPU, which computes in float64', () =>
  agreeOnGpu(gpus.cpu, (root, x, shape) => Float32Array.from(interpreted(root, x.map((t) => (t.dtype === 'float32' ? cast(t, 'float64') : t)), tensor(0, { shape, dtype: 'float64' })))));

for (const [mode, gpu] of [['WebAssembly', gpus.wasm], ['the CPU', gpus.cpu]] as const) {
  test(`the elementary functions agree with JavaScript in gpu.js on ${mode}`, () => {
    for (const make of smooth) {
      const root = make(s.input(0), s.input(1), s.input(0));
      fc.assert(fc.property(operand('float32', float), operand('float32', float), (a, b) => {
        const shape = broadcastShapes('agree', [a.shape, b.shape]);
        const wanted = interpreted(root, [a, b], tensor(0, { shape }));
        const [p, q] = [a, b].map((t) => interpreted(s.input(0), [t], tensor(0, { shape })));
        ran(gpu, root, [a, b]).forEach((v, i) => {
          const w = wanted[i]!;
          if (root.op === 'mod' && !(Math.abs(p![i]! / q![i]!) < 1e5)) return; // the quotient has not the digits for a remainder
          // A remainder is known up to rounding in its dividend, and so may come out on either end of [0, divisor).
          const [size, turn] = root.op === 'mod' ? [Math.abs(p![i]!), Math.abs(q![i]!)] : [Math.abs(w), 0];
          const near = Object.is(v, w) || v === w || Math.abs(Math.abs(v - w) - turn) <= 1e-6 + 4e-6 * size || Math.abs(v - w) <= 1e-6 + 4e-6 * size;
          if (!near) throw new Error(`${root} at ${p![i]}, ${q![i]}: gpu.js gives ${v}, the interpreter ${w}`);
        });
      }), { numRuns: 25, seed: 3 });
    }
  });
}

test('an integer has no negative zero', () => {
  const root = s.div(1, s.cast(s.cast(s.input(0), 'i'), 'f'));
  const x = fromData(Float32Array.of(-0.5), [1], 'float32');
  same('the interpreter', root, interpreted(root, [x], x), [Infinity]);
  for (const name of loaded.keys()) same(name, root, withBackend(name as BackendName, () => run(elementwiseOp('drawn', () => root), [x], undefined)[0]!).data(), [Infinity]);
});

test('an integer becomes a float32, with no more digits than that has', () => {
  const root = s.sub(s.cast(s.input(0, 'i'), 'f'), 2 ** 31);
  const x = fromData(Int32Array.of(2 ** 31 - 1), [1], 'int32');
  same('the interpreter', root, interpreted(root, [x], tensor([0])), [0]);
  for (const name of loaded.keys()) same(name, root, withBackend(name as BackendName, () => run(elementwiseOp('drawn', () => root), [x], undefined)[0]!).data(), [0]);
});

test('a chunk ends and the next begins without a seam in the interpreter', () => {
  const n = 2500;
  const x = fromData(Float32Array.from({ length: n }, (_, i) => i), [n], 'float32');
  same('a long loop', s.input(0), interpreted(s.mul(s.input(0), 2), [x], x), x.data().map((v) => v * 2));
});

test('derivatives agree with central differences', () => {
  const curves = [s.neg, s.sqrt, s.exp, s.expm1, s.log, s.log1p, s.sin, s.cos, s.arctan, s.tanh, s.erf, s.sigmoid, s.softplus, s.silu, s.gelu, (x: s.Expr) => s.pow(x, 2.5), (x: s.Expr) => s.div(x, s.add(x, 2))];
  fc.assert(fc.property(fc.nat(curves.length - 1), fc.nat(curves.length - 1), fc.double({ min: 0.2, max: 1.3, noNaN: true }), (i, j, at) => {
    const f = s.add(curves[i]!(s.add(s.mul(curves[j]!(s.input(0)), 0.1), 1)), 0);
    const value = (e: s.Expr, x: number): number => {
      const out = new Float64Array(1);
      s.interpret([e], false)([[x]], [out], 1);
      return out[0]!;
    };
    const [slope, claimed] = [(value(f, at + 1e-5) - value(f, at - 1e-5)) / 2e-5, value(s.partial(f, 0)!, at)];
    if (Math.abs(slope - claimed) > 1e-7 * Math.max(1, Math.abs(slope))) throw new Error(`${f} at ${at}: ${claimed} against ${slope}`);
  }), { seed: 5 });
});

test('equal expressions are one object', () => {
  if (s.add(s.input(0), s.input(1)) !== s.add(s.input(0), s.input(1))) throw new Error('they are two');
});

test.run();
