/** Memory for programs where the backend has none of its own: ordinary arrays, handed out as a heap is. */
import type { Heap } from '../backend.js';
import { arrayType } from '../dtype.js';
import { copying } from '../tensor.js';

const span = 2 ** 32;
const blocks = new Map<number, ArrayBuffer>();
let next = 1;

/** An address is the number of a block times 2^32, plus a place in it. */
export const hostHeap: Heap = {
  ...copying,
  epoch: 0,
  reserve(bytes) {
    blocks.set(next, new ArrayBuffer(bytes));
    return span * next++;
  },
  release: (address) => void blocks.delete(address / span),
  view: (dtype, address, size) => new (arrayType(dtype))(blocks.get(Math.floor(address / span))!, address % span, size),
};
