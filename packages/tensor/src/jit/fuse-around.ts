/**
 * Maps go into the kernels beside them, where the backend has kernels that take them: a map that only a reduction or a softmax
 * reads is computed as it goes (its prologue), and one that reads a matrix product is applied to each part of it as it is done (its epilogue).
 */
import { kindOf } from '../dtype.js';
import { door } from '../op.js';
import { input, substitute } from '../scalar/expression.js';
import { broadcastStrides, isContiguous, reshapeStrides, sizeOf, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { Node } from './trace.js';
import { isMap, rootsOf, usesOf, type Work } from './work.js';

/** An operand that broadcasts to a shape, repeated to that shape and seen in another one of as many elements; null where strides can't say that. */
function seenAs(x: Tensor, shape: Shape, other: Shape): Tensor | null {
  const strides = reshapeStrides(shape, broadcastStrides(x.shape, x.strides, shape), other);
  return strides && new Tensor(other, x.dtype, strides, x.offset, x.storage);
}

/** Whether `x` shows every element of a buffer of this shape in its order, whatever its own shape. */
const isAll = (x: Tensor, shape: Shape): boolean => x.offset === 0 && x.size === sizeOf(shape) && isContiguous(x.shape, x.strides);

/** The map's only reader with the map as its prologue. */
function withPrologue(map: Node, reader: Node): Node | null {
  const [x] = reader.inputs as [Tensor];
  const [y] = map.outputs as [Tensor];
  if (reader.inputs.length > 1 || map.outputs.length > 1 || reader.call.prologue || !isAll(x, y.shape)) return null;
  const inputs = map.inputs.map((operand) => seenAs(operand, y.shape, x.shape));
  if (inputs.some((operand) => !operand)) return null;
  return { ...reader, call: { ...reader.call, prologue: rootsOf(map) }, inputs: inputs as Tensor[] };
}

/** The maker of something that only the map reads, all of it and in its order, with the map as its epilogue. */
function withEpilogue(maker: Node, map: Node, buffer: (x: Tensor) => number): Node | null {
  const [y] = maker.outputs as [Tensor];
  const { shape } = map.outputs[0]!;
  const isProduct = (x: Tensor) => buffer(x) === buffer(y);
  if (maker.outputs.length > 1 || maker.call.epilogue || sizeOf(shape) !== y.size) return null;
  if (map.inputs.some((x) => isProduct(x) && !isAll(x, y.shape))) return null;
  const others = map.inputs.filter((x) => !isProduct(x));
  const seen = others.map((x) => seenAs(x, shape, y.shape));
  if (seen.some((x) => !x)) return null;
  const inputs = [...maker.inputs, ...seen as Tensor[]];
  const operands = map.inputs.map((x) => input(isProduct(x) ? inputs.length : maker.inputs.length + others.indexOf(x), kindOf(x.dtype)));
  const epilogue = rootsOf(map).map((root) => substitute(root, operands));
  return { ...maker, call: { ...maker.call, epilogue }, inputs, outputs: map.outputs };
}

export function fuseAround(work: Work): Work {
  const { graph } = work;
  const { backend } = door;
  if (!backend.fuses) return work;
  const buffer = (x: Tensor) => graph.bufferOf(x);
  const { outside, makers, readers } = usesOf(work);
  const nodes: (Node | null)[] = [...work.nodes];
  const only = (node: Node, reader: number): boolean => node.outputs.every((y) => !outside.has(buffer(y)) && [...readers.get(buffer(y)) ?? []].every((r) => r === reader));
  const fits = (node: Node | null): node is Node => node !== null && backend.fuses!(node.call, node.inputs, node.outputs);
  /** Fuses node i with those that make its inputs, as `join` says. */
  const pass = (wanted: (maker: Node, node: Node) => boolean, join: (maker: Node, node: Node) => Node | null): void => nodes.forEach((node, i) => {
    for (const x of node?.inputs ?? []) {
      const at = makers.get(buffer(x));
      const maker = at === undefined ? null : nodes[at];
      if (!maker || !wanted(maker, node!) || !only(maker, i)) continue;
      const fused = join(maker, node!);
      if (!fits(fused)) continue;
      [nodes[i], nodes[at!]] = [fused, null];
      return;
    }
  });
  pass((maker, node) => isMap(maker) && !isMap(node), withPrologue);
  pass((maker, node) => !isMap(maker) && isMap(node), (maker, node) => withEpilogue(maker, node, buffer));
  return { ...work, nodes: nodes.filter((node): node is Node => node !== null) };
}
