import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, gather, matmul, mul, ones, random, slice, tensor, type Tensor } from '@heed/tensor';
import { refuses } from '@heed/tensor/testing';
import { beam, greedy, type Decoded, type Step } from './index.js';

const test = suite('decoding');
const [V, H, EOS] = [4, 3, 3];
const [embedding, recurrent, output, begin] = [[V, H], [H, H], [H, V], [2, H]].map((shape, i) => random.normal(shape, { seed: i + 5 }).mul(1.5)) as [Tensor, Tensor, Tensor, Tensor];

interface State { readonly h: Tensor; readonly calls: number }
/** A small recurrent network; its state follows each sequence. */
const step: Step<State> = (tokens, { h, calls }) => {
  const next = add(gather(embedding, slice(tokens, null, -1)), matmul(h, recurrent)).tanh();
  return { logits: matmul(next, output), state: { h: next, calls: calls + 1 } };
};
const initial: State = { h: begin, calls: 0 };

/** All sequences of at most n tokens of sample b, by the same network in plain numbers. */
function all(b: number, n: number): Decoded[] {
  const [e, r, w] = [embedding, recurrent, output].map((t) => t.toArray() as number[][]) as [number[][], number[][], number[][]];
  const grow = (tokens: number[], h: number[], logProbability: number): Decoded[] => {
    if (tokens.length === n) return [{ tokens, logProbability, finished: false }];
    const next = h.map((_, j) => Math.tanh(e[tokens[tokens.length - 1] ?? 0]![j]! + h.reduce((a, x, i) => a + x * r[i]![j]!, 0)));
    const logits = w[0]!.map((_, j) => next.reduce((a, x, i) => a + x * w[i]![j]!, 0));
    const total = Math.log(logits.reduce((a, x) => a + Math.exp(x), 0));
    return logits.flatMap((x, token): Decoded[] => {
      const p = logProbability + x - total;
      return token === EOS ? [{ tokens, logProbability: p, finished: true }] : grow([...tokens, token], next, p);
    });
  };
  return grow([], (begin.toArray() as number[][])[b]!, 0).sort((x, y) => y.logProbability - x.logProbability);
}
const near = (found: Decoded, wanted: Decoded) => {
  assert.equal([found.tokens, found.finished], [wanted.tokens, wanted.finished]);
  assert.ok(Math.abs(found.logProbability - wanted.logProbability) < 1e-4, `${found.logProbability}, ${wanted.logProbability}`);
};

test('a beam wide enough finds every sequence, best first', async () => {
  const found = await beam(step, initial, { maxLength: 3, beamSize: 64, eos: EOS });
  [0, 1].forEach((b) => {
    const wanted = all(b, 3);
    assert.is(found[b]!.length, wanted.length);
    found[b]!.forEach((f, i) => near(f, wanted[i]!));
  });
});

test('the probabilities of all sequences sum to 1', async () => {
  for (const hypotheses of await beam(step, initial, { maxLength: 4, beamSize: 256, eos: EOS })) {
    const total = hypotheses.reduce((sum, h) => sum + Math.exp(h.logProbability), 0);
    assert.ok(Math.abs(total - 1) < 1e-5, `${total}`);
  }
});

test('greedy is a beam of one', async () => {
  const [one, two] = [await greedy(step, initial, { maxLength: 6, eos: EOS }), await beam(step, initial, { maxLength: 6, eos: EOS, beamSize: 1 })];
  assert.equal(one, two.map(([best]) => best));
});

test('a beam finds what greed misses', async () => {
  // From the start: 1 with p = 0.6, 2 with p = 0.4. After 1 all four tokens are alike; after 2 comes 3 for sure.
  const table = tensor([[-Infinity, Math.log(0.6), Math.log(0.4), -Infinity], [0, 0, 0, 0], [-Infinity, -Infinity, -Infinity, 0], [0, 0, 0, 0]]);
  const next: Step<null> = (tokens) => ({ logits: gather(table, slice(tokens, null, -1)) });
  const [greed] = await greedy(next, null, { maxLength: 2 });
  near(greed!, { tokens: [1, 0], logProbability: Math.log(0.15), finished: false });
  const [[best]] = (await beam(next, null, { maxLength: 2, beamSize: 2 })) as [[Decoded]];
  near(best, { tokens: [2, 3], logProbability: Math.log(0.4), finished: false });
});

test('each sample ends by itself, and rows that ended are not run on', async () => {
  // Sample b writes its state down to 0, the end.
  const rows: number[] = [];
  const count: Step<Tensor> = (tokens, left) => {
    rows.push(tokens.shape[0]!);
    const places = tensor([[0, 1, 2, 3]]);
    return { logits: mul(add(places, mul(left, -1)).square(), -50), state: add(left, -1) };
  };
  const found = await greedy(count, tensor([[3], [1], [2]]), { maxLength: 9, eos: 0, start: 2 });
  assert.equal(found.map((f) => f.tokens), [[3, 2, 1], [1], [2, 1]]);
  assert.ok(found.every((f) => f.finished));
  assert.equal(rows, [3, 3, 2, 1]);
});

test('the step sees the start token and all tokens since', async () => {
  const seen: unknown[] = [];
  await greedy((tokens) => {
    seen.push(tokens.toArray());
    return { logits: tensor([[0, 0, 1]]) };
  }, {}, { maxLength: 3, start: 1 });
  assert.equal(seen, [[[1]], [[1, 2]], [[1, 2, 2]]]);
});

test('refuses lengths that are none, states of several batches, strange logits', async () => {
  const of = (logits: Tensor) => () => ({ logits });
  await refusesLater(greedy(of(ones([1, 2])), null, { maxLength: NaN }), 'greedy: maxLength is NaN; it must be a whole number >= 0.');
  await refusesLater(beam(of(ones([1, 2])), null, { maxLength: 1, beamSize: 0 }), 'beam: beamSize is 0; it must be a whole number >= 1.');
  await refusesLater(beam(of(ones([1, 2])), [ones([2, 1]), ones([3])], { maxLength: 1 }), 'beam: state [2, 1] and [3]; the first axis of every tensor in the state must be the batch.');
  await refusesLater(greedy(of(ones([2])), null, { maxLength: 1 }), 'greedy: step gave logits [2] for 1 rows; expected [1, V].');
  await refusesLater(greedy(of(tensor([[0, NaN]])), null, { maxLength: 1 }), 'greedy: the logit of token 1 is NaN; logits must be finite, or -Infinity for a token that may not come.');
  await refusesLater(greedy(of(tensor([[-Infinity, -Infinity]])), null, { maxLength: 1 }), 'greedy: no token may come next, all logits are -Infinity; leave at least one.');
});
async function refusesLater(promise: Promise<unknown>, message: string): Promise<void> {
  const error = await promise.then(() => null, (e: unknown) => e);
  refuses(() => {
    if (error) throw error;
  }, message);
}
test.run();
