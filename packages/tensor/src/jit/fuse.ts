/**
 * Elementwise chains become one kernel. Composition of expressions is all there is to it: a map whose outputs only one other
 * map reads, element by element, is put in place of that one's inputs; a cheap one goes into each of its readers.
 */
import { mapFamily } from '../backends/js/map.js';
import { kindOf } from '../dtype.js';
import { door } from '../op.js';
import { input, substitute, topological, type Expr } from '../scalar/expression.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Node } from './trace.js';
import { isMap, isSame, isWhole, rootsOf, usesOf, type Work } from './work.js';

/** More operands than this in one kernel cost more registers than the saved pass is worth. */
const mostInputs = 12;
const mostNodes = 120;
/** A map of no more arithmetic than this is repeated in each of its readers. */
const cheap = 3;

const plain: readonly string[] = ['neg', 'abs', 'add', 'sub', 'mul', 'div', 'max', 'min', 'less', 'equal', 'and', 'or', 'not', 'where', 'cast', 'sqrt'];
/** Whether a map costs less than reading its result from memory: a little plain arithmetic on one array. */
function isCheap(node: Node): boolean {
  const work = topological(rootsOf(node)).filter((e) => e.op !== 'in' && e.op !== 'const');
  return node.outputs.length === 1 && work.length <= cheap && work.every((e) => plain.includes(e.op)) && node.inputs.filter((x) => x.size > 1).length <= 1;
}

/** Float dtypes of all operands; a kernel computes in one. */
const floatsOf = (node: Node): Set<string> => new Set([...node.inputs, ...node.outputs].map((x) => x.dtype).filter((d) => d.startsWith('float')));

export function fuseMaps(work: Work): Work {
  const { graph } = work;
  const bufferOf = (x: Tensor) => graph.bufferOf(x);
  const { outside, makers, readers } = usesOf(work);
  const nodes: (Node | null)[] = [...work.nodes];

  /** Node i with map p in place of the inputs that are p's outputs; null where they don't fit together. */
  const joined = (i: number, p: number): Node | null => {
    const [node, inner] = [nodes[i]!, nodes[p]!];
    if (!sameShape(node.outputs[0]!.shape, inner.outputs[0]!.shape)) return null;
    const kinds = new Set([...floatsOf(node), ...floatsOf(inner)]);
    if (kinds.size > 1) return null;
    const inputs: Tensor[] = [];
    const slotOf = (x: Tensor): number => {
      const at = inputs.findIndex((other) => isSame(x, other, graph));
      return at >= 0 ? at : inputs.push(x) - 1;
    };
    const madeBy = node.inputs.map((x) => inner.outputs.findIndex((y) => bufferOf(y) === bufferOf(x)));
    if (madeBy.some((k, j) => k >= 0 && !isWhole(node.inputs[j]!, inner.outputs[k]!.shape))) return null;
    const read = (x: Tensor): Expr => input(slotOf(x), kindOf(x.dtype));
    const arguments_ = inner.inputs.map(read);
    const expressions = rootsOf(inner).map((root) => substitute(root, arguments_));
    const operands = node.inputs.map((x, j) => (madeBy[j]! >= 0 ? expressions[madeBy[j]!]! : read(x)));
    const roots = rootsOf(node).map((root) => substitute(root, operands));
    if (inputs.length > Math.min(mostInputs, door.backend.operands ?? mostInputs) || topological(roots).length > mostNodes) return null;
    return { op: node.op, a: node.a, call: { family: mapFamily, params: { roots } }, inputs, outputs: node.outputs };
  };

  for (let i = 0; i < nodes.length; i++) {
    for (let again = true; again; ) {
      again = false;
      const node = nodes[i]!;
      if (!isMap(node)) break;
      for (const x of node.inputs) {
        const p = makers.get(bufferOf(x));
        const inner = p === undefined ? null : nodes[p];
        if (p === undefined || !inner || !isMap(inner)) continue;
        const buffers = inner.outputs.map(bufferOf);
        const all = buffers.flatMap((b) => (outside.has(b) ? [-1] : [...(readers.get(b) ?? [])]));
        const vanishes = all.every((r) => r === i) || (isCheap(inner) && all.every((r) => r >= 0 && isMap(nodes[r]!)));
        if (!vanishes) continue;
        const fused = joined(i, p);
        if (!fused) continue;
        for (const b of node.inputs.map(bufferOf)) readers.get(b)?.delete(i);
        for (const b of fused.inputs.map(bufferOf)) readers.set(b, (readers.get(b) ?? new Set()).add(i));
        nodes[i] = fused;
        if (buffers.every((b) => !outside.has(b) && !(readers.get(b)?.size ?? 0))) {
          for (const b of inner.inputs.map(bufferOf)) readers.get(b)?.delete(p);
          nodes[p] = null;
        }
        again = true;
        break;
      }
    }
  }
  return { ...work, nodes: nodes.filter((node): node is Node => node !== null) };
}
