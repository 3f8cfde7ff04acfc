/** The network: an encoder that reads the text both ways, and a decoder that looks at it through attention. */
import { scan } from '@heed/autograd';
import { argmax, concat, expandDims, gather, logSoftmax, matmul, mul, neg, notEqual, oneHot, reshape, slice, stack, sum, tensor, transpose, type Tensor } from '@heed/tensor';
import { BahdanauAttention } from '@heed/attention';
import { Bidirectional, Dense, Embedding, GRU, Layer } from '@heed/layers';
import { ISO_LENGTH, OUTPUT, START } from './alphabet.js';

export interface Sizes {
  readonly alphabet: number;
  readonly embedding: number;
  readonly hidden: number;
}

/** How the decoder weighs the text: by attention, or (to show what attention is worth) evenly. */
export type Looking = 'attention' | 'uniform';

interface Encoded {
  readonly states: Tensor; // [B, T, 2 hidden]
  readonly projected: Tensor; // [B, T, hidden]
  readonly mask: Tensor; // [B, T]
  readonly state: Tensor; // [B, hidden]
}

/**
 * Bidirectional GRU over the characters; a GRU decoder with additive attention (Bahdanau et al. 2015), whose context enters
 * the step and, beside the new state, the output.
 */
export class DateNetwork extends Layer {
  readonly characters: Embedding;
  readonly encoder: Bidirectional;
  readonly bridge: Dense;
  readonly digits: Embedding;
  readonly attention: BahdanauAttention;
  readonly decoder: GRU;
  readonly output: Dense;

  constructor(readonly sizes: Sizes, readonly looking: Looking = 'attention') {
    super({ name: 'dates' });
    const { alphabet, embedding, hidden } = sizes;
    this.characters = new Embedding(alphabet, embedding, { name: 'characters', maskZero: true });
    this.encoder = new Bidirectional(new GRU(hidden, { name: 'encoder', returnSequences: true, returnState: true }));
    this.bridge = new Dense(hidden, { name: 'bridge', activation: 'tanh' });
    this.digits = new Embedding(OUTPUT.length + 1, embedding, { name: 'digits' });
    this.attention = new BahdanauAttention(hidden, { name: 'attention' });
    this.decoder = new GRU(hidden, { name: 'decoder' });
    this.output = new Dense(OUTPUT.length, { name: 'output' });
    this.characters.ensureBuilt([1, 1]);
    this.encoder.ensureBuilt([1, 1, embedding]);
    this.bridge.ensureBuilt([1, 2 * hidden]);
    this.digits.ensureBuilt([1]);
    this.attention.ensureBuilt([[1, hidden], [1, 1, 2 * hidden]]);
    this.decoder.ensureBuilt([1, 1, embedding + 2 * hidden]);
    this.output.ensureBuilt([1, 3 * hidden]);
    this.built = true;
  }

  /** What the decoder needs of a text: read once. */
  encode(inputs: Tensor): Encoded {
    const mask = notEqual(inputs, 0);
    const [states, forward, backward] = this.encoder.apply(this.characters.apply(inputs), { mask }) as [Tensor, Tensor, Tensor];
    return { states, projected: this.attention.project(states), mask, state: this.bridge.apply(concat([forward, backward], { axis: -1 })) as Tensor };
  }

  /** One output character: scores, the next state, and where the decoder looked. */
  private step(previous: Tensor, state: Tensor, { states, projected, mask }: Encoded): { scores: Tensor; state: Tensor; weights: Tensor } {
    const [context, weights] = this.looking === 'attention' ? this.attention.attend(state, states, projected, mask) : evenly(states, mask);
    const [next] = this.decoder.step(this.decoder.project(concat([previous, context], { axis: -1 })), [state]) as [Tensor];
    return { scores: this.output.apply(concat([next, context], { axis: -1 })) as Tensor, state: next, weights };
  }

  /** Scores of all ten characters, each from the true characters before it (teacher forcing): [B, 10, 11]. */
  override call([inputs, targets]: readonly [Tensor, Tensor]): Tensor {
    const encoded = this.encode(inputs);
    const batch = inputs.shape[0]!;
    const before = concat([tensor(new Int32Array(batch).fill(START), { shape: [batch, 1] }), slice(targets, null, [0, ISO_LENGTH - 1])], { axis: 1 });
    const embedded = transpose(this.digits.apply(before) as Tensor, [1, 0, 2]); // [10, B, E]
    const [, scores] = scan((last: Tensor, digit: Tensor) => {
      const { state, scores } = this.step(digit, last, encoded);
      return [state, scores];
    }, encoded.state, embedded);
    return transpose(scores, [1, 0, 2]);
  }

  /** The likeliest character at each step (greedy decoding): ids and their log-probabilities [B, 10], weights [B, 10, T]. */
  decode(inputs: Tensor): { ids: Tensor; logProbabilities: Tensor; weights: Tensor } {
    const encoded = this.encode(inputs);
    const batch = inputs.shape[0]!;
    let previous = tensor(new Int32Array(batch).fill(START));
    let { state } = encoded;
    const [chosen, chances, weights]: [Tensor[], Tensor[], Tensor[]] = [[], [], []];
    for (let t = 0; t < ISO_LENGTH; t++) {
      const step = this.step(gather(this.digits.embeddings.value, previous), state, encoded);
      const log = logSoftmax(step.scores);
      previous = argmax(log, { axis: -1 });
      chosen.push(previous);
      chances.push(log.max({ axis: -1 }));
      weights.push(step.weights);
      state = step.state;
    }
    return { ids: stack(chosen, { axis: 1 }), logProbabilities: stack(chances, { axis: 1 }), weights: stack(weights, { axis: 1 }) };
  }
}

/** The mean of the states that are not padding, and the even weights that give it. */
function evenly(states: Tensor, mask: Tensor): [Tensor, Tensor] {
  const present = mask.cast('float32');
  const weights = present.div(sum(present, { axis: -1, keepDims: true })); // [B, T]
  const context = matmul(expandDims(weights, 1), states); // [B, 1, C]
  return [reshape(context, [context.shape[0]!, context.shape[2]!]), weights];
}

/** Mean cross-entropy per character, and the ids the scores favour. */
export function lossOf(scores: Tensor, targets: Tensor): Tensor {
  const log = logSoftmax(scores);
  return neg(mul(sum(mul(log, oneHot(targets, OUTPUT.length))), 1 / targets.size));
}

