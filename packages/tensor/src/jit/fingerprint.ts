/** Whether a function does the same the second time: graphs are compared node by node, constants included. */
import { ValueError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import type { Graph } from './trace.js';

/** What a node's input is: a place in the graph, or a constant with its values. */
function inputText(graph: Graph, x: Tensor): string {
  const buffer = graph.bufferOf(x);
  const look = `${x.dtype}[${x.shape}]/${x.strides}+${x.offset}`;
  if (buffer >= 0) return `#${buffer}${look}`;
  const data = x.data();
  let hash = data.length;
  for (let i = 0; i < data.length; i++) hash = (Math.imul(hash, 31) + Math.fround(data[i]!) * 1e6) | 0;
  return data.length === 1 ? `=${data[0]}` : `=${look}~${hash}`;
}

const constantOf = (text: string): string | null => (/^=-?[\d.]/.test(text) && !text.includes('~') ? text.slice(1) : null);

/** Refuses a function whose second trace differs from its first. */
export function compareTraces(name: string, first: Graph, second: Graph): void {
  const differs = (what: string): never => {
    throw new ValueError(`jit: ${name} does not do the same at every call: ${what} Make what changes a Variable or an argument.`);
  };
  if (first.nodes.length !== second.nodes.length) differs(`it ran ${first.nodes.length} kernels when traced first and ${second.nodes.length} now.`);
  first.nodes.forEach((node, i) => {
    const other = second.nodes[i]!;
    if (node.op.name !== other.op.name) differs(`kernel ${i} was ${node.op.name} and is ${other.op.name} now.`);
    const [a, b] = [JSON.stringify(node.a) ?? '', JSON.stringify(other.a) ?? ''];
    if (a !== b) differs(`the attributes of ${node.op.name} were ${a} and are ${b} now.`);
    node.inputs.forEach((x, k) => {
      const [p, q] = [inputText(first, x), inputText(second, other.inputs[k]!)];
      if (p === q) return;
      const [was, is] = [constantOf(p), constantOf(q)];
      if (was !== null && is !== null) throw new ValueError(`jit: ${was} became ${is} between calls of ${name} (in ${node.op.name}): make it a Variable or an argument.`);
      differs(`an input of ${node.op.name} (kernel ${i}) is another.`);
    });
  });
}
