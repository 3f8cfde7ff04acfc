/** Glyph images, drawn by the lesson: ten digits on a small grid, shifted, thickened, in noise. */
import { random, tensor, type Tensor } from '@heed/tensor';

/** 5 x 7 pixel digits, a row of bits each. */
const font: readonly (readonly number[])[] = [
  [14, 17, 19, 21, 25, 17, 14], [4, 12, 4, 4, 4, 4, 14], [14, 17, 1, 2, 4, 8, 31], [31, 2, 4, 2, 1, 17, 14], [2, 6, 10, 18, 31, 2, 2],
  [31, 16, 30, 1, 1, 17, 14], [6, 8, 16, 30, 17, 17, 14], [31, 1, 2, 4, 8, 8, 8], [14, 17, 17, 14, 17, 17, 14], [14, 17, 17, 15, 1, 2, 12],
];
const SIZE = 12;
const CLASSES = font.length;

/** `count` images [count, 12, 12, 1] with values about 0 to 1, and their digits [count], int32. The same seed draws the same images. */
export function glyphs(count: number, seed: number): { images: Tensor; digits: Tensor } {
  const where = random.uniform([count, 3], { seed }).data();
  const noise = random.normal([count, SIZE, SIZE], { seed: seed + 1, std: 0.25 }).data();
  const images = Float32Array.from(noise);
  const digits = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const digit = (digits[i] = Math.floor(where[3 * i]! * CLASSES));
    const [top, left] = [1 + Math.floor(where[3 * i + 1]! * 3), 2 + Math.floor(where[3 * i + 2]! * 4)];
    font[digit]!.forEach((bits, row) => {
      for (let column = 0; column < 5; column++) {
        if (bits & (16 >> column)) images[i * SIZE * SIZE + (top + row) * SIZE + left + column]! += 1;
      }
    });
  }
  return { images: tensor(images, { shape: [count, SIZE, SIZE, 1] }), digits: tensor(digits) };
}
