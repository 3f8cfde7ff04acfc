/** @heed/attention: soft attention, and what shows where it looks. */
export { BahdanauAttention } from './bahdanau.js';
export * from './heatmap.js';
