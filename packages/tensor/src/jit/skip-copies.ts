/** Copies that only matrix products read, as those of a convolution's windows, are not made where the backend's products read what was to be copied. */
import { copyFamily } from '../backends/js/copy.js';
import { matmulFamily, type MatmulParams } from '../backends/js/matmul.js';
import { door } from '../op.js';
import { Tensor } from '../tensor.js';
import type { Node } from './trace.js';
import { isWhole, usesOf, type Work } from './work.js';

/** What a copy was made of, its axes in the order in which `x` looks at the copy: whole, or turned. */
function behind(copy: Node, x: Tensor): Tensor | null {
  const [view] = copy.inputs as [Tensor];
  const [{ shape }] = copy.outputs as [Tensor];
  if (shape.length !== 2) return null;
  if (isWhole(x, shape)) return view;
  const [columns, rows] = x.shape;
  if (x.rank !== 2 || columns !== shape[1] || rows !== shape[0] || x.offset !== 0 || x.strides[0] !== 1 || x.strides[1] !== columns) return null;
  let at = view.rank; // where the copy's columns begin
  for (let n = 1; at > 0 && n < columns!;) n *= view.shape[--at]!;
  const turned = (list: readonly number[]) => [...list.slice(at), ...list.slice(0, at)];
  return new Tensor(turned(view.shape), view.dtype, turned(view.strides), view.offset, view.storage);
}

export function skipCopies(work: Work): Work {
  const { graph } = work;
  const { backend } = door;
  if (!backend.fuses) return work;
  const buffer = (x: Tensor) => graph.bufferOf(x);
  const { outside, readers } = usesOf(work);
  const nodes: (Node | null)[] = [...work.nodes];
  /** A product with what the copy was made of in place of the copy. */
  const without = (copy: Node, node: Node): Node | null => {
    if (node.call.family !== matmulFamily) return null;
    const isCopy = (x: Tensor) => buffer(x) === buffer(copy.outputs[0]!);
    const inputs = node.inputs.map((x) => (isCopy(x) ? behind(copy, x) : x));
    if (!inputs.every((x) => x !== null)) return null;
    const { taken } = node.call.params as MatmulParams;
    const params: MatmulParams = { taken: node.inputs.map((x, i) => (isCopy(x) ? x.shape : taken?.[i] ?? null)) };
    const changed = { ...node, inputs, call: { ...node.call, params } };
    return backend.fuses!(changed.call, inputs, node.outputs) ? changed : null;
  };
  nodes.forEach((copy, at) => {
    if (copy?.call.family !== copyFamily || outside.has(buffer(copy.outputs[0]!))) return;
    const places = [...readers.get(buffer(copy.outputs[0]!)) ?? []];
    const changed = places.map((i) => without(copy, nodes[i]!));
    if (changed.includes(null)) return;
    places.forEach((i, k) => { nodes[i] = changed[k]!; });
    nodes[at] = null;
  });
  return { ...work, nodes: nodes.filter((node): node is Node => node !== null) };
}
