/** What leaves a program lies where it is wanted: a view, or what is wanted in two places, is copied by a kernel at the end. */
import { copyFamily } from '../backends/js/copy.js';
import { reshapeOp } from '../ops/reshape.js';
import { isContiguous } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { mapTensors, type Graph, type Node } from './trace.js';
import { isWhole, type Work } from './work.js';

/** A kernel that copies a tensor, and the copy. */
export function copyOf(x: Tensor, graph: Graph): { node: Node; y: Tensor } {
  const y = graph.fresh({ shape: x.shape, dtype: x.dtype });
  return { node: { op: reshapeOp as Node['op'], a: { shape: x.shape }, call: { family: copyFamily, params: {} }, inputs: [x], outputs: [y] }, y };
}

/** Which tensors are all of a buffer that some kernel writes, each buffer once: they can be written wherever they are wanted. */
export function claims({ graph, nodes }: Work): (x: Tensor) => boolean {
  const free = new Set(nodes.flatMap(({ outputs }) => outputs.map((y) => graph.bufferOf(y))));
  return (x) => isWhole(x, graph.buffers[graph.bufferOf(x)]?.spec.shape ?? []) && free.delete(graph.bufferOf(x));
}

/** Every new value of a variable is all of a buffer that no other variable gets; every result has its elements in order. */
export function land(work: Work): Work {
  const { graph } = work;
  const claim = claims(work);
  const copies: Node[] = [];
  const copied = (x: Tensor): Tensor => {
    const { node, y } = copyOf(x, graph);
    copies.push(node);
    return y;
  };
  const assigns = new Map([...work.assigns].map(([v, x]) => [v, graph.bufferOf(x) < 0 || claim(x) ? x : copied(x)]));
  const result = mapTensors(work.result, (x) => (graph.bufferOf(x) < 0 || isContiguous(x.shape, x.strides) ? x : copied(x)));
  return { graph, nodes: [...work.nodes, ...copies], assigns, result };
}
