/** The devices that engines compute on, and what they complain of. */
import { door } from '@heed/tensor';
import type { GpuBackend } from '../../packages/tensor/src/backends/gpu/index.js';

/** heed's backend, which must be the GPU by now. */
export function heedDevice(): GpuBackend {
  const backend = door.backend as unknown as GpuBackend;
  if (backend.name !== 'gpu' || !backend.gpu) throw new Error(`heed computes on ${backend.name}, not with WebGPU`);
  return backend;
}

/** Waits until a device has done all that it was given, and throws what it refused. */
export function waiting(device: GPUDevice): () => Promise<void> {
  let refused = '';
  device.addEventListener('uncapturederror', (event) => {
    refused ||= (event as GPUUncapturedErrorEvent).error.message;
    event.preventDefault();
  });
  return async () => {
    await device.queue.onSubmittedWorkDone();
    const message = refused.split('\n')[0];
    refused = '';
    if (message) throw new Error(`its device refused a command: ${message}`);
  };
}
