/** Writing a sequence token by token: greedy and beam search. */
import { gather, isTensor, ShapeError, tensor, ValueError, type Tensor } from '@heed/tensor';

/**
 * One step of a decoder: the tokens so far, int32 [N, t] with the start token first, and the state give the logits [N, V] of the
 * next token and the next state (the same one, if none is returned).
 */
export type Step<S> = (tokens: Tensor, state: S) => StepOutput<S> | Promise<StepOutput<S>>;
export interface StepOutput<S> {
  readonly logits: Tensor;
  readonly state?: S;
}

export interface GreedyOptions {
  /** Most tokens in a sequence, the end token among them. */
  readonly maxLength: number;
  /** The token that ends a sequence; without it every sequence has maxLength tokens. */
  readonly eos?: number;
  /** The token before the first; 0 by default. */
  readonly start?: number;
}
export interface BeamOptions extends GreedyOptions {
  /** How many sequences are kept for each sample; 4 by default. */
  readonly beamSize?: number;
}

/** A sequence without its start and end tokens. */
export interface Decoded {
  readonly tokens: number[];
  /** Sum of log p over the tokens, the end token among them. */
  readonly logProbability: number;
  /** Whether the end token was written. */
  readonly finished: boolean;
}
interface Hypothesis extends Decoded {
  /** Its row in the state. */
  readonly row: number;
}

/** The tensors in a state: a tensor, or arrays and objects of them. */
function leaves(state: unknown): Tensor[] {
  if (isTensor(state)) return [state as Tensor];
  return typeof state === 'object' && state !== null ? Object.values(state).flatMap(leaves) : [];
}

/** The state with these rows of every tensor. */
function pick<S>(state: S, rows: readonly number[]): S {
  if (isTensor(state)) return gather(state as Tensor, tensor(Int32Array.from(rows))) as S;
  if (Array.isArray(state)) return state.map((v) => pick(v, rows)) as S;
  if (typeof state !== 'object' || state === null) return state;
  return Object.fromEntries(Object.entries(state).map(([k, v]) => [k, pick(v, rows)])) as S;
}

function batchOf(who: string, state: unknown): number {
  const tensors = leaves(state);
  const [first] = tensors;
  const strange = tensors.find((t) => !t.rank || t.shape[0] !== first!.shape[0]);
  if (strange) throw new ShapeError(`${who}: state [${first!.shape.join(', ')}] and [${strange.shape.join(', ')}]; the first axis of every tensor in the state must be the batch.`);
  return first ? first.shape[0]! : 1;
}

/** The `count` largest of the log probabilities of one row, largest first, the lower token first where two are equal. */
function best(who: string, logits: ArrayLike<number>, from: number, size: number, count: number): { token: number; logProbability: number }[] {
  let top = -Infinity;
  for (let i = 0; i < size; i++) {
    const v = logits[from + i]!;
    if (Number.isNaN(v) || v === Infinity) throw new ValueError(`${who}: the logit of token ${i} is ${v}; logits must be finite, or -Infinity for a token that may not come.`);
    if (v > top) top = v;
  }
  if (top === -Infinity) throw new ValueError(`${who}: no token may come next, all logits are -Infinity; leave at least one.`);
  let total = 0;
  for (let i = 0; i < size; i++) total += Math.exp(logits[from + i]! - top);
  const shift = top + Math.log(total);
  const kept: { token: number; logProbability: number }[] = [];
  for (let token = 0; token < size; token++) {
    const logProbability = logits[from + token]! - shift;
    if (logProbability === -Infinity || (kept.length === count && logProbability <= kept[count - 1]!.logProbability)) continue;
    const at = kept.findIndex((k) => k.logProbability < logProbability);
    kept.splice(at < 0 ? kept.length : at, 0, { token, logProbability });
    if (kept.length > count) kept.pop();
  }
  return kept;
}

async function search<S>(who: string, step: Step<S>, initial: S, { maxLength, eos, start = 0 }: GreedyOptions, beamSize: number): Promise<Decoded[][]> {
  const whole = (name: string, n: number, least: number) => {
    if (!Number.isInteger(n) || n < least) throw new ValueError(`${who}: ${name} is ${n}; it must be a whole number >= ${least}.`);
  };
  whole('maxLength', maxLength, 0);
  whole('beamSize', beamSize, 1);
  whole('start', start, 0);
  if (eos !== undefined) whole('eos', eos, 0);
  let rows = batchOf(who, initial);
  let state = initial;
  let beams: Hypothesis[][] = Array.from({ length: rows }, (_, row) => [{ tokens: [], logProbability: 0, finished: false, row }]);
  for (let t = 0; t < maxLength; t++) {
    const live = beams.flat().filter((h) => !h.finished);
    if (!live.length) break;
    if (live.length !== rows || live.some((h, n) => h.row !== n)) state = pick(state, live.map((h) => h.row));
    rows = live.length;
    const output = await step(tensor(Int32Array.from(live.flatMap((h) => [start, ...h.tokens])), { shape: [rows, t + 1] }), state);
    const { logits } = output;
    if (logits.rank !== 2 || logits.shape[0] !== rows) throw new ShapeError(`${who}: step gave logits [${logits.shape.join(', ')}] for ${rows} rows; expected [${rows}, V].`);
    state = output.state ?? state;
    const size = logits.shape[1]!;
    const values = await logits.read();
    let row = -1;
    beams = beams.map((beam) => {
      const candidates = beam.flatMap((h): Hypothesis[] => {
        if (h.finished) return [h];
        row++;
        return best(who, values, row * size, size, beamSize).map(({ token, logProbability }) => ({
          tokens: token === eos ? h.tokens : [...h.tokens, token], logProbability: h.logProbability + logProbability, finished: token === eos, row,
        }));
      });
      return candidates.sort((a, b) => b.logProbability - a.logProbability).slice(0, beamSize);
    });
  }
  return beams.map((beam) => beam.map(({ tokens, logProbability, finished }) => ({ tokens: [...tokens], logProbability, finished })));
}

/**
 * Writes the most probable token at each step, for each sample of the batch.
 *
 * The batch is the first axis of every tensor in the state; a state without tensors stands for one sample.
 */
export const greedy = async <S>(step: Step<S>, state: S, o: GreedyOptions): Promise<Decoded[]> =>
  (await search('greedy', step, state, o, 1)).map(([only]) => only!);

/**
 * Keeps the `beamSize` most probable beginnings at each step; gives them for each sample, best first. The score is the sum of the
 * log probabilities, without a reward for length.
 *
 * Source: Graves 2012, "Sequence Transduction with Recurrent Neural Networks"; Sutskever et al. 2014.
 */
export const beam = <S>(step: Step<S>, state: S, { beamSize = 4, ...o }: BeamOptions): Promise<Decoded[][]> =>
  search('beam', step, state, o, beamSize);
