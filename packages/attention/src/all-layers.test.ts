import { suite } from 'uvu';
import { tensor } from '@heed/tensor';
import { scattered } from '@heed/tensor/testing';
import { checkLayer, type CheckLayerOptions, type LayerSample, type Maker } from '@heed/layers/testing';
import { AdditiveAttention, Attention, BahdanauAttention, MultiHeadAttention, PositionEmbedding, TransformerDecoder, TransformerEncoder } from './index.js';

const test = suite('every layer of attention');
const queryMask = tensor([[true, true, false], [true, false, false]]);
const valueMask = tensor([[true, true, false, true], [true, false, false, true]]);
const [query, value, key] = [scattered([2, 3, 4]), scattered([2, 4, 4], -2, 2, 2), scattered([2, 4, 4], -2, 2, 3)];
const masked = { x: [query, value], mask: [queryMask, valueMask] };
/** The weights, unlike the output, have no mask of their own to hide the rows of padded queries. */
const padded = { x: [query, value], mask: [null, valueMask] };
const anyChannels = { 'last axis': 'no weight has the size of one' };
const useless = 'it adds the same to all scores of a query';
const blocks = { intermediateDim: 5, numHeads: 2, activation: 'tanh' };
const projections = (of: number, from: number, out: number) => Object.fromEntries([
  ['query/kernel', [of, 2, 3]], ['query/bias', [2, 3]], ['key/kernel', [from, 2, 3]], ['key/bias', [2, 3]],
  ['value/kernel', [from, 2, 3]], ['value/bias', [2, 3]], ['attention_output/kernel', [2, 3, out]], ['attention_output/bias', [out]],
]);

const rows: [string, Maker, readonly LayerSample[], CheckLayerOptions?][] = [
  ['Attention', (o) => new Attention({ ...o, useScale: true }), [masked, [query, value, key]], { weights: { scale: [] }, without: anyChannels }],
  ['Attention by a sum', (o) => new Attention({ ...o, scoreMode: 'concat', useScale: true }), [masked], { weights: { scale: [], concat_score_weight: [] }, without: anyChannels }],
  ['Attention with dropout', (o) => new Attention({ ...o, dropout: 0.4, seed: 4 }), [{ ...padded, options: { useCausalMask: true, returnAttentionScores: true } }], { training: true }],
  ['AdditiveAttention', (o) => new AdditiveAttention(o), [masked, [query, value, key]], { weights: { scale: [4] } }],
  ['BahdanauAttention', (o) => new BahdanauAttention(3, o), [padded], { weights: { query_kernel: [4, 3], key_kernel: [4, 3], scale: [3, 1] } }],
  ['MultiHeadAttention', (o) => new MultiHeadAttention(2, 3, { ...o, kernelRegularizer: 'l2' }), [[query, scattered([2, 4, 5])]], { weights: projections(4, 5, 4), unused: { 'key/bias': useless }, without: { masks: 'the next row has them' } }],
  ['MultiHeadAttention with masks', (o) => new MultiHeadAttention(2, 3, { ...o, valueDim: 2, outputShape: 5, useBias: false }), [masked], { }],
  ['MultiHeadAttention with dropout', (o) => new MultiHeadAttention(2, 3, { ...o, dropout: 0.4, seed: 4 }), [{ ...padded, options: { useCausalMask: true, returnAttentionScores: true } }], { training: true, unused: { 'key/bias': useless } }],
  ['PositionEmbedding', (o) => new PositionEmbedding(5, o), [query, { x: query, mask: queryMask }], { weights: { embeddings: [5, 4] } }],
  ['TransformerEncoder', (o) => new TransformerEncoder({ ...o, ...blocks }), [query, { x: query, mask: queryMask }], { unused: { 'self_attention_layer/key/bias': useless } }],
  ['TransformerEncoder that normalizes first', (o) => new TransformerEncoder({ ...o, ...blocks, normalizeFirst: true, dropout: 0.3, seed: 3 }), [{ x: query, mask: queryMask, options: { returnAttentionScores: true } }], { training: true, unused: { 'self_attention_layer/key/bias': useless } }],
  ['TransformerDecoder', (o) => new TransformerDecoder({ ...o, ...blocks }), [query, { x: query, mask: queryMask }], { unused: { 'self_attention/key/bias': useless } }],
  ['TransformerDecoder with an encoder', (o) => new TransformerDecoder({ ...o, ...blocks, normalizeFirst: true, dropout: 0.3, seed: 3 }), [masked], {
    training: true, unused: { 'self_attention/key/bias': useless, 'cross_attention/key/bias': useless },
  }],
];
for (const [title, make, samples, o] of rows) test(`${title} holds the laws of every layer`, () => checkLayer(make, samples, o));
test.run();
