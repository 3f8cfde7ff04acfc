import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { layerNorm, tensor } from '@heed/tensor';
import { layerNormGradientOp, layerNormOp } from '../../ops/layer-norm.js';
import { agrees, drawing } from './testing.js';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('layer norm on the GPU');
const missing = await useKernels();

if (missing) test('is compared with js', () => console.log(`SKIPPED: layer norm on the GPU: ${missing}`));
else {
  test('agrees with js, forwards and backwards, whatever a thread holds of a row, in any layout', async () => {
    const { pick, floats, next } = drawing(3);
    for (const shape of [[40, 1], [3, 7, 33], [5, 300], [2, 4097], [2, 5000], [1000, 12], [70]]) {
      const [n, rows] = [shape[shape.length - 1]!, shape.slice(0, -1)];
      const [scaled, shifted] = [next() < 0.6, next() < 0.6];
      const [x, gamma] = [floats(shape), floats([n], pick(['dense', 'apart']))];
      await agrees(layerNormOp, [x, ...(scaled ? [gamma] : []), ...(shifted ? [floats([n])] : [])], { epsilon: 0.1, scaled, shifted });
      await agrees(layerNormGradientOp, [x, floats(rows), floats(rows), floats(shape), ...(scaled ? [gamma] : [])], { scaled, parameters: shifted || shape[0]! > 500 }, { atol: 1e-3, rtol: 2e-4 });
    }
  });

  test('a mean that is large beside the deviation costs no more digits than x has', async () => {
    const numbers = Float32Array.from({ length: 5000 }, (_, i) => 1000 + ((i * 0.618034) % 1));
    const y = await layerNorm(tensor(numbers, { shape: [1, 5000] }), { epsilon: 0 }).read();
    const m = numbers.reduce((a, v) => a + v, 0) / 5000;
    const r = 1 / Math.sqrt(numbers.reduce((a, v) => a + (v - m) ** 2, 0) / 5000);
    assert.ok(y.every((v, i) => Math.abs(v - (numbers[i]! - m) * r) < 2 ** -13 * r)); // an ulp of 1000, through 1 / deviation
  });

  test('a NaN stays in its row', async () => {
    const y = await layerNorm(tensor(Float32Array.from({ length: 40 }, (_, i) => (i === 13 ? NaN : i)), { shape: [4, 10] })).read();
    y.forEach((v, i) => assert.is(Number.isNaN(v), i >= 10 && i < 20));
  });
}

test.run();
