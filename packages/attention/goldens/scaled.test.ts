import { suite } from 'uvu';
import { close } from '@heed/tensor/testing';
import { vjp } from '@heed/autograd';
import { scaledDotProductAttention, type AttentionOptions } from '@heed/attention';
import { closeAll, goldens, type Golden } from '../../layers/goldens/golden.js';

const test = suite('goldens: scaledDotProductAttention');

const options: Record<string, (golden: Golden) => AttentionOptions> = {
  plain: () => ({}),
  scale: () => ({ scale: 0.3 }),
  causal: () => ({ causal: true }),
  'lower-right': () => ({ causal: 'lower-right' }),
  mask: (golden) => ({ mask: golden.get('mask') }),
  bias: (golden) => ({ bias: golden.get('mask') }),
  'one key head': () => ({}),
  'grouped heads': (golden) => ({ mask: golden.get('mask') }),
};
for (const [name, golden] of goldens(import.meta.url, 'scaled').cases) {
  test(`${name} agrees with PyTorch, and its gradients`, () => {
    const [y, pull] = vjp((q, k, v) => scaledDotProductAttention(q!, k!, v!, options[name]!(golden)), ...golden.all('x'));
    close(y, golden.get('y0'));
    closeAll('gradient', pull(golden.get('g0')), golden.all('gx'));
  });
}
test.run();
