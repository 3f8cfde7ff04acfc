import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { softmax, tensor, withBackend } from '@heed/tensor';
import { logSoftmaxGradientOp, logSoftmaxOp, softmaxGradientOp, softmaxOp } from '../../ops/softmax.js';
import { agrees, drawing } from './testing.js';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('rows on the GPU');
const missing = await useKernels();

if (missing) test('are compared with js', () => console.log(`SKIPPED: rows on the GPU: ${missing}`));
else {
  test('agree with js along any axis, whatever a thread holds of them, in any layout and with any mask', async () => {
    const { pick, floats, bools, next } = drawing(1);
    for (const [shape, axis] of [[[3, 1], 1], [[70, 5], 1], [[9, 40], 1], [[3, 700], 1], [[2, 4097], 1], [[2, 9000], 1], [[3, 5, 40], 1], [[2, 200, 9], 1], [[300, 3], 0], [[40, 2, 3], 0]] as [number[], number][]) {
      const mask = bools(shape.map((n) => (next() < 0.4 ? 1 : n)).slice(pick([0, 0, 1])));
      const [x, y, g] = [floats(shape), withBackend('js', () => floats(shape).abs().neg()), floats(shape)];
      await agrees(pick([softmaxOp, logSoftmaxOp]), [x], { axis });
      await agrees(pick([softmaxOp, logSoftmaxOp]), [x, mask], { axis });
      await agrees(softmaxGradientOp, [y, g], { axis }, { atol: 1e-3 });
      await agrees(logSoftmaxGradientOp, [y, g, mask], { axis }, { atol: 1e-3 });
    }
  });

  test('give 0 where nothing takes part, whatever lies there', async () => {
    const y = softmax(tensor([[1, NaN], [NaN, Infinity]]), { mask: tensor([[true, false], [false, false]]) });
    assert.equal([...await y.read()], [1, 0, 0, 0]);
  });

  test('keep a NaN, an infinity and a row of minus infinities to themselves', async () => {
    const numbers = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
    numbers[3] = NaN;
    numbers[12] = Infinity;
    numbers.fill(-Infinity, 20, 30);
    numbers[31] = -Infinity;
    for (const op of [softmaxOp, logSoftmaxOp]) for (const [shape, axis] of [[[4, 10], 1], [[10, 4], 0]] as const) await agrees(op, [tensor(numbers, { shape })], { axis });
  });

  test('stay finite for large numbers', async () => {
    const y = softmax(tensor([[1e30, 1e30, -1e30], [3e38, -3e38, 0]]));
    assert.equal([...await y.read()], [0.5, 0.5, 0, 1, 0, 0]);
  });
}

test.run();
