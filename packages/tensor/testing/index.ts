/** @heed/tensor/testing: checkers for ops, of ours and of yours. They throw plain errors and run under any test runner. */
export { close, type Tolerance } from './close.js';
export { refuses } from './refuses.js';
export { checkOp, type CheckOptions, type Demand, type Sample } from './check-op.js';
