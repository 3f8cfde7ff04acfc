import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AdditiveAttention, Attention, MultiHeadAttention, type MultiHeadAttentionOptions } from '@heed/attention';
import type { Layer } from '@heed/layers';
import { agree, goldens, type Call, type Layers } from '../../layers/goldens/golden.js';

const scores: Call = { returnAttentionScores: true };
const causal: Call = { useCausalMask: true };

/** What Attention and AdditiveAttention are both asked. */
const scored = (name: string, make: () => Layer): Layers => ({
  [name]: make,
  [`${name} key`]: make,
  [`${name} causal`]: () => [make(), { ...causal, ...scores }],
  [`${name} masks`]: () => [make(), scores],
  [`${name} masks and causal`]: () => [make(), causal],
});

const heads = (o: MultiHeadAttentionOptions = {}) => new MultiHeadAttention(2, 3, o);
const masked = (call: Call = {}): Layers[string] => () => [heads(), (golden) => ({ ...call, attentionMask: golden.get('attention_mask') })];

const layers: Layers = {
  ...scored('Attention', () => new Attention()),
  'Attention scaled': () => [new Attention({ useScale: true }), scores],
  ...scored('Attention concat', () => new Attention({ scoreMode: 'concat' })),
  'Attention concat scaled': () => [new Attention({ scoreMode: 'concat', useScale: true }), scores],
  ...scored('AdditiveAttention', () => new AdditiveAttention()),
  'AdditiveAttention without scale': () => [new AdditiveAttention({ useScale: false }), scores],
  MultiHeadAttention: () => heads(),
  'MultiHeadAttention cross': () => heads(),
  'MultiHeadAttention key': () => heads(),
  'MultiHeadAttention scores': () => [heads(), scores],
  'MultiHeadAttention value dim': () => [heads({ valueDim: 4 }), scores],
  'MultiHeadAttention output shape': () => heads({ outputShape: 5 }),
  'MultiHeadAttention without bias': () => heads({ useBias: false }),
  'MultiHeadAttention causal': () => [heads(), causal],
  'MultiHeadAttention causal cross scores': () => [heads(), { ...causal, ...scores }],
  'MultiHeadAttention attention mask': masked(),
  'MultiHeadAttention attention mask for each head': masked(scores),
  'MultiHeadAttention attention mask and causal': masked(causal),
  'MultiHeadAttention value mask': () => heads(),
  'MultiHeadAttention query, value and key masks': () => [heads(), scores],
  'MultiHeadAttention every mask': masked({ ...causal, ...scores }),
};
agree(import.meta.url, 'layers', layers);

const test = suite('goldens: names of the weights of attention layers');
const { cases, facts } = goldens(import.meta.url, 'layers');
for (const [name, make] of Object.entries(layers)) {
  test(`${name} has Keras's weights by Keras's names, in Keras's order`, () => {
    const made = make();
    const layer = (Array.isArray(made) ? made[0] : made) as Layer;
    layer.ensureBuilt(cases.get(name)!.all('x').map((x) => x.shape));
    assert.equal(layer.weights.map((w) => w.name.slice(layer.name.length + 1)), facts[name]);
  });
}
test.run();
