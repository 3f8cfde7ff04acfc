/** jit: traced once, replayed. (The first form: being written.) */
export const jit = <F>(f: F): F => f;
