/** @heed/attention: soft attention, and what shows where it looks. */
export { Attention, AdditiveAttention, type AttentionCallOptions, type AttentionLayerOptions } from './attention.js';
export { BahdanauAttention } from './bahdanau.js';
export { beam, greedy, type BeamOptions, type Decoded, type GreedyOptions, type Step, type StepOutput } from './decoding.js';
export { causalMask, paddingMask, type CausalAlign } from './masks.js';
export { MultiHeadAttention, type MultiHeadAttentionOptions, type MultiHeadCallOptions } from './multi-head-attention.js';
export { PositionEmbedding, sinusoidalPositions } from './positions.js';
export { scaledDotProductAttention, type AttentionOptions } from './scaled-dot-product-attention.js';
export { TransformerDecoder, TransformerEncoder, type TransformerDecoderCallOptions, type TransformerEncoderCallOptions, type TransformerOptions } from './transformer.js';
export * from './heatmap.js';
