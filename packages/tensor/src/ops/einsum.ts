/** Sums of products by named indices. */
import { tensor, type Like } from '../create.js';
import { promote, type DType } from '../dtype.js';
import { ShapeError, ValueError } from '../errors.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { mul } from './binary.js';
import { cast } from './cast.js';
import { matmul } from './matmul.js';
import { reshape, transpose } from './reshape.js';
import { slice, type Range } from './slice.js';
import { sum } from './sum.js';

/** A tensor with a name for each axis: a letter, or `...k` for the k-th axis under an ellipsis, counted from the last. */
interface Named {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

const refuse = (equation: string, what: string): never => {
  throw new ValueError(`einsum: '${equation}': ${what}`);
};

/** The labels of one side of the equation; an ellipsis becomes `count` labels. */
function labelsOf(equation: string, term: string, count: number): string[] {
  const ellipsis = Array.from({ length: count }, (_, i) => `...${count - i}`);
  const [before, after, ...more] = term.split('...');
  const letters = [...before!, ...(after ?? '')];
  const stranger = letters.find((c) => !/[A-Za-z]/.test(c));
  if (stranger !== undefined || more.length) refuse(equation, `${more.length ? 'there are two ellipses in' : `there is '${stranger}' in`} '${term}'; a term is letters, and ... once.`);
  return after === undefined ? [...before!] : [...before!, ...ellipsis, ...after];
}

/** Refuses an operand whose axes the term doesn't count; how many of them lie under its ellipsis. */
function under(equation: string, term: string, x: Tensor, k: number): number {
  const letters = term.replace('...', '').length;
  const open = term.includes('...');
  if (open ? x.rank < letters : x.rank !== letters) {
    throw new ShapeError(`einsum: '${equation}': '${term}' names ${letters} axes, x${k} ${formatShape(x.shape)} has ${x.rank}; give ${open ? 'no more than' : 'as many as'} it has.`);
  }
  return open ? x.rank - letters : 0;
}

/** Axes in the order of `labels`. */
function ordered({ x, labels: own }: Named, labels: readonly string[]): Tensor {
  const axes = labels.map((l) => own.indexOf(l));
  return axes.every((a, i) => a === i) ? x : transpose(x, axes);
}

/** Every label once: repeated ones run together along the diagonal. */
function diagonal({ x, labels }: Named): Named {
  const again = labels.findIndex((l, i) => labels.indexOf(l) < i);
  if (again < 0) return { x, labels };
  const first = labels.indexOf(labels[again]!);
  const rest = [...labels.keys()].filter((i) => i !== first && i !== again);
  const n = x.shape[first]!;
  const flat = reshape(transpose(x, [...rest, first, again]), [...rest.map((i) => x.shape[i]!), n * n]); // [..., n, n] -> [..., n n]
  const every: Range = [null, null, n + 1];
  return diagonal({ x: slice(flat, ...rest.map(() => null), every), labels: [...rest.map((i) => labels[i]!), labels[first]!] });
}

/** Sums over the labels that nobody else asks for. */
function summed({ x, labels }: Named, wanted: ReadonlySet<string>): Named {
  const axis = [...labels.keys()].filter((i) => !wanted.has(labels[i]!));
  return axis.length ? { x: sum(x, { axis }), labels: labels.filter((l) => wanted.has(l)) } : { x, labels };
}

/** The sum of products of two, over the labels that both have and nobody else asks for: a batched matrix product. */
function pair(a: Named, b: Named, wanted: ReadonlySet<string>): Named {
  const both = a.labels.filter((l) => b.labels.includes(l));
  const [batch, inner] = [both.filter((l) => wanted.has(l)), both.filter((l) => !wanted.has(l))];
  const [rows, columns] = [a, b].map(({ labels }) => labels.filter((l) => !both.includes(l))) as [string[], string[]];
  const sizes = (named: Named, labels: readonly string[]) => labels.map((l) => named.x.shape[named.labels.indexOf(l)]!);
  const count = (named: Named, labels: readonly string[]) => sizes(named, labels).reduce((p, q) => p * q, 1);
  const [B, M, K, N] = [count(a, batch), count(a, rows), count(a, inner), count(b, columns)];
  const left = reshape(ordered(a, [...batch, ...rows, ...inner]), [B, M, K]);
  const right = reshape(ordered(b, [...batch, ...inner, ...columns]), [B, K, N]);
  const y = inner.length ? matmul(left, right) : mul(left, right); // [B, M, N]; without inner labels K is 1
  return { x: reshape(y, [...sizes(a, batch), ...sizes(a, rows), ...sizes(b, columns)]), labels: [...batch, ...rows, ...columns] };
}

/** Terms of the inputs and of the output; without `->` the output has the letters that occur once, in alphabetical order. */
function parse(equation: string, count: number): { terms: string[]; output: string } {
  const [inputs, output, ...more] = equation.replaceAll(' ', '').split('->');
  if (more.length) refuse(equation, 'there are two arrows; give one, or none.');
  const terms = inputs!.split(',');
  if (terms.length !== count) refuse(equation, `it has ${terms.length} terms for ${count} tensors; give one per tensor, separated by commas.`);
  if (output !== undefined) return { terms, output };
  const letters = [...inputs!.replace(/[.,]/g, '')];
  const once = letters.filter((c) => letters.indexOf(c) === letters.lastIndexOf(c)).sort();
  return { terms, output: (inputs!.includes('...') ? '...' : '') + once.join('') };
}

/**
 * Sums products of elements over indices, as NumPy's einsum: `einsum('bij,bjk->bik', a, b)` is y_bik = sum_j a_bij b_bjk. A letter
 * names an axis; letters that the output leaves out are summed over; a letter twice in one term takes the diagonal; `...` stands
 * for any axes, which broadcast. Without `->` the output has the letters that occur once, in alphabetical order.
 *
 * Shape:    sizes of one letter must be equal, or 1, which is repeated.
 * Gradient: that of transpose, reshape, matmul and sum, which it is made of: two tensors at a time, from the left, by a batched
 *           matrix product over the letters that only they have.
 * Numerics: integers and booleans give int32, summed in float64.
 * Source:   Einstein 1916, "Die Grundlage der allgemeinen Relativitaetstheorie", section 5.
 */
export function einsum(equation: string, ...xs: Like[]): Tensor {
  if (!xs.length) throw new ValueError('einsum: there is nothing to sum; give an equation and at least one tensor.');
  const all = xs.map((x) => tensor(x));
  const { terms, output } = parse(equation, all.length);
  for (const term of [...terms, output]) labelsOf(equation, term, 0);
  const hidden = terms.map((term, k) => under(equation, term, all[k]!, k));
  const labels = terms.map((term, k) => labelsOf(equation, term, hidden[k]!));
  const result = labelsOf(equation, output, Math.max(...hidden));
  const dtype = all.reduce<DType>((d, x) => promote(d, x.dtype), 'int32');

  const owner = new Map<string, [size: number, of: number]>();
  labels.forEach((own, k) => own.forEach((label, axis) => {
    const n = all[k]!.shape[axis]!;
    const [size, of] = owner.get(label) ?? [1, k];
    if ((size !== 1 && n !== 1 && n !== size) || n !== all[k]!.shape[own.indexOf(label)]) {
      throw new ShapeError(`einsum: '${equation}': ${label[0] === '.' ? 'sizes under ...' : `sizes of index ${label}`} differ: ${size} in x${of} ${formatShape(all[of]!.shape)}, ${n} in x${k} ${formatShape(all[k]!.shape)}; sizes must be equal or 1.`);
    }
    if (size === 1) owner.set(label, [n, k]);
  }));
  if (!output.includes('...') && hidden.some(Boolean)) refuse(equation, `axes under ... are not in the output '${output}'; put ... there too.`);
  for (const [i, label] of result.entries()) {
    if (!owner.has(label)) refuse(equation, `index ${label} of the output is in no input; use ${[...owner.keys()].filter((l) => l[0] !== '.').join(', ') || 'none'}.`);
    if (result.indexOf(label) < i) refuse(equation, `index ${label} is twice in the output; give each once.`);
  }

  const inner = dtype === 'int32' ? 'float64' : dtype;
  const parts = all.map((x, k): Named => {
    const kept = [...labels[k]!.keys()].filter((axis) => x.shape[axis] === owner.get(labels[k]![axis]!)![0]); // what is repeated has no axis
    return diagonal({ x: cast(reshape(x, kept.map((axis) => x.shape[axis]!)), inner), labels: kept.map((axis) => labels[k]![axis]!) });
  });
  const y = parts.slice(1).reduce((left, right, k) => {
    const wanted = new Set([...result, ...parts.slice(k + 2).flatMap((p) => p.labels)]);
    const [a, b] = [[left, right], [right, left]].map(([own, other]) => summed(own!, new Set([...wanted, ...other!.labels])));
    return pair(a!, b!, wanted);
  }, parts[0]!);
  return cast(ordered(summed(y, new Set(result)), result), dtype);
}
