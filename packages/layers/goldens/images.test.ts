import { AveragePooling2D, Conv2D, GlobalAveragePooling2D, MaxPooling2D } from '@heed/layers';
import { agree } from './golden.js';

agree(import.meta.url, 'images', {
  Conv2D: () => new Conv2D(3, 3),
  'Conv2D relu without bias': () => new Conv2D(2, [2, 3], { activation: 'relu', useBias: false }),
  'Conv2D same': () => new Conv2D(2, 3, { padding: 'same' }),
  'Conv2D strides': () => new Conv2D(2, 3, { strides: [2, 1] }),
  'Conv2D same strides': () => new Conv2D(2, 3, { padding: 'same', strides: 2 }),
  'Conv2D even kernel same strides': () => new Conv2D(2, [2, 4], { padding: 'same', strides: 2 }),
  'Conv2D even kernel same': () => new Conv2D(2, 2, { padding: 'same' }),
  'Conv2D dilation': () => new Conv2D(2, [2, 3], { dilationRate: 2 }),
  'Conv2D same dilation': () => new Conv2D(2, 3, { dilationRate: [2, 1], padding: 'same' }),
  'Conv2D groups': () => new Conv2D(4, 2, { groups: 2 }),
  'Conv2D depthwise same': () => new Conv2D(4, 3, { groups: 2, padding: 'same' }),
  MaxPooling2D: () => new MaxPooling2D(),
  'MaxPooling2D same': () => new MaxPooling2D({ padding: 'same' }),
  'MaxPooling2D overlapping': () => new MaxPooling2D({ poolSize: 3, strides: [1, 2] }),
  'MaxPooling2D overlapping same': () => new MaxPooling2D({ poolSize: [3, 2], strides: 1, padding: 'same' }),
  'MaxPooling2D ties': () => new MaxPooling2D(),
  'MaxPooling2D overlapping ties': () => new MaxPooling2D({ poolSize: 3, strides: 1 }),
  AveragePooling2D: () => new AveragePooling2D(),
  'AveragePooling2D same': () => new AveragePooling2D({ padding: 'same' }),
  'AveragePooling2D overlapping same': () => new AveragePooling2D({ poolSize: 3, strides: [2, 1], padding: 'same' }),
  GlobalAveragePooling2D: () => new GlobalAveragePooling2D(),
  'Conv2D mask': () => new Conv2D(1, 1),
  'AveragePooling2D mask': () => new AveragePooling2D({ poolSize: 1 }),
  'GlobalAveragePooling2D mask': () => new GlobalAveragePooling2D(),
});
