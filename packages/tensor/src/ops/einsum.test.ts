import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { checkGradient } from '@heed/autograd/testing';
import { arange, einsum, matmul, ones, ShapeError, sum, tensor, transpose, ValueError, zeros, type Tensor } from '@heed/tensor';
import { close, refuses, scattered } from '@heed/tensor/testing';

const test = suite('einsum');
const [a, b] = [scattered([3, 4], -1, 1, 1), scattered([4, 5], -1, 1, 2)];

/** The definition: every index through its range, products added up. */
function direct(terms: readonly string[], output: string, sizes: Record<string, number>, xs: readonly Tensor[]): number[] {
  const letters = [...new Set([...output, ...terms.join('')])];
  const at = (x: Tensor, term: string, index: Record<string, number>) => x.data()[[...term].reduce((q, l, axis) => q * x.shape[axis]! + (x.shape[axis] === 1 ? 0 : index[l]!), 0)]!;
  const y = new Array<number>([...output].reduce((n, l) => n * sizes[l]!, 1)).fill(0);
  const walk = (k: number, index: Record<string, number>): void => {
    if (k < letters.length) for (let i = 0; i < sizes[letters[k]!]!; i++) walk(k + 1, { ...index, [letters[k]!]: i });
    else y[[...output].reduce((q, l) => q * sizes[l]! + index[l]!, 0)]! += xs.reduce((p, x, n) => p * at(x, terms[n]!, index), 1);
  };
  walk(0, {});
  return y;
}

const sizes: Record<string, number> = { i: 2, j: 3, k: 4, l: 2 };
const word = (max: number) => fc.array(fc.constantFrom(...'ijkl'), { maxLength: max }).map((letters) => letters.join(''));
const equations = fc.tuple(fc.array(word(3), { minLength: 1, maxLength: 3 }), word(4), fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }))
  .map(([terms, wanted, thin]) => ({ terms, thin, output: [...new Set(wanted)].filter((l) => terms.join('').includes(l)).join('') }));
test('is its definition, for drawn equations, repeated letters and axes of size 1', () => fc.assert(fc.property(equations, ({ terms, output, thin }) => {
  const once = (term: string, l: string) => term.indexOf(l) === term.lastIndexOf(l);
  const xs = terms.map((term, n) => scattered([...term].map((l, axis) => (thin[3 * n + axis] && once(term, l) && terms.some((other, m) => m !== n && other.includes(l) && !thin.slice(3 * m, 3 * m + 3).some(Boolean)) ? 1 : sizes[l]!)), -1, 1, n + 1));
  const y = einsum(`${terms.join(',')}->${output}`, ...xs);
  assert.equal(y.shape, [...output].map((l) => sizes[l]!));
  close(y.reshape([-1]), direct(terms, output, sizes, xs));
}), { numRuns: 200, seed: 11 }));

