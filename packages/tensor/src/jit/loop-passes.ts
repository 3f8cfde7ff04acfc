/** What makes a loop do less: results that nobody reads, work that an earlier loop did, sums of products that are one product. */
import { matmulFamily } from '../backends/js/matmul.js';
import { contiguousStrides, reshapeStrides, sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { isLoop, type Loop, type LoopNode } from './loop.js';
import { keyOf } from './node-key.js';
import type { Graph, Node } from './trace.js';
import { compact, isMap, isSame, isWhole, onBuffer, rootsOf, type Work } from './work.js';

const withLoop = (node: LoopNode, loop: Partial<Loop>, rest: Partial<Node> = {}): LoopNode => ({ ...node, ...rest, call: { ...node.call, params: { ...node.call.params, ...loop } } });
/** The inputs of a loop's node by what they are. */
function inputsOf({ call: { params: { carries, slices } }, inputs }: LoopNode): { initial: Tensor[]; stacks: Tensor[]; seen: Tensor[] } {
  const [c, s] = [carries.length, carries.length + slices.length];
  return { initial: inputs.slice(0, c), stacks: inputs.slice(c, s), seen: inputs.slice(s) };
}
/** All of a buffer. */
const wholeOf = (graph: Graph, node: number): Tensor => {
  const { shape, dtype } = graph.buffers[node]!.spec;
  return new Tensor(shape, dtype, contiguousStrides(shape), 0, { kind: 'traced', graph, node, output: 0 });
};
const isAll = (x: Tensor, graph: Graph): boolean => graph.bufferOf(x) >= 0 && isWhole(x, graph.buffers[graph.bufferOf(x)]!.spec.shape);

/** The loop with one more stack, of all of a buffer, unless it has it already; and that stack. */
function stacking(node: LoopNode, buffer: number, outer: Graph): { node: LoopNode; stack: Tensor } {
  const { body, steps, carries } = node.call.params;
  const at = body.result.findIndex((y, k) => k >= carries.length && body.graph.bufferOf(y) === buffer && isAll(y, body.graph));
  if (at >= 0) return { node, stack: node.outputs[at]! };
  const { shape, dtype } = body.graph.buffers[buffer]!.spec;
  const stack = outer.fresh({ shape: [steps, ...shape], dtype });
  return { node: withLoop(node, { body: { ...body, result: [...body.result, wholeOf(body.graph, buffer)] } }, { outputs: [...node.outputs, stack] }), stack };
}

/**
 * What a later loop computes from the slices and surroundings that an earlier one saw, and that one did compute, it reads from a stack:
 * a gradient's loop runs its function again in the trace, and not in the program.
 */
export function shareLoops(work: Work): Work {
  const nodes = [...work.nodes];
  nodes.forEach((_, later) => {
    for (let earlier = 0; earlier < later; earlier++) {
      const [f, b] = [nodes[earlier]!, nodes[later]!];
      if (isLoop(f) && isLoop(b) && f.call.params.steps === b.call.params.steps) [nodes[earlier], nodes[later]] = shared(f, b, work.graph);
    }
  });
  return { ...work, nodes };
}

function shared(f: LoopNode, b: LoopNode, outer: Graph): [LoopNode, LoopNode] {
  const [one, two] = [f.call.params, b.call.params];
  const [first, second] = [one.body.graph, two.body.graph];
  const same = (x: Tensor, y: Tensor): boolean => isSame(x, y, outer);
  /** Buffers of the first body by those of the second that hold the same at every step. */
  const known = new Map<number, number>();
  const [here, there] = [inputsOf(f), inputsOf(b)];
  there.seen.forEach((x, k) => {
    const at = here.seen.findIndex((y) => same(x, y));
    if (at >= 0) known.set(two.captures[k]!, one.captures[at]!);
  });
  there.stacks.forEach((x, k) => {
    const at = here.stacks.findIndex((y) => same(x, y));
    const made = f.outputs.findIndex((y, j) => j >= one.carries.length && same(x, y));
    if (at >= 0) known.set(two.slices[k]!, one.slices[at]!);
    else if (made >= 0 && isAll(one.body.result[made]!, first)) known.set(two.slices[k]!, first.bufferOf(one.body.result[made]!));
  });
  const done = new Map(one.body.nodes.map((node) => [keyOf(node, node.inputs, first), node]));
  const rest: Node[] = [];
  const repeated = new Set<number>();
  for (const node of two.body.nodes) {
    const able = node.inputs.every((x) => second.bufferOf(x) < 0 || known.has(second.bufferOf(x)));
    const twin = able && done.get(keyOf(node, node.inputs.map((x) => (second.bufferOf(x) < 0 ? x : onBuffer(x, first, known.get(second.bufferOf(x))!))), first));
    if (!twin) rest.push(node);
    else node.outputs.forEach((y, k) => {
      known.set(second.bufferOf(y), first.bufferOf(twin.outputs[k]!));
      repeated.add(second.bufferOf(y));
    });
  }
  const slices = [...two.slices];
  const { initial, stacks, seen } = there;
  const moved = new Map<number, number>();
  const read = (x: Tensor): Tensor => {
    const buffer = second.bufferOf(x);
    if (!repeated.has(buffer)) return x;
    if (!moved.has(buffer)) {
      const { node, stack } = stacking(f, known.get(buffer)!, outer);
      f = node;
      moved.set(buffer, second.bufferOf(second.fresh(second.buffers[buffer]!.spec, { outer: stack })));
      slices.push(moved.get(buffer)!);
      stacks.push(stack);
    }
    return onBuffer(x, second, moved.get(buffer)!);
  };
  const nodes = rest.map((node) => ({ ...node, inputs: node.inputs.map(read) }));
  const body = { ...two.body, nodes, result: two.body.result.map(read) };
  return [f, withLoop(b, { body, slices }, { inputs: [...initial, ...stacks, ...seen] })];
}

/**
 * A carried sum of matrix products that begins at zero, s' = s + A_t B_t, is one product after the loop: A_t side by side, B_t one below the other. A weight's gradient is such
 * a sum.
 */
export function gatherSums(work: Work): Work {
  const nodes = work.nodes.flatMap((node): Node[] => {
    if (!isLoop(node)) return [node];
    const products: Node[] = [];
    let now = node;
    for (let k = node.call.params.carries.length - 1; k >= 0; k--) {
      const found = gathered(now, k, work.graph);
      if (found) {
        now = found.node;
        products.push(found.product);
      }
    }
    return [now, ...products];
  });
  return { ...work, nodes };
}

const isZero = (x: Tensor, graph: Graph): boolean => x.storage.kind === 'host' && compact(x).data().every((v) => v === 0);

function gathered(node: LoopNode, k: number, outer: Graph): { node: LoopNode; product: Node } | null {
  const { body, carries, captures, slices, steps } = node.call.params;
  const { graph, nodes, result } = body;
  if (!isZero(node.inputs[k]!, outer)) return null;
  const readers = (buffer: number) => [...nodes.flatMap((n) => n.inputs), ...result].filter((x) => graph.bufferOf(x) === buffer).length;
  const maker = (x: Tensor) => nodes.find((n) => n.outputs.some((y) => graph.bufferOf(y) === graph.bufferOf(x)));
  const sum = maker(result[k]!);
  if (!sum || !isMap(sum) || sum.inputs.length !== 2 || !isAll(result[k]!, graph) || readers(graph.bufferOf(result[k]!)) !== 1) return null;
  const roots = rootsOf(sum);
  if (roots.length !== 1 || roots[0]!.op !== 'add' || roots[0]!.args.some((e) => e.op !== 'in') || roots[0]!.args[0] === roots[0]!.args[1]) return null;
  if (!sum.inputs.every((x) => isAll(x, graph) && sameShape(x.shape, result[k]!.shape) && readers(graph.bufferOf(x)) === 1)) return null;
  const term = sum.inputs.find((x) => graph.bufferOf(x) !== carries[k]);
  if (!term || !sum.inputs.some((x) => graph.bufferOf(x) === carries[k])) return null;
  const product = maker(term);
  if (product?.call.family !== matmulFamily || product.inputs.some((x) => x.rank !== 2 || graph.bufferOf(x) < 0 || captures.includes(graph.bufferOf(x)))) return null;

  let now = node;
  /** A factor of every step: [steps, ...]. */
  const stacked = (x: Tensor): Tensor => {
    const slice = slices.indexOf(graph.bufferOf(x));
    let stack = slice >= 0 ? inputsOf(now).stacks[slice]! : null;
    if (!stack) ({ node: now, stack } = stacking(now, graph.bufferOf(x), outer));
    return new Tensor([steps, ...x.shape], x.dtype, [stack.strides[0]!, ...x.strides], stack.offset + x.offset, stack.storage);
  };
  const [a, b] = product.inputs.map(stacked) as [Tensor, Tensor];
  const [rows, inner, columns] = [a.shape[1]!, steps * a.shape[2]!, b.shape[2]!];
  const across = reshapeStrides([a.shape[1]!, steps, a.shape[2]!], [a.strides[1]!, a.strides[0]!, a.strides[2]!], [rows, inner]);
  const down = reshapeStrides(b.shape, b.strides, [inner, columns]);
  if (!across || !down) return null;
  const factors = [new Tensor([rows, inner], a.dtype, across, a.offset, a.storage), new Tensor([inner, columns], b.dtype, down, b.offset, b.storage)];
  const without = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== k);
  const params = now.call.params;
  const less = withLoop(now, { body: { ...params.body, result: without(params.body.result) }, carries: without(params.carries) }, { inputs: without(now.inputs), outputs: without(now.outputs) });
  return { node: less, product: { ...product, inputs: factors, outputs: [node.outputs[k]!] } };
}

