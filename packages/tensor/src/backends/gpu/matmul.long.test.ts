import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { add, conv2d, explain, gelu, jit, less, matmul, mul, random, reshape, slice, square, sum, transpose, Variable, where, withBackend, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { windows } from '../../ops/windows.js';
import { fromData, shapeOnly, Tensor as TensorClass } from '../../tensor.js';
import { loaded } from '../../use-backend.js';
import { matmulFamily } from '../js/matmul.js';
import type { GpuArray } from './array.js';
import { choices, classOf, measuredOn, type Choice } from './choice.js';
import type { GpuBackend } from './index.js';
import { pieces, productOf } from './product.js';
import type { GpuView } from './shader.js';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('matrix products on the GPU');
const missing = await useKernels();

const onJs = <R>(f: () => R): R => withBackend('js', f);
const normal = (shape: readonly number[], seed: number): Tensor => onJs(() => random.normal(shape, { seed }));
const turn = (x: Tensor): Tensor => onJs(() => transpose(x, [...x.shape.keys()].map((i) => (i < x.rank - 2 ? i : 2 * x.rank - 3 - i))));
const whole = (x: Tensor): null[] => x.shape.slice(0, -2).map(() => null);

/** Matrices where a program may have them: turned, in wider ones, backwards, a row again and again. */
const lying: Record<string, (shape: readonly number[], seed: number) => Tensor> = {
  plain: normal,
  turned: (shape, seed) => turn(normal([...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!], seed)),
  'in a wider one': (shape, seed) => onJs(() => { const x = normal([...shape.slice(0, -1), shape.at(-1)! + 3], seed); return slice(x, ...whole(x), null, [2, shape.at(-1)! + 2]); }),
  'in a wider one by fours': (shape, seed) => onJs(() => { const n = shape.at(-1)!; const x = normal([...shape.slice(0, -1), n + (-n & 3) + 4], seed); return slice(x, ...whole(x), null, [4, n + 4]); }),
  backwards: (shape, seed) => onJs(() => { const x = normal(shape, seed); return slice(x, ...whole(x), [null, null, -1], [null, null, -1]); }),
  'one row': (shape, seed) => { const x = normal([shape.at(-1)!], seed); return new TensorClass(shape, x.dtype, shape.map((_, i) => (i === shape.length - 1 ? 1 : 0)), 0, x.storage); },
};
const hows = Object.keys(lying);

if (missing) test('agree with js', () => console.log(`SKIPPED: matrix products on the GPU: ${missing}`));
else {
  const { gpu } = loaded.get('gpu') as GpuBackend;
  const here = async (y: Tensor): Promise<Tensor> => fromData(await y.read(), y.shape, y.dtype);
  const agree = async (f: () => Tensor): Promise<void> => close(await here(f()), onJs(f), { rtol: 1e-4, atol: 1e-4 });

  const viewOf = (x: Tensor): GpuView => ({ data: { byteOffset: 0 } as GpuArray, shape: x.shape, strides: x.strides, offset: x.offset, dtype: x.dtype });
  /** Every way to compute a product, and what those are called that are measured as one. */
  const waysOf = (a: Tensor, b: Tensor): { ways: Choice[]; name: string } => {
    const product = productOf([viewOf(a), viewOf(b)], viewOf(onJs(() => matmul(a, b))));
    return { ways: choices(gpu, product), name: classOf(gpu, product) };
  };

  const orders = [['plain', 'plain'], ['plain', 'turned'], ['turned', 'plain'], ['turned', 'turned'], ['in a wider one', 'backwards']] as const;
  for (const [m, k, n] of [[130, 71, 133], [132, 272, 136], [1, 600, 70], [70, 516, 1], [3, 512, 128], [300, 40, 5], [1, 2100, 1]] as const) {
    test(`[${m}, ${k}] by [${k}, ${n}] is the same in every way it can be computed`, async () => {
      for (const [o, [p, q]] of orders.entries()) {
        const [a, b] = [lying[p]!([m, k], 1), lying[q]!([k, n], 2)];
        const { ways, name } = waysOf(a, b);
        for (const [i, way] of ways.entries()) {
          if (way.way === 'tiles' && i % orders.length !== o) continue; // there are many: each in one order
          measuredOn(gpu).set(name, way);
          try {
            await agree(() => matmul(a, b));
          } catch (error) {
            throw new Error(`${p} by ${q}, ${JSON.stringify(way)}: ${(error as Error).message}`);
          }
        }
        measuredOn(gpu).clear();
      }
    });
  }

  const sizes = fc.constantFrom(1, 2, 5, 8, 12, 33, 65);
  const products = fc.record({
    m: sizes, n: sizes, k: fc.constantFrom(1, 3, 16, 40, 300), p: fc.constantFrom(...hows), q: fc.constantFrom(...hows), batches: fc.constantFrom([[], []], [[3], [3]], [[2, 3], [3]], [[2, 1], [1, 3]], [[], [4]], [[4], []]),
  });
  test('of any sizes, batches and strides agree with js', () => fc.assert(fc.asyncProperty(products, async ({ m, n, k, p, q, batches: [l, r] }) => {
    const [a, b] = [lying[p]!([...l!, m, k], 1), lying[q]!([...r!, k, n], 2)];
    await agree(() => matmul(a, b));
  }), { numRuns: 60, seed: 3 }));

  const kernels = (f: () => Tensor): number => explain(f).split('\n').length - 3;
  /** A jitted function, and how many kernels it has. */
  const jitted = async (f: () => Tensor): Promise<number> => {
    const fast = jit(f);
    close(await here(fast()), onJs(f), { rtol: 1e-4, atol: 1e-4 });
    return kernels(fast);
  };

  test('what is computed of a product goes into its kernel', async () => {
    for (const [m, k, n] of [[20, 30, 40], [33, 30, 21], [1, 64, 37], [40, 50, 2], [16, 2048, 16], [70, 3, 9]] as const) {
      const [x, w, bias, other] = [new Variable(normal([m, k], 1)), new Variable(normal([k, n], 2)), new Variable(normal([n], 3)), new Variable(normal([m, n], 4))];
      const y = () => matmul(x.value, w.value);
      assert.is(await jitted(() => gelu(add(y(), bias.value))), 1);
      assert.is(await jitted(() => where(less(y(), 0), other.value, mul(square(y()), 2))), 1);
      assert.is(await jitted(() => less(y(), other.value)), 1);
    }
    const [x, w, bias] = [new Variable(normal([3, 5, 8], 1)), new Variable(normal([8, 6], 2)), new Variable(normal([6], 3))];
    assert.is(await jitted(() => add(matmul(x.value, w.value), bias.value)), 1);
    assert.is(await jitted(() => add(matmul(x.value, turn(x.value)), slice(bias.value, [0, 5]))), 1);
  });

  test('a convolution reads its windows where they are', async () => {
    for (const [c, o, strides] of [[4, 12, 1], [3, 10, 2], [1, 16, 1], [8, 1, 1]] as const) {
      const [x, w] = [new Variable(normal([2, 9, 8, c], 1)), new Variable(normal([3, 3, c, o], 2))];
      const y = () => conv2d(x.value, w.value, { strides });
      assert.is(await jitted(() => gelu(y())), 1);
      assert.is(await jitted(() => sum(y())), 2);
    }
  });

  test('the gradient of the weights reads the windows where they are, too', async () => {
    const [x, g, k] = [new Variable(normal([2, 7, 6, 4], 1)), new Variable(normal([2 * 5 * 4, 12], 2)), new Variable(normal([36, 12], 3))];
    const w = () => reshape(windows(x.value, { kernel: [3, 3], strides: [1, 1], dilation: [1, 1] }), [40, 36]);
    const both = () => { const seen = w(); return add(matmul(turn(seen), g.value), sum(matmul(seen, k.value))); };
    assert.is(await jitted(both), 3);
    assert.is(await jitted(() => add(matmul(turn(w()), g.value), k.value)), 1);
  });

  test('operands too large for a binding come in pieces that make up the product', () => {
    const [a, b] = [normal([3, 1, 50, 10], 1), turn(normal([2, 7, 10], 2))];
    const y = fromData(new Float32Array(3 * 2 * 50 * 7), [3, 2, 50, 7], 'float32');
    const parts = pieces([a, b].map(viewOf), viewOf(y), 1500);
    assert.ok(parts.length > 8);
    const data = y.data();
    for (const { inputs: [p, q], y: part } of parts) {
      const here = { ...part, data: data.subarray(part.offset) };
      matmulFamily.js({}, [{ ...p!, data: a.data() }, { ...q!, data: (b.storage as { data: Float32Array }).data }], [here]);
    }
    close(y, onJs(() => matmul(a, b)));
  });
  test('an operand too large for a binding that every piece needs is refused', () => {
    const view = (shape: readonly number[]): GpuView => viewOf(shapeOnly({ shape, dtype: 'float32' }, ''));
    refuses(() => pieces([view([2, 10000]), view([10000, 9])], view([2, 9]), 200000), 'matmul: b [10000, 9] spans 360000 bytes; a kernel here reaches 200000. Multiply it in parts.');
    refuses(() => pieces([view([2, 4]), view([4, 2 ** 30])], view([2, 2 ** 30]), 2 ** 40), 'matmul: b [4, 1073741824] spans 17179869184 bytes; a kernel here reaches 8589672448. Multiply it in parts.');
  });
}

test.run();
