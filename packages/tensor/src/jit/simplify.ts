/** What a program need not do: compute the same twice, or what nobody looks at. */
import type { Tensor } from '../tensor.js';
import { isLoop } from './loop.js';
import { trimLoop } from './loop-passes.js';
import { keyOf } from './node-key.js';
import { mapTensors, type Node } from './trace.js';
import { isMap, leaving, onBuffer, rootsOf, type Work } from './work.js';

/** Nodes that compute what an earlier one did are gone; their readers look at the earlier one's outputs. */
export function shareEqual(work: Work): Work {
  const { graph } = work;
  const instead = new Map<number, number>();
  const moved = (x: Tensor): Tensor => {
    const other = instead.get(graph.bufferOf(x));
    return other === undefined ? x : onBuffer(x, graph, other);
  };
  const seen = new Map<string, Node>();
  const nodes: Node[] = [];
  for (const node of work.nodes) {
    const inputs = node.inputs.map(moved);
    const key = keyOf(node, inputs, graph);
    const earlier = seen.get(key);
    if (earlier) node.outputs.forEach((y, k) => instead.set(graph.bufferOf(y), graph.bufferOf(earlier.outputs[k]!)));
    else {
      const kept = { ...node, inputs };
      seen.set(key, kept);
      nodes.push(kept);
    }
  }
  const assigns = new Map([...work.assigns].map(([v, x]) => [v, moved(x)]));
  return { graph, nodes, result: mapTensors(work.result, moved), assigns };
}

/** A map without outputs that nobody reads. */
function trimMap(node: Node, isRead: (y: Tensor) => boolean): Node {
  const kept = node.outputs.map(isRead);
  if (!kept.includes(false)) return node;
  const roots = rootsOf(node).filter((_, k) => kept[k]);
  return { ...node, call: { ...node.call, params: { roots } }, outputs: node.outputs.filter((_, k) => kept[k]) };
}

/** Nodes of which nobody reads an output are gone, inside loops, too. */
export function dropUnread(work: Work): Work {
  const { graph } = work;
  const read = new Set(leaving(work).map((x) => graph.bufferOf(x)));
  const nodes: Node[] = [];
  for (const node of [...work.nodes].reverse()) {
    if (!node.outputs.some((y) => read.has(graph.bufferOf(y)))) continue;
    const isRead = (y: Tensor) => read.has(graph.bufferOf(y));
    const less = isLoop(node) ? trimLoop(node, isRead) : isMap(node) ? trimMap(node, isRead) : node;
    for (const x of less.inputs) read.add(graph.bufferOf(x));
    nodes.push(less);
  }
  return { ...work, nodes: nodes.reverse() };
}
