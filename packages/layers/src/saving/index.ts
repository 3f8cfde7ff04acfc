/** @heed/layers/saving: weights in files. */
export { fromBytes, toBytes } from './safetensors.js';
export { loadWeights, saveWeights, weightsFromBytes, weightsToBytes, writeFileWhole, type Weighted } from './weights.js';
