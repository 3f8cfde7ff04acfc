import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mul, sum, Variable } from '@heed/tensor';
import { close } from '@heed/tensor/testing';
import { valueAndGrad } from '@heed/autograd';
import { attachMask, BinaryCrossentropy, CategoricalCrossentropy, getMetric, MeanSquaredError, SparseCategoricalCrossentropy, type Loss, type Reduction } from '@heed/layers';
import { goldens } from './golden.js';

const test = suite('goldens: losses and metrics');

const classes = { mse: MeanSquaredError, bce: BinaryCrossentropy, cce: CategoricalCrossentropy, scce: SparseCategoricalCrossentropy };
const reductions: readonly Reduction[] = ['sum', 'mean', 'mean_with_sample_weight', 'none'];

const losses: Record<string, () => Loss> = {
  'bce logits': () => new BinaryCrossentropy({ fromLogits: true }),
  'cce logits': () => new CategoricalCrossentropy({ fromLogits: true }),
  'scce logits': () => new SparseCategoricalCrossentropy({ fromLogits: true }),
  'bce smoothed': () => new BinaryCrossentropy({ labelSmoothing: 0.2 }),
  'cce smoothed': () => new CategoricalCrossentropy({ labelSmoothing: 0.2 }),
  'bce smoothed logits': () => new BinaryCrossentropy({ labelSmoothing: 0.2, fromLogits: true }),
  'cce smoothed logits': () => new CategoricalCrossentropy({ labelSmoothing: 0.2, fromLogits: true }),
  'bce at the edges': () => new BinaryCrossentropy(),
  'cce at the edges': () => new CategoricalCrossentropy(),
  'scce at the edges': () => new SparseCategoricalCrossentropy(),
  'bce flat targets': () => new BinaryCrossentropy(),
  'mse flat targets': () => new MeanSquaredError(),
  'scce column targets': () => new SparseCategoricalCrossentropy(),
  'mse nothing kept': () => new MeanSquaredError(),
};
for (const [name, Class] of Object.entries(classes)) {
  for (const given of ['', ' steps', ' sample weights', ' step weights', ' mask', ' mask and step weights']) losses[`${name}${given}`] = () => new Class();
}
for (const reduction of reductions) for (const given of ['plain', 'weighted', 'masked']) losses[`mse ${reduction} ${given}`] = () => new MeanSquaredError({ reduction });

const recorded = goldens(import.meta.url, 'losses').cases;
for (const [name, make] of Object.entries(losses)) {
  test(`${name} agrees with Keras, and its gradient`, () => {
    const golden = recorded.get(name)!;
    const p = new Variable(golden.get('p0'));
    const [[, y], gp] = valueAndGrad(() => {
      attachMask(p.value, golden.tensors.m0);
      const loss = make().call(golden.get('t0'), p.value, golden.tensors.w0);
      return [sum(mul(loss, golden.get('g0'))), loss] as const;
    }, p, { aux: true });
    close(y, golden.get('y0'));
    close(gp, golden.get('gp0'));
  });
}

const metrics = goldens(import.meta.url, 'metrics').cases;
for (const [name, golden] of metrics) {
  test(`${name} agrees with Keras`, () => {
    const { f } = getMetric(name.split(' ')[0]!);
    close(f(golden.get('t0'), golden.get('p0')).cast('float32').mean(), golden.get('y0'));
  });
}

test('every loss that was recorded is tested', () => assert.equal([...recorded.keys()].sort(), Object.keys(losses).sort()));
test.run();
