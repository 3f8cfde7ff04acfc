/**
 * Work on lines of numbers in passes: each pass reads a line, may fold it into a few numbers that later passes know, and may
 * write it. A line is a row, dense in memory, or a column of a dense block, whose neighbours are then done side by side.
 */
import { bytesPer, type DType } from '../../dtype.js';
import type { Func, Local, Value } from './assembler.js';
import { emitSweep, loadPart, loadSplat, storePart } from './loops.js';
import { lockstep, type Steps } from './math.js';

export type Fold = 'max' | 'sum' | 'squares';

/** Vectors of float32, or masks, go in; what was found before is asked for by number. */
export interface Pass {
  /** Operands that it reads, by number. */
  readonly reads: readonly number[];
  /** Vectors in flight: as many as the registers hold. */
  readonly width: number;
  value(x: readonly Local[], found: (i: number) => Local): Steps;
  /** The operand that the value is written to. */
  readonly writes?: number;
  readonly folds?: readonly Fold[];
  /** What later passes are told instead of the folds, as many numbers. */
  found?(totals: readonly Local[], found: (i: number) => Local): readonly Local[];
}

/** An operand of a line, with a pointer to its start; `still`: one element for the whole line. */
export interface Operand { readonly at: Local; readonly dtype: DType; readonly still: boolean }

const neutral = (f: Func, kind: Fold): Value => f.f32x4(kind === 'max' ? -Infinity : 0);
/** pmax passes over a NaN, which is one instruction instead of seven: whoever needs it meets it again in a sum. */
const combine = (f: Func, kind: Fold, a: Value, b: Value): Value => f.op(kind === 'max' ? 'f32x4.pmax' : 'f32x4.add', a, b);
/** What a fold makes of a value before it joins the others. */
const term = (f: Func, kind: Fold, v: Local): Value => (kind === 'squares' ? f.op('f32x4.mul', v, v) : v);

/** Elements that are added up before the sum joins the other sums: error grows with this and with their number, not with the product. Whole vectors, so that only the last piece has a rest. */
const piece = 8192;

/** Folds of n elements, each on all four lanes: `vectors` gives the next `count` vectors per fold (`rest`: so many elements of one). */
export function emitFolds(f: Func, n: Local, folds: readonly Fold[], width: number, moves: readonly (readonly [Local, number])[], vectors: (count: number, rest: Local | null) => readonly (readonly Value[])[]): Local[] {
  const totals = folds.map((kind) => f.local('v128', neutral(f, kind)));
  const sums = folds.map(() => Array.from({ length: width }, () => f.local('v128')));
  const [left, some] = [f.local('i32', n), f.local('i32')];
  f.while(left, () => {
    f.set(some, f.op('select', left, piece, f.op('i32.lt_u', left, piece)));
    f.set(left, f.op('i32.sub', left, some));
    folds.forEach((kind, k) => sums[k].forEach((s) => f.set(s, neutral(f, kind))));
    emitSweep(f, some, moves, width, (count, rest) => {
      const there = rest && f.local('v128', f.op('i32x4.lt_s', f.vector(Int32Array.of(0, 1, 2, 3)), f.op('i32x4.splat', rest)));
      const values = vectors(count, rest);
      folds.forEach((kind, k) => values[k].forEach((v, u) => f.set(sums[k][u], combine(f, kind, sums[k][u], there ? f.op('v128.bitselect', v, neutral(f, kind), there) : v))));
    });
    folds.forEach((kind, k) => f.set(totals[k], combine(f, kind, totals[k], sums[k].slice(1).reduce<Value>((a, b) => combine(f, kind, a, b), sums[k][0]))));
  });
  folds.forEach((kind, k) => {
    for (const turn of [[2, 3, 0, 1], [1, 0, 3, 2]]) f.set(totals[k], combine(f, kind, totals[k], f.local('v128', f.shuffle(turn, totals[k], totals[k]))));
  });
  return totals;
}

