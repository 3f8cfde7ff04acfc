/** Whether work on ordinary arrays is worth copying into the heap and back. */
import type { Call, View } from '../../backend.js';
import { bytesPer } from '../../dtype.js';
import { isContiguous, sizeOf } from '../../shape.js';
import { mapCost } from './map.js';

/** Nanoseconds, measured on one core of a 2021 server (Zen 3, Node 20): per byte copied in or out, and per call. */
const perByte = 0.12;
const perCall = 4000;

const bytesOf = (view: View): number => sizeOf(view.shape) * bytesPer[view.dtype];

/** Estimated nanoseconds in js and in wasm, without copies. */
function estimate({ family, params }: Call, inputs: readonly View[], outputs: readonly View[]): { js: number; wasm: number } {
  const size = sizeOf(outputs[0].shape);
  switch (family.name) {
    case 'map': {
      const { js, wasm } = mapCost(params.roots);
      return { js: js * size, wasm: wasm * size };
    }
    case 'matmul': {
      const work = size * inputs[0].shape[inputs[0].shape.length - 1];
      return { js: work * 2, wasm: work * 0.06 };
    }
    case 'reduce': {
      const work = sizeOf(inputs[0].shape);
      return { js: work * 3, wasm: work * 0.15 };
    }
    case 'random': return params.kind === 'normal' ? { js: size * 65, wasm: size * 18 } : { js: size * 35, wasm: size * 7 };
    case 'gather': case 'scatterAdd': {
      // In js every operand is copied first.
      const work = [...inputs, ...outputs].reduce((sum, x) => sum + sizeOf(x.shape), 0);
      return { js: work * 4, wasm: work * 0.4 };
    }
    case 'sort': return { js: size * 20 * Math.log2(1 + inputs[0].shape[params.axis]), wasm: size * 12 };
    case 'rows': return { js: size * 35, wasm: size * 1.8 };
    case 'copy': return isContiguous(inputs[0].shape, inputs[0].strides) ? { js: 0, wasm: 1 } : { js: size * 4, wasm: size * 0.7 };
    default: return { js: 0, wasm: 1 };
  }
}

/** Whether a call on operands of which `outside` lie in ordinary arrays is quicker here than in js. */
export function worthStaging(call: Call, inputs: readonly View[], outputs: readonly View[], outside: readonly View[] = [...inputs, ...outputs]): boolean {
  if (call.family.fusedOnly) return true;
  const { js, wasm } = estimate(call, inputs, outputs);
  if (js < perCall) return false;
  let bytes = 0;
  for (const view of outside) bytes += bytesOf(view);
  return js > wasm + bytes * perByte + perCall;
}
