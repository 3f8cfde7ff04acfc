/** Counter-based random numbers: element i is word i mod 4 of Philox4x32-10 at (i / 4, counter), the same everywhere. */
import type { Family } from '../../backend.js';

export interface RandomParams {
  readonly kind: 'uniform' | 'normal' | 'bits';
}

const words = new Uint32Array(4);

/** The high 32 bits of a product of two 32-bit numbers. */
function mulHigh(a: number, b: number): number {
  const [al, ah, bl, bh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const low = al * bl;
  const mid = ah * bl + (low >>> 16);
  const mid2 = al * bh + (mid & 0xffff);
  return ah * bh + Math.floor(mid / 65536) + (mid2 >>> 16) | 0;
}

/**
 * Ten rounds of Philox4x32 on counter (c0, c1, 0, 0) with key (k0, k1); the four words lie in the returned array.
 * Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3".
 */
export function philox(c0: number, c1: number, k0: number, k1: number): Uint32Array {
  let [x0, x1, x2, x3] = [c0, c1, 0, 0];
  for (let round = 0; round < 10; round++) {
    const [h0, l0] = [mulHigh(0xd2511f53, x0), Math.imul(0xd2511f53, x0)];
    const [h1, l1] = [mulHigh(0xcd9e8d57, x2), Math.imul(0xcd9e8d57, x2)];
    [x0, x1, x2, x3] = [h1 ^ x1 ^ k0, l1, h0 ^ x3 ^ k1, l0];
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  words[0] = x0; words[1] = x1; words[2] = x2; words[3] = x3;
  return words;
}

/** 32 random bits as a number in [0, 1), a multiple of 2^-24: exact in float32. */
const unit = (bits: number): number => (bits >>> 8) * 2 ** -24;

/** Input: int32 state [key0, key1, counter]. Outputs: uniform in [0, 1), standard normal, or raw bits. */
export const randomFamily: Family<RandomParams> = {
  name: 'random',
  js({ kind }, [state], [y]) {
    const at = (i: number) => state!.data[state!.offset + i * state!.strides[0]!]!;
    const [k0, k1, counter] = [at(0), at(1), at(2)];
    const out = y!.data;
    for (let i = 0; i < out.length; i += 4) {
      const w = philox(i >>> 2, counter, k0, k1);
      const n = Math.min(4, out.length - i);
      if (kind === 'normal') {
        for (let j = 0; j < n; j++) {
          const radius = Math.sqrt(-2 * Math.log((w[j & 2]! + 1) * 2 ** -32));
          const angle = 2 * Math.PI * unit(w[(j & 2) + 1]!);
          out[i + j] = radius * (j & 1 ? Math.sin(angle) : Math.cos(angle));
        }
      } else for (let j = 0; j < n; j++) out[i + j] = kind === 'uniform' ? unit(w[j]!) : w[j]! | 0;
    }
  },
};
