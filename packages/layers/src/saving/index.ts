/** @heed/layers/saving: models and weights in files. */
export { loadModel, modelFromBytes, modelFromConfig, modelToBytes, modelToConfig, saveModel, withClasses, type LoadOptions } from './model.js';
export { fromBytes, toBytes } from './safetensors.js';
export { loadWeights, saveWeights, weightsFromBytes, weightsToBytes, writeFileWhole, type Weighted } from './weights.js';
