/** In a browser the default backend is js, until `await useBackend('wasm')` loads the other. */
export {};
