/** Getting hold of a GPU: the page's, or the npm package `webgpu`'s in Node. */
import { Gpu } from './device.js';
import { hasMatrices } from './matrices.js';

const isNode = typeof process !== 'undefined' && Boolean(process.versions?.node);

/** What Dawn lets us have in Node only if it is told to; unknown names are ignored. */
const toggles = ['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,use_vulkan_memory_model'];

/** The entry to WebGPU, and what was tried to find it. */
async function entry(tried: string[]): Promise<GPU | null> {
  const own = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (own) return own;
  tried.push('navigator.gpu is not there');
  if (!isNode) return null;
  try {
    const name = 'webgpu'; // a bundler must not look for it
    const { create, globals } = (await import(/* @vite-ignore */ name)) as { create(flags: string[]): GPU; globals: object };
    Object.assign(globalThis, globals);
    return create(toggles);
  } catch (error) {
    tried.push(`the npm package webgpu is not there either (npm install webgpu): ${(error as Error).message.split('\n')[0]}`);
    return null;
  }
}

/** Features that kernels use where they are; asked for only if the adapter has them. */
const wantedFeatures = ['shader-f16', 'subgroups', 'timestamp-query', 'chromium-experimental-subgroup-matrix'] as const;
const wantedLimits = [
  'maxStorageBufferBindingSize', 'maxBufferSize', 'maxStorageBuffersPerShaderStage', 'maxComputeWorkgroupStorageSize', 'maxComputeInvocationsPerWorkgroup', 'maxComputeWorkgroupSizeX',
] as const;

export const isSoftware = (info: GPUAdapterInfo): boolean =>
  Boolean((info as { isFallbackAdapter?: boolean }).isFallbackAdapter) || /swiftshader|llvmpipe|lavapipe|software|warp/i.test(`${info.architecture} ${info.device} ${info.description}`);

/** A device with all that the adapter has of what we use; null, and another line in `tried`, where there is none. */
export async function acquire(tried: string[]): Promise<Gpu | null> {
  const gpu = await entry(tried);
  let adapter: GPUAdapter | null = null;
  if (gpu) {
    adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) tried.push('WebGPU has no adapter here (no driver, or switched off)');
  }
  if (!adapter) return null;
  const { features, limits } = adapter;
  const device = await adapter.requestDevice({
    requiredFeatures: wantedFeatures.filter((f) => features.has(f)) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, limits[name]])),
  });
  const found = new Gpu(device, adapter.info);
  found.teams = !isSoftware(adapter.info);
  found.matrices = hasMatrices(found);
  return found;
}
