/** Choosing a backend, and asking what runs. */
import { jsBackend, type Backend, type BackendOptions } from './backend.js';
import { BackendError, ValueError } from './errors.js';
import { door, withDoor } from './op.js';
import { shared } from './shared.js';

export type BackendName = 'js' | 'wasm' | 'gpu';

/** Backends that are loaded. */
export const loaded = shared('backends', () => new Map<string, Backend>([['js', jsBackend]]));

function refuse(name: string): never {
  throw new BackendError(`useBackend: there is no backend ${String(name)} here; ${name === 'gpu' ? "load it first with await useBackend('gpu')" : "use 'js', 'wasm' or 'gpu'"}.`);
}

/** Whether the GPU that is asked for is at hand. */
function isThere({ device }: BackendOptions): boolean {
  const now = loaded.get('gpu');
  return Boolean(now && !now.isLost?.() && (device === undefined || (device === 'webgl2') === !now.execute));
}

/** Makes every later computation run on a backend, loading it first. Options that are left out stay as they are. */
export async function useBackend(name: BackendName, options: BackendOptions = {}): Promise<void> {
  const { threads, precision = 'single', device = 'webgpu', budget = 0, copyEvery = 1 } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) throw new ValueError(`useBackend: threads is ${threads}; it must be a whole number from 1 up.`);
  if (device !== 'webgpu' && device !== 'webgl2') throw new ValueError(`useBackend: device is ${String(device)}; use 'webgpu' or 'webgl2', or leave it out for either.`);
  if (!(budget >= 0)) throw new ValueError(`useBackend: budget is ${String(budget)}; it must be a number of bytes >= 0.`);
  if (!(Number.isInteger(copyEvery) && copyEvery > 0)) throw new ValueError(`useBackend: copyEvery is ${String(copyEvery)}; it must be a whole number of steps from 1 up.`);
  if (precision !== 'single' && precision !== 'half') throw new ValueError(`useBackend: precision is ${String(precision)}; use 'single' or 'half'.`);
  if (name === 'gpu' && !isThere(options)) loaded.set(name, await (await import('./backends/gpu/index.js')).openGpu(options));
  if (name === 'wasm' && !loaded.has(name)) loaded.set(name, (await import('./backends/wasm/index.js')).wasmBackend);
  const backend = loaded.get(name) ?? refuse(name);
  const configured = backend.configure?.(options) ?? backend;
  await configured.ready?.(options);
  if (door.backend !== configured) await door.backend.leave?.();
  loaded.set(name, (door.backend = configured));
}

/** Runs `f` on a backend that is loaded. */
export const withBackend = <R>(name: BackendName, f: () => R): R => withDoor({ backend: loaded.get(name) ?? refuse(name) }, f);

/** What computes now, and what it could not and js did instead. */
export const backendInfo = (): Record<string, unknown> => ({
  name: door.backend.name,
  ...door.backend.describe(),
  fallbacks: Object.fromEntries(door.fallbacks),
});
