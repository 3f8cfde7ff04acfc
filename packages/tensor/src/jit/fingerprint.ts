/** Whether a function does the same the second time: graphs are compared node by node, constants included. */
import { ValueError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { isLoop, type LoopNode } from './loop.js';
import { mapTensors, type Graph, type Trace } from './trace.js';

/** What a node's input is: a place in the graph, or a constant with its values. */
function inputText(graph: Graph, x: Tensor): string {
  const buffer = graph.bufferOf(x);
  const look = `${x.dtype}[${x.shape}]/${x.strides}+${x.offset}`;
  if (buffer >= 0) return `#${buffer}${look}`;
  if (x.storage.kind === 'device') return `=${look}`; // nothing can look there now
  const data = x.data();
  let hash = data.length;
  for (let i = 0; i < data.length; i++) hash = (Math.imul(hash, 31) + Math.fround(data[i]!) * 1e6) | 0;
  return data.length === 1 ? `=${data[0]}` : `=${look}~${hash}`;
}

/** Two numbers that differ, in the seven digits that float32 has, or in all where those are alike. */
function inWords(was: string, is: string): [string, string] {
  const [p, q] = [was, is].map((text) => String(+Number(text).toPrecision(7))) as [string, string];
  return p === q ? [was, is] : [p, q];
}

const constantOf = (text: string): string | null => (/^=-?[\d.]/.test(text) && !text.includes('~') ? text.slice(1) : null);

/** What comes out of a trace: results, and variables with their new values. */
const outcome = ({ graph, result }: Trace): string =>
  JSON.stringify([mapTensors(result, (x) => inputText(graph, x)), [...graph.assigns].map(([v, x]) => [v.id, inputText(graph, x)])]) ?? '';

const bodyOf = ({ call: { params: { body: { graph, result } } } }: LoopNode): Trace => ({ graph, result });

/** Refuses a function whose second trace differs from its first. */
export function compareTraces(name: string, one: Trace, two: Trace): void {
  const [first, second] = [one.graph, two.graph];
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
      if (was === null || is === null) return differs(`an input of ${node.op.name} (kernel ${i}) is another.`);
      const [before, now] = inWords(was, is);
      throw new ValueError(`jit: ${before} became ${now} between calls of ${name} (in ${node.op.name}): make it a Variable or an argument.`);
    });
    if (isLoop(node) && isLoop(other)) compareTraces(name, bodyOf(node), bodyOf(other));
  });
  if (outcome(one) !== outcome(two)) differs('what it returns or assigns is another.');
}
