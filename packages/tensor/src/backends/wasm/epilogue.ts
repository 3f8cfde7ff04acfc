/** What a matrix product does to each block of its result while that is in the cache: a map, in place. */
import type { Module } from './assembler.js';
import type { Body, HostIndex } from './body.js';
import { param } from './loops.js';
import { mapRow } from './map.js';

export interface Epilogue {
  readonly body: Body;
  /** Bytes from one column to the next (0: the same in all) of each operand besides the product, whose slot is the last. */
  readonly bytes: readonly number[];
  readonly host: HostIndex;
}

/** A function of a block's place, rows, columns and distance of rows, the parameters, and the other operands' places, whose distances of rows are parameters from `first` on. */
export function writeEpilogue(module: Module, { body, bytes, host }: Epilogue, first: number): number {
  const whole = body.slots.length > bytes.length; // whether the product is read at all
  return module.func(Array.from({ length: 5 + bytes.length }, () => 'i32' as const), [], (f, c, rows, columns, cRow, block, ...others) => {
    const strides = others.map((_, k) => f.local('i32', param(f, block, first + k)));
    f.while(rows, () => {
      const at = [...others, ...(whole ? [c] : []), c].map((p) => f.local('i32', p));
      mapRow(f, body, [...bytes.map((n) => (n ? 1 : 0)), ...(whole ? [1] : [])], at, host).sweep(f.local('i32', columns));
      others.forEach((p, k) => f.advance(p, strides[k]));
      f.advance(c, cRow);
      f.set(rows, f.op('i32.sub', rows, 1));
    });
  });
}
