import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { concat, conv2d, matmul, ones, reshape, ShapeError, tensor, ValueError, windows, zeros } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('conv');
const x = scattered([2, 5, 4, 3]);
const kernel = scattered([3, 2, 3, 4], -1, 1, 5);

/** The definition, cell by cell. */
function direct(strides: number, dilation: number): number[] {
  const [h, w] = [Math.floor((5 - 2 * dilation - 1) / strides) + 1, Math.floor((4 - dilation - 1) / strides) + 1];
  const [xs, ks] = [x.data(), kernel.data()];
  const out: number[] = [];
  for (let b = 0; b < 2; b++) for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) for (let o = 0; o < 4; o++) {
    let total = 0;
    for (let p = 0; p < 3; p++) for (let q = 0; q < 2; q++) for (let c = 0; c < 3; c++) {
      total += xs[((b * 5 + i * strides + p * dilation) * 4 + j * strides + q * dilation) * 3 + c]! * ks[((p * 2 + q) * 3 + c) * 4 + o]!;
    }
    out.push(total);
  }
  return out;
}

test('conv2d is its definition', () => {
  for (const [strides, dilation] of [[1, 1], [2, 1], [1, 2]] as const) {
    const y = conv2d(x, kernel, { strides, dilation });
    close(reshape(y, [-1]), direct(strides, dilation));
  }
});
test('conv2d with a 1 x 1 kernel is a matrix product over channels', () => {
  const k = scattered([1, 1, 3, 6]);
  close(conv2d(x, k), matmul(x, reshape(k, [3, 6])));
});
test('conv2d in groups is one convolution per group', () => {
  const [image, k] = [scattered([1, 4, 4, 4]), scattered([2, 2, 2, 6])];
  const parts = [0, 1].map((g) => conv2d(image.slice(null, null, null, [2 * g, 2 * g + 2]), k.slice(null, null, null, [3 * g, 3 * g + 3])));
  close(conv2d(image, k, { groups: 2 }), concat(parts, { axis: 3 }));
});
test("'same' keeps ceil(size / stride)", () => assert.equal(conv2d(x, kernel, { padding: 'same', strides: 2 }).shape, [2, 3, 2, 4]));
test("'same' puts the odd cell after", () =>
  assert.equal(conv2d(reshape(tensor([1, 2, 3]), [1, 3, 1, 1]), ones([2, 1, 1, 1]), { padding: 'same' }).data(), Float32Array.of(3, 5, 3)));
test('explicit padding is zeros around', () => close(conv2d(x, kernel, { padding: [[1, 1], [1, 0]] }), conv2d(x.pad([[0, 0], [1, 1], [1, 0], [0, 0]]), kernel)));


test('conv2d refuses other channels', () =>
  refuses(() => conv2d(x, zeros([1, 1, 2, 4])), 'conv2d: channels differ: x [2, 5, 4, 3] has 3, kernel [1, 1, 2, 4] takes 2 (2 x 1 groups).', ShapeError));
test('conv2d refuses a kernel larger than the image', () =>
  refuses(() => conv2d(x, zeros([6, 1, 3, 1])), 'conv2d: x [2, 5, 4, 3] has 5 rows with padding, the kernel covers 6; it must fit.', ShapeError));
test('conv2d refuses pairs that are none', () => {
  refuses(() => conv2d(x, kernel, { padding: [1, 1] as never }), "conv2d: padding is [1,1]; give 'valid', 'same' or pairs [[before, after], [before, after]] of whole numbers >= 0.", ValueError);
  refuses(() => conv2d(x, kernel, { padding: [[-1, 0], [0, 0]] }), "conv2d: padding is [[-1,0],[0,0]]; give 'valid', 'same' or pairs [[before, after], [before, after]] of whole numbers >= 0.", ValueError);
});
test('conv2d refuses the stride 0', () =>
  refuses(() => conv2d(x, kernel, { strides: 0 }), 'conv2d: strides is 0; give a whole number >= 1, or two of them.', ValueError));
test('conv2d refuses a padding that is none', () =>
  refuses(() => conv2d(x, kernel, { padding: 'full' as never }), "conv2d: there is no padding 'full'; use 'valid', 'same' or pairs [[before, after], [before, after]].", ValueError));
test('windows refuses what is no batch of images', () =>
  refuses(() => windows(zeros([3, 3]), { kernel: [1, 1], strides: [1, 1], dilation: [1, 1] }), 'windows: expected x [B, H, W, C], got [3, 3].', ShapeError));

test.run();
