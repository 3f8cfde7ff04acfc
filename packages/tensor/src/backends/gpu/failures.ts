/** What goes wrong on a GPU, by name. */
import { BackendError, type HeedError, OutOfMemoryError, ValueError } from '../../errors.js';

/** What kernels find wrong when it is too late to throw: it comes with the next that is read. */
const outOfRange = (who: string) => (index: number, axis: number, n: number): HeedError =>
  new ValueError(`${who}: index ${index} is out of range for axis ${axis} of size ${n}; indices must be in [${-n}, ${n - 1}].`);
const complaints = [outOfRange('gather'), outOfRange('scatterAdd')] as const;

/** What a kernel complained of: who (0: nobody), and three numbers. */
export const complaint = ([who, ...numbers]: Int32Array): HeedError | null => (who ? complaints[who - 1]!(...(numbers as unknown as [number, number, number])) : null);

/** What the device says of a command, where `used` bytes of it are in use. */
export function refusal(error: GPUError, used: number): HeedError {
  const memory = ('GPUOutOfMemoryError' in globalThis && error instanceof GPUOutOfMemoryError) || /out of memory/i.test(error.message);
  return memory
    ? new OutOfMemoryError(`gpu: the device has no room left: ${error.message}; ${used} bytes are in use. Use smaller tensors or batches.`)
    : new BackendError(`gpu: the device refused a command: ${error.message}`);
}