/** The passes over one row of n elements. */
export function emitRow(f: Func, passes: readonly Pass[], operands: readonly Operand[], n: Local): void {
  const known: Local[] = [];
  const fixed = operands.map((o) => (o.still ? f.local('v128', loadSplat(f, o.dtype, o.at)) : null));
  for (const pass of passes) {
    const { reads, writes, folds = [] } = pass;
    const pointers = operands.map((o, k) => (!o.still && (reads.includes(k) || writes === k) ? f.local('i32', o.at) : null));
    const moves = operands.flatMap((o, k): [Local, number][] => (pointers[k] ? [[pointers[k], bytesPer[o.dtype]]] : []));
    const values = (count: number, rest: Local | null): Local[] => {
      const lines = Array.from({ length: count }, (_, u) => reads.map((k) => fixed[k] ?? f.local('v128', loadPart(f, operands[k].dtype, pointers[k]!, u, rest))));
      const out = lockstep(f, lines.map((x) => pass.value(x, (i) => known[i])));
      if (writes !== undefined) out.forEach((v, u) => storePart(f, 'float32', pointers[writes]!, v, u, rest));
      return out;
    };
    if (!folds.length) {
      emitSweep(f, f.local('i32', n), moves, pass.width, values);
      continue;
    }
    const totals = emitFolds(f, n, folds, pass.width, moves, (count, rest) => {
      const out = values(count, rest);
      return folds.map((kind) => out.map((v) => term(f, kind, v)));
    });
    known.push(...(pass.found ? pass.found(totals, (i) => known[i]) : totals));
  }
}

/** Columns that are done side by side: as many as keep what was found about them in the cache. */
export const strip = 256;

/** The passes over m neighbouring columns of n elements, `jump` elements from one to the next. `notes` has room for a vector per fold and 4 columns. */
export function emitColumns(f: Func, passes: readonly Pass[], operands: readonly Operand[], n: Local, jump: Local, m: Local, notes: Local): void {
  const size = f.local('i32', f.op('i32.mul', f.op('i32.and', f.op('i32.add', m, 3), -4), 4));
  const noteAt = (i: number) => f.local('i32', f.op('i32.add', notes, f.op('i32.mul', size, i)));
  let count = 0;
  for (const pass of passes) {
    const { reads, writes, folds = [] } = pass;
    const first = count;
    const noted = Array.from({ length: first + folds.length }, (_, i) => noteAt(i));
    /** Pointers to notes, moving along the columns, and the note that one stands at. */
    const walk = () => noted.map((p) => f.local('i32', p));
    const note = (p: Local, u = 0) => f.local('v128', f.load('v128.load', p, 16 * u));
    const each = (body: (pointers: readonly Local[]) => void) => {
      const pointers = walk();
      const left = f.local('i32', m);
      f.while(f.op('i32.gt_s', left, 0), () => { body(pointers); pointers.forEach((p) => f.advance(p, 16)); f.set(left, f.op('i32.sub', left, 4)); });
    };
    if (folds.length) each((p) => folds.forEach((kind, k) => f.store('v128.store', p[first + k], neutral(f, kind))));
    const rows = operands.map((o, k) => (reads.includes(k) || writes === k ? f.local('i32', o.at) : null));
    const row = f.local('i32', n);
    f.while(row, () => {
      const pointers = rows.map((p) => p && f.local('i32', p));
      const found = walk();
      const moves = [...found.map((p): [Local, number] => [p, 4]), ...operands.flatMap((o, k): [Local, number][] => (pointers[k] ? [[pointers[k], bytesPer[o.dtype]]] : []))];
      emitSweep(f, f.local('i32', m), moves, Math.min(2, pass.width), (vectors, rest) => {
        const lines = Array.from({ length: vectors }, (_, u) => reads.map((k) => f.local('v128', loadPart(f, operands[k].dtype, pointers[k]!, u, rest))));
        const out = lockstep(f, lines.map((x, u) => pass.value(x, (i) => note(found[i], u))));
        if (writes !== undefined) out.forEach((v, u) => storePart(f, 'float32', pointers[writes]!, v, u, rest));
        folds.forEach((kind, k) => out.forEach((v, u) => f.store('v128.store', found[first + k], combine(f, kind, note(found[first + k], u), term(f, kind, v)), 16 * u)));
      });
      operands.forEach((o, k) => { if (rows[k]) f.advance(rows[k], f.op('i32.mul', jump, bytesPer[o.dtype])); });
      f.set(row, f.op('i32.sub', row, 1));
    });
    if (pass.found) each((p) => pass.found!(folds.map((_, k) => note(p[first + k])), (i) => note(p[i])).forEach((v, k) => f.store('v128.store', p[first + k], v)));
    count += folds.length;
  }
}
