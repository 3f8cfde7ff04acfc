/** What a program need not do: compute the same twice, or what nobody looks at. */
import type { MapParams } from '../backends/js/map.js';
import type { Op } from '../op.js';
import type { Tensor } from '../tensor.js';
import { mapTensors, type Node } from './trace.js';
import { leaving, onBuffer, type Work } from './work.js';

const numbers = new WeakMap<object, number>();
let next = 0;
const numberOf = (x: object): number => {
  let n = numbers.get(x);
  if (n === undefined) numbers.set(x, (n = next++));
  return n;
};

const exactly = (_: string, v: unknown): unknown => (typeof v === 'number' && (!Number.isFinite(v) || Object.is(v, -0)) ? `${Object.is(v, -0) ? '-' : ''}${v}` : v);

/** What a node computes, whoever asks: maps by their expressions, others by op and attributes. */
const whatOf = ({ op, a, call }: Node): string =>
  call.family.name === 'map' ? `map:${(call.params as MapParams).roots.map((r) => r.id)}` : `${numberOf(op as Op)}:${JSON.stringify(a, exactly)}`;

/** Nodes that compute what an earlier one did are gone; their readers look at the earlier one's outputs. */
export function shareEqual(work: Work): Work {
  const { graph } = work;
  const instead = new Map<number, number>();
  const moved = (x: Tensor): Tensor => {
    const other = instead.get(graph.bufferOf(x));
    return other === undefined ? x : onBuffer(x, graph, other);
  };
  /** A constant of one element by its value, any other by itself. */
  const textOf = (x: Tensor): string => {
    const buffer = graph.bufferOf(x);
    const place = buffer >= 0 ? `#${buffer}` : x.size === 1 ? `=${Object.is(x.item(), -0) ? '-0' : x.item()}` : `c${x.id}`;
    return `${place}${x.dtype}[${x.shape}]/${x.strides}+${x.offset}`;
  };
  const seen = new Map<string, Node>();
  const nodes: Node[] = [];
  for (const node of work.nodes) {
    const inputs = node.inputs.map(moved);
    const key = `${whatOf(node)}(${inputs.map(textOf).join(';')})${node.outputs.map((y) => `${y.dtype}[${y.shape}]`)}`;
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

/** Nodes of which nobody reads an output are gone. */
export function dropUnread(work: Work): Work {
  const { graph } = work;
  const read = new Set(leaving(work).map((x) => graph.bufferOf(x)));
  const nodes: Node[] = [];
  for (const node of [...work.nodes].reverse()) {
    if (!node.outputs.some((y) => read.has(graph.bufferOf(y)))) continue;
    for (const x of node.inputs) read.add(graph.bufferOf(x));
    nodes.push(node);
  }
  return { ...work, nodes: nodes.reverse() };
}
