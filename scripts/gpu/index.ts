/** WebGPU for Node, as the tests and our own commands get it: the npm package installed beside this file, and a software adapter where Chromium brings one. */
import { existsSync, mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { door, useBackend } from '@heed/tensor';
import type { GpuBackend } from '@heed/tensor/backends/gpu';
import { findChromium } from '../browser.js';

/** Lets the Vulkan loader find SwiftShader, where nothing else was named and Chromium has it. */
function offerSwiftShader(): void {
  const driver = ['/usr/lib/chromium', dirname(findChromium() ?? '/')].map((path) => join(path, 'vk_swiftshader_icd.json')).find((path) => existsSync(path));
  if (driver && !process.env.VK_ICD_FILENAMES && !process.env.VK_DRIVER_FILES && !existsSync('/dev/nvidia0') && !existsSync('/dev/dri')) process.env.VK_ICD_FILENAMES = driver;
  process.env.XDG_RUNTIME_DIR ??= mkdtempSync(join(tmpdir(), 'heed-gpu-'));
}

/** Where the npm package webgpu is: beside this file, or, for a bundle on another machine, where the running program finds it (NODE_PATH, node_modules). */
function findWebGpu(): string | null {
  const beside = new URL('node_modules/webgpu/index.js', import.meta.url);
  if (existsSync(fileURLToPath(beside))) return beside.href;
  try {
    return pathToFileURL(createRequire(process.argv[1]!).resolve('webgpu')).href;
  } catch {
    return null;
  }
}

/** WebGPU with these switches of Dawn's; null where it is not installed. */
async function open(flags: string[]): Promise<GPU | null> {
  const address = findWebGpu();
  if (!address) return null;
  const { create, globals } = (await import(address)) as { create(flags: string[]): GPU; globals: object };
  Object.assign(globalThis, globals);
  return create(flags);
}

/** Puts WebGPU where `useBackend('gpu')` looks for it. Gives why there is none, or null. */
export async function provideGpu(): Promise<string | null> {
  if ((globalThis.navigator as Navigator | undefined)?.gpu) return null;
  offerSwiftShader();
  const gpu = await open(['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,use_vulkan_memory_model']);
  if (!gpu) return 'the npm package webgpu is not installed (node scripts/install.mjs --gpu)';
  if (!(await gpu.requestAdapter())) return 'WebGPU has no adapter here (apt-get install chromium libvulkan1 brings a software one)';
  // Node's own from 21 on, whose other properties some libraries read.
  if (globalThis.navigator) Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  else Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  return null;
}

/** A GPU that computes nothing but has every feature, and refuses shaders that are not right: for those that no adapter here can run. */
export const nothingGpu = (): Promise<GPU | null> => open(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

/** Computes on the GPU from now on, with kernels in which threads work together (or none, as `teams` says), whatever the adapter. Gives why there is none, or null. */
export async function useKernels(teams = true): Promise<string | null> {
  const missing = await provideGpu();
  if (missing) return missing;
  await useBackend('gpu');
  door.fallbacks.clear(); // of tests that ran before in this process
  (door.backend as GpuBackend).gpu.teams = teams;
  return null;
}
