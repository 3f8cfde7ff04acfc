/** @heed/tensor/testing: checkers for ops, of ours and of yours. They throw plain errors and run under any test runner. */
export { atHome, close, type Tolerance } from './close.js';
export { refuses } from './refuses.js';
export { scattered } from './layouts.js';
export { caseOf, checkOp, type Case, type CheckOptions, type Demand, type Sample } from './check-op.js';
export type { GradientOptions } from './check-rules.js';
export { samples as opSamples, type Row as OpSamples } from './samples.js';
