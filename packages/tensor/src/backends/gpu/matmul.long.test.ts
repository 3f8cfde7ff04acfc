import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { add, jit, less, matmul, mul, random, reshape, slice, tanh, transpose, useBackend, Variable, withBackend, type Tensor } from '@heed/tensor';
import { close } from '@heed/tensor/testing';
import { Tensor as TensorClass } from '../../tensor.js';
import { loaded } from '../../use-backend.js';
import { provideGpu } from '../../../../../scripts/gpu/index.js';
import type { GpuArray } from './array.js';
import { choices, classOf, measuredOn, type Choice } from './choice.js';
import type { GpuBackend } from './index.js';
import { productOf } from './product.js';
import type { GpuView } from './shader.js';

const test = suite('matrix products on the GPU');
const missing = await provideGpu();

const normal = (shape: readonly number[], seed: number): Tensor => withBackend('js', () => random.normal(shape, { seed }));
const laps = { rtol: 1e-4, atol: 1e-4 };

/** A matrix among other numbers: turned, in a wider one, backwards or repeated. */
function lying(shape: readonly number[], how: string, seed: number): Tensor {
  const [lead, [m, n]] = [shape.slice(0, -2), shape.slice(-2) as [number, number]];
  return withBackend('js', () => {
    switch (how) {
      case 'turned': return transpose(normal([...lead, n, m], seed), [...lead.keys(), lead.length + 1, lead.length]);
      case 'in a wider one': return slice(normal([...lead, m + 1, n + 3], seed), '...', [1, null], [2, n + 2]);
      case 'in a wider one, even': return slice(normal([...lead, m, n + (-n & 3) + 4], seed), '...', [4, n + 4]);
      case 'backwards': return slice(normal(shape, seed), '...', [null, null, -1], [null, null, -1]);
      case 'one row': { const x = normal([n], seed); return new TensorClass(shape, x.dtype, shape.map((_, i) => (i === shape.length - 1 ? 1 : 0)), 0, x.storage); }
      default: return normal(shape, seed);
    }
  });
}
const hows = ['plain', 'turned', 'in a wider one', 'in a wider one, even', 'backwards', 'one row'];

if (missing) test('agree with js', () => console.log(`SKIPPED: matrix products on the GPU: ${missing}`));
else {
  await useBackend('gpu');
  const { gpu } = loaded.get('gpu') as GpuBackend;
  const onJs = (f: () => Tensor): Tensor => withBackend('js', f);
  const resident = (x: Tensor): GpuView => { const y = add(x, 0); const { data } = y.storage as unknown as { data: GpuArray }; return { ...data.queue.resident(x) }; };
  /** Every way to compute a product, and what they are measured as. */
  const waysOf = (a: Tensor, b: Tensor, y: Tensor): { ways: Choice[]; name: string } => {
    const product = productOf([resident(a), resident(b)], { ...resident(y), shape: y.shape, strides: y.strides });
    return { ways: choices(gpu, product), name: classOf(gpu, product) };
  };
  const agree = async (a: Tensor, b: Tensor, what: string): Promise<void> => {
    try { close(await withBackend('js', async () => (await matmulHere(a, b))), onJs(() => matmul(a, b)), laps); } catch (error) { throw new Error(`${what}: ${(error as Error).message}`); }
  };
  const matmulHere = async (a: Tensor, b: Tensor): Promise<Tensor> => {
    const y = withBackend('gpu', () => matmul(a, b));
    const data = await y.read();
    return new TensorClass(y.shape, y.dtype, onJs(() => matmul(a, b)).strides, 0, { kind: 'host', data });
  };

  for (const [m, k, n] of [[130, 70, 133], [128, 64, 128], [33, 300, 20], [9, 1030, 12], [1, 600, 70], [70, 515, 1], [3, 512, 128], [300, 40, 5], [1, 2100, 1]] as const) {
    test(`[${m}, ${k}] by [${k}, ${n}] is the same in every way it can be computed`, async () => {
      for (const [p, q] of [['plain', 'plain'], ['plain', 'turned'], ['turned', 'plain'], ['turned', 'turned']] as const) {
        const [a, b] = [lying([m, k], p, 1), lying([k, n], q, 2)];
        const { ways, name } = waysOf(a, b, onJs(() => matmul(a, b)));
        for (const way of ways) {
          measuredOn(gpu).set(name, way);
          await agree(a, b, `${p} ${q} ${JSON.stringify(way)}`);
        }
        measuredOn(gpu).clear();
      }
    });
  }
}

test.run();
