import { Bidirectional, GRU, LSTM, SimpleRNN, type LSTMOptions, type MergeMode, type Recurrent, type RecurrentOptions } from '@heed/layers';
import { agree, type Layers } from './golden.js';

/** What every recurrent layer is asked. */
function cases(name: string, make: (units: number, o?: RecurrentOptions) => Recurrent): Layers {
  const gates = name === 'SimpleRNN' ? {} : { recurrentActivation: 'tanh' };
  const all: Record<string, RecurrentOptions> = {
    '': {},
    ' sequences': { returnSequences: true },
    ' without bias': { useBias: false },
    ' other activations': { activation: 'softplus', ...gates },
    ' backwards': { goBackwards: true, returnSequences: true, returnState: true },
    ' state': { returnState: true },
    ' left padding': { returnSequences: true, returnState: true },
    ' right padding': { returnState: true },
    ' middle padding': { returnSequences: true },
    ' padding backwards': { returnSequences: true, goBackwards: true },
    ' padding and state': { returnSequences: true, returnState: true },
  };
  return Object.fromEntries(Object.entries(all).map(([title, o]) => [`${name}${title}`, () => make(2, o)]));
}

const lstm = (o: LSTMOptions = {}) => new LSTM(2, o);
const modes: readonly [string, MergeMode][] = [['concat', 'concat'], ['sum', 'sum'], ['ave', 'ave'], ['mul', 'mul'], ['None', null]];
const merged: Layers = Object.fromEntries(modes.map(([title, mergeMode]) => [`Bidirectional ${title}`, () => new Bidirectional(lstm(), { mergeMode })]));
const mergedSequences: Layers = Object.fromEntries(modes.filter(([title]) => ['concat', 'mul', 'None'].includes(title))
  .map(([title, mergeMode]) => [`Bidirectional ${title} sequences`, () => new Bidirectional(lstm({ returnSequences: true }), { mergeMode })]));

agree(import.meta.url, 'recurrent', {
  ...cases('SimpleRNN', (units, o) => new SimpleRNN(units, o)),
  ...cases('LSTM', (units, o) => new LSTM(units, o)),
  ...cases('GRU', (units, o) => new GRU(units, o)),
  ...cases('GRU reset before', (units, o) => new GRU(units, { ...o, resetAfter: false })),
  ...merged,
  ...mergedSequences,
  'Bidirectional state': () => new Bidirectional(lstm({ returnState: true })),
  'Bidirectional sequences state': () => new Bidirectional(new GRU(2, { returnSequences: true, returnState: true }), { mergeMode: null }),
  'Bidirectional mask': () => new Bidirectional(new GRU(2)),
  'Bidirectional sequences mask': () => new Bidirectional(lstm({ returnSequences: true })),
  'Bidirectional sequences state mask': () => new Bidirectional(lstm({ returnSequences: true, returnState: true })),
  'Bidirectional two layers': () => new Bidirectional(new SimpleRNN(2), { backwardLayer: new SimpleRNN(3, { goBackwards: true }) }),
});
