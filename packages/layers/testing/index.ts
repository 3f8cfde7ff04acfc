/** @heed/layers/testing: a checker for layers, of ours and of yours. It throws plain errors and runs under any test runner. */
export { checkLayer, type CheckLayerOptions, type Law, type LayerSample, type Maker } from './check-layer.js';
export { registerLayer, setRandomSeed } from '../src/index.js';
