/** In Node the default backend is wasm; elsewhere (a bundler takes default.browser.ts instead) it stays js. */
import { door } from '../op.js';
import { loaded } from '../use-backend.js';
import { wasmBackend } from './wasm/index.js';

const isNode = typeof process !== 'undefined' && Boolean(process.versions?.node);
if (isNode && door.backend.name === 'js' && typeof WebAssembly !== 'undefined') {
  loaded.set('wasm', wasmBackend);
  door.backend = wasmBackend;
}
