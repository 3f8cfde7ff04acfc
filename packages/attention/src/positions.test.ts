import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { matmul, ones, random, slice, sum, tensor, zeros, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { valueAndGrad } from '@heed/autograd';
import { PositionEmbedding, sinusoidalPositions } from './index.js';

const test = suite('positions');

test('sinusoidal positions have the length of C / 2 circles', () => {
  const p = sinusoidalPositions(50, 8);
  close(sum(p.square(), { axis: -1 }), new Array(50).fill(4));
  close(slice(p, 1), [0, 1, 2, 3].flatMap((i) => [Math.sin(10000 ** (-i / 4)), Math.cos(10000 ** (-i / 4))]));
});

test('products of sinusoidal positions depend on the distance alone', () => {
  const p = sinusoidalPositions(20, 16);
  const products = matmul(p, p.transpose([1, 0])).toArray() as number[][];
  for (let t = 0; t + 3 < 20; t++) assert.ok(Math.abs(products[t]![t + 3]! - products[0]![3]!) < 1e-4);
});

test('an odd number of channels ends with a sine', () => {
  close(slice(sinusoidalPositions(2, 3), 1), [Math.sin(1), Math.cos(1), Math.sin(10000 ** (-2 / 3))]);
});

test('PositionEmbedding adds the vector of each place, and only those used get a gradient', () => {
  const layer = new PositionEmbedding(5, { name: 'places' });
  const x = random.normal([2, 3, 4], { seed: 1 });
  const y = layer.apply(x) as Tensor;
  assert.equal(layer.weights.map((w) => [w.name, w.shape.join()]), [['places/embeddings', '5,4']]);
  close(y.sub(x), slice(layer.embeddings.value, [0, 3]).expandDims(0).mul(ones([2, 1, 1])));
  const [, g] = valueAndGrad(() => sum(layer.apply(x) as Tensor), layer.embeddings);
  close(g, ones([5, 4]).mul(tensor([[2], [2], [2], [0], [0]])));
  close(slice(g, [3, 5]), zeros([2, 4]));
});

test('refuses more places than there are vectors, and sizes that are none', () => {
  refuses(() => new PositionEmbedding(3).apply(ones([1, 4, 2])), 'PositionEmbedding: x [1, 4, 2] has 4 places, there are embeddings for 3.');
  refuses(() => sinusoidalPositions(NaN, 4), 'sinusoidalPositions: T NaN and C 4; both must be whole numbers, C at least 1.');
});
test.run();