/** A loop without results that nobody reads (`isRead` knows of its outputs' buffers), what only they need, and inputs that are left over. */
export function trimLoop(node: LoopNode, isRead: (output: Tensor) => boolean): LoopNode {
  const { body, carries, slices, captures } = node.call.params;
  const { graph } = body;
  const kept = node.outputs.map(isRead);
  let needed: Set<number>;
  let nodes: Node[];
  for (let before = -1, count = kept.filter(Boolean).length; before !== count; ) {
    needed = new Set(body.result.flatMap((y, k) => (kept[k] ? [graph.bufferOf(y)] : [])));
    nodes = [...body.nodes].reverse().filter((n) => {
      const wanted = n.outputs.some((y) => needed.has(graph.bufferOf(y)));
      if (wanted) for (const x of n.inputs) needed.add(graph.bufferOf(x));
      return wanted;
    }).reverse();
    carries.forEach((b, k) => { kept[k] ||= needed.has(b); });
    before = count;
    count = kept.filter(Boolean).length;
  }
  const { initial, stacks, seen } = inputsOf(node);
  const live = (buffers: readonly number[]) => buffers.map((b) => needed.has(b));
  const only = <T>(list: readonly T[], keep: readonly boolean[]): T[] => list.filter((_, k) => keep[k]);
  return withLoop(node, {
    body: { ...body, nodes: nodes!, result: only(body.result, kept) },
    carries: only(carries, kept),
    slices: only(slices, live(slices)),
    captures: only(captures, live(captures)),
  }, {
    inputs: [...only(initial, kept), ...only(stacks, live(slices)), ...only(seen, live(captures))],
    outputs: only(node.outputs, kept),
  });
}
