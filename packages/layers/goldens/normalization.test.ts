import { BatchNormalization, LayerNormalization } from '@heed/layers';
import { agree, type Call } from './golden.js';

const training: Call = { training: true };

agree(import.meta.url, 'normalization', {
  'BatchNormalization training': () => [new BatchNormalization(), training],
  'BatchNormalization image training': () => [new BatchNormalization({ momentum: 0.9, epsilon: 0.01 }), training],
  'BatchNormalization axis 1 training': () => [new BatchNormalization({ axis: 1 }), training],
  'BatchNormalization without scale and center training': () => [new BatchNormalization({ scale: false, center: false }), training],
  'BatchNormalization mask training': () => [new BatchNormalization(), training],
  'BatchNormalization frozen training': () => [new BatchNormalization({ trainable: false }), training],
  BatchNormalization: () => new BatchNormalization(),
  'BatchNormalization axis 1': () => new BatchNormalization({ axis: 1 }),
  'BatchNormalization without scale': () => new BatchNormalization({ scale: false }),
  'BatchNormalization without center': () => new BatchNormalization({ center: false }),
  'BatchNormalization mask': () => new BatchNormalization(),
  LayerNormalization: () => new LayerNormalization(),
  'LayerNormalization axis 1': () => new LayerNormalization({ axis: 1 }),
  'LayerNormalization axes': () => new LayerNormalization({ axis: [1, 2] }),
  'LayerNormalization axes apart': () => new LayerNormalization({ axis: [1, 3] }),
  'LayerNormalization without scale and center': () => new LayerNormalization({ scale: false, center: false, epsilon: 1e-5 }),
});
