/** What tells nodes apart that compute different things. */
import type { MapParams } from '../backends/js/map.js';
import type { Op } from '../op.js';
import type { Tensor } from '../tensor.js';
import type { Graph, Node } from './trace.js';

const numbers = new WeakMap<object, number>();
let next = 0;
/** A number for each object. */
export const numberOf = (x: object): number => {
  let n = numbers.get(x);
  if (n === undefined) numbers.set(x, (n = next++));
  return n;
};

const exactly = (_: string, v: unknown): unknown => (typeof v === 'number' && (!Number.isFinite(v) || Object.is(v, -0)) ? `${Object.is(v, -0) ? '-' : ''}${v}` : v);

/** What a node computes, whoever asks: maps by their expressions, others by op and attributes. */
const whatOf = ({ op, a, call }: Node): string =>
  call.family.name === 'map' ? `map:${(call.params as MapParams).roots.map((r) => r.id)}` : `${numberOf(op as Op)}:${JSON.stringify(a, exactly)}`;

/** An input: a buffer and the look at it, a constant of one element by its value, any other by itself. */
function textOf(x: Tensor, graph: Graph): string {
  const buffer = graph.bufferOf(x);
  const place = buffer >= 0 ? `#${buffer}` : x.size === 1 && x.storage.kind === 'host' ? `=${Object.is(x.item(), -0) ? '-0' : x.item()}` : `c${x.id}`;
  return `${place}${x.dtype}[${x.shape}]/${x.strides}+${x.offset}`;
}

/** Equal for nodes of one graph that give the same outputs, were these their inputs. */
export const keyOf = (node: Node, inputs: readonly Tensor[], graph: Graph): string =>
  `${whatOf(node)}(${inputs.map((x) => textOf(x, graph)).join(';')})${node.outputs.map((y) => `${y.dtype}[${y.shape}]`)}`;
