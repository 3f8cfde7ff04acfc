/** What leaves a program lies where it is wanted: a view, or what is wanted in two places, is copied by a kernel at the end. */
import { copyFamily } from '../backends/js/copy.js';
import { reshapeOp } from '../ops/reshape.js';
import { isContiguous } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { mapTensors, type Node } from './trace.js';
import { isWhole, type Work } from './work.js';

/**
 * Every new value of a variable is all of a buffer that some kernel writes and that no other variable gets, so that it can be written
 * where the variable wants it; every result has its elements in order.
 */
export function land(work: Work): Work {
  const { graph } = work;
  const free = new Set(work.nodes.flatMap(({ outputs }) => outputs.map((y) => graph.bufferOf(y))));
  const copies: Node[] = [];
  const copied = (x: Tensor): Tensor => {
    const y = graph.fresh({ shape: x.shape, dtype: x.dtype });
    copies.push({ op: reshapeOp as Node['op'], a: { shape: x.shape }, call: { family: copyFamily, params: {} }, inputs: [x], outputs: [y] });
    return y;
  };
  const assigns = new Map([...work.assigns].map(([v, x]) => {
    const buffer = graph.bufferOf(x);
    return [v, buffer < 0 || (isWhole(x, graph.buffers[buffer]!.spec.shape) && free.delete(buffer)) ? x : copied(x)];
  }));
  const result = mapTensors(work.result, (x) => (graph.bufferOf(x) < 0 || isContiguous(x.shape, x.strides) ? x : copied(x)));
  return { graph, nodes: [...work.nodes, ...copies], assigns, result };
}
