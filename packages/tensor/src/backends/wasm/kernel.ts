/** What all compiled code looks like. */

/** Reads its parameters at `block` and does the part [from, to) of the work. */
export type Kernel = (block: number, from: number, to: number) => void;

/** Runs a kernel over [from, to), `chunk` units at a time. */
export function runUnits(kernel: Kernel, block: number, from: number, to: number, chunk: number): void {
  for (; to - from > chunk; from += chunk) kernel(block, from, from + chunk);
  kernel(block, from, to);
}
