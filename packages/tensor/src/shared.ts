/** State that all loaded copies of the package share (one bundled into a library, one imported beside it). */

/** The object of this name, made by whoever asks first. */
export function shared<T extends object>(name: string, make: () => T): T {
  const global = globalThis as unknown as Record<symbol, T | undefined>;
  return (global[Symbol.for(`heed.${name}`)] ??= make());
}