test('of two matrices is their product', () => close(einsum('ij,jk->ik', a, b), matmul(a, b)));
test('without an arrow sums over what occurs twice, and sorts what occurs once', () => {
  close(einsum('ij,jk', a, b), matmul(a, b));
  close(einsum('ba', a), transpose(a));
  close(einsum('bA,c', a, [1, 2]), einsum('bA,c->Abc', a, [1, 2]));
});
test('takes diagonals and traces', () => {
  const m = arange(9).reshape([3, 3]);
  assert.equal([einsum('ii->i', m).toArray(), einsum('ii', m).item()], [[0, 4, 8], 12]);
  assert.equal(einsum('iji->ji', arange(12).reshape([2, 3, 2])).toArray(), [[0, 7], [2, 9], [4, 11]]);
});
test('lets axes under an ellipsis broadcast', () => {
  const [p, q] = [scattered([2, 1, 3, 4]), scattered([5, 4, 2])];
  close(einsum('...ij,...jk->...ik', p, q), matmul(p, q));
  assert.equal([einsum('...,...', ones([3, 1]), ones([2])).shape, einsum('i...,i...', ones([2, 3]), ones([2, 3])).toArray(), einsum('i->...i', [1, 2]).shape], [[3, 2], [2, 2, 2], [2]]);
});
test('attention of several heads is two of them', () => {
  const [query, key, value] = [1, 2, 3].map((seed) => scattered([2, 4, 3, 5], -1, 1, seed)) as [Tensor, Tensor, Tensor];
  const scores = einsum('bthd,bshd->bhts', query, key);
  close(scores, matmul(transpose(query, [0, 2, 1, 3]), transpose(key, [0, 2, 3, 1])));
  close(einsum('bhts,bshd->bthd', scores, value), transpose(matmul(scores, transpose(value, [0, 2, 1, 3])), [0, 2, 1, 3]));
});
test('of three and more goes on in pairs', () => close(einsum('i,ij,jk,k->', [1, 2, 3], a, b, ones([5])), sum(matmul(matmul(tensor([1, 2, 3]), a), b))));
test('keeps integers exact and in int32', () => {
  const x = tensor(Int32Array.of(20_000_001, 3));
  assert.equal([einsum('i,i->', x, tensor(Int32Array.of(1, 2))).item(), einsum('i,j->ij', x, x.slice([1, 2])).dtype, einsum('i->', tensor([true, true])).dtype], [20_000_007, 'int32', 'int32']);
});
test('keeps float64', () => assert.is(einsum('i,i', tensor([0.1], { dtype: 'float64' }), [1]).dtype, 'float64'));
test('of nothing is 0', () => assert.equal([einsum('ij,jk->ik', zeros([2, 0]), zeros([0, 2])).toArray(), einsum('ii->i', zeros([0, 0])).shape], [[[0, 0], [0, 0]], [0]]));
test('has the gradient of its parts', () => checkGradient((x, y) => einsum('bij,bjk,kk->ib', x!, y!, scattered([4, 4])), [scattered([2, 3, 2]), scattered([2, 2, 4], -1, 1, 4)]));

test('refuses an index of the output that no input has', () =>
  refuses(() => einsum('ij->k', a), "einsum: 'ij->k': index k of the output is in no input; use i, j.", ValueError));
test('refuses an index twice in the output', () => refuses(() => einsum('ij->ii', a), "einsum: 'ij->ii': index i is twice in the output; give each once.", ValueError));
test('refuses sizes that differ', () => {
  refuses(() => einsum('ij,jk', a, a), "einsum: 'ij,jk': sizes of index j differ: 4 in x0 [3, 4], 3 in x1 [3, 4]; sizes must be equal or 1.", ShapeError);
  refuses(() => einsum('ii', a), "einsum: 'ii': sizes of index i differ: 3 in x0 [3, 4], 4 in x0 [3, 4]; sizes must be equal or 1.", ShapeError);
  refuses(() => einsum('...,...', [1, 2], [1, 2, 3]), "einsum: '...,...': sizes under ... differ: 2 in x0 [2], 3 in x1 [3]; sizes must be equal or 1.", ShapeError);
});
test('refuses another number of tensors', () => {
  refuses(() => einsum('i,j', [1]), "einsum: 'i,j': it has 2 terms for 1 tensors; give one per tensor, separated by commas.", ValueError);
  refuses(() => einsum('i,j'), 'einsum: there is nothing to sum; give an equation and at least one tensor.', ValueError);
});
test('refuses a term that does not fit its tensor', () => {
  refuses(() => einsum('ijk', a), "einsum: 'ijk': 'ijk' names 3 axes, x0 [3, 4] has 2; give as many as it has.", ShapeError);
  refuses(() => einsum('ijk...', a), "einsum: 'ijk...': 'ijk...' names 3 axes, x0 [3, 4] has 2; give no more than it has.", ShapeError);
});
test('refuses an output without the ellipsis', () =>
  refuses(() => einsum('...i->i', a), "einsum: '...i->i': axes under ... are not in the output 'i'; put ... there too.", ValueError));
test('refuses what is no equation', () => {
  refuses(() => einsum('i.j', a), "einsum: 'i.j': there is '.' in 'i.j'; a term is letters, and ... once.", ValueError);
  refuses(() => einsum('i->j->k', a), "einsum: 'i->j->k': there are two arrows; give one, or none.", ValueError);
});

test.run();
