/** Training in a worker, for page.ts. */
import { useBackend } from '@heed/tensor';
import type { BackendName } from '@heed/tensor/use-backend';
import { losses } from './exercises.js';

export async function train({ data: { name, steps, backend } }: MessageEvent<{ name: string; steps: number; backend: BackendName }>): Promise<void> {
  await useBackend(backend);
  postMessage(await losses(name, steps));
}
