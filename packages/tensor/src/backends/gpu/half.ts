/** Whether a device that says it computes in 16 bits does so: no kernel is used that has not been right here once. */
import { fromData } from '../../tensor.js';
import { BackendError } from '../../errors.js';
import { matmulFamily } from '../js/matmul.js';
import type { Queue } from './queue.js';

const n = 128;

/** Compares a product whose operands are rounded to 16 bits with the same in 32, by tiles and by the device's matrices; refuses 16 bits where they are far apart, and the matrices where they are. */
export async function checkHalf(queue: Queue): Promise<void> {
  const { gpu } = queue;
  const wave = (step: number) => fromData(Float32Array.from({ length: n * n }, (_, i) => Math.sin(step * i)), [n, n], 'float32');
  const [a, b] = [wave(0.7), wave(1.3)];
  const { matrices } = gpu;
  const product = (half: boolean, cores = false): Promise<ArrayLike<number>> => {
    [gpu.half, gpu.matrices] = [half, cores];
    const [y] = queue.execute({ family: matmulFamily, params: {} }, [a, b], [{ shape: [n, n], dtype: 'float32' }]);
    queue.flush();
    return y!.read();
  };
  let [right, cores] = [false, false];
  try {
    const single = Array.from(await product(false));
    const near = (other: ArrayLike<number>): boolean => single.every((v, i) => Math.abs(v - other[i]!) < 0.05);
    right = near(await product(true));
    cores = right && matrices && near(await product(true, true));
  } finally {
    [gpu.half, gpu.matrices] = [right, cores];
  }
  if (!right) throw new BackendError("useBackend: this GPU computes something else in 16 bits than in 32; use precision 'single'.");
}
