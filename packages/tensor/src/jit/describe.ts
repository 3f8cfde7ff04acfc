/** A program in words: its kernels, what each computes and moves, and the memory it works in. */
import type { Call } from '../backend.js';
import type { AttentionParams } from '../backends/js/attention.js';
import type { MapParams } from '../backends/js/map.js';
import type { MatmulParams } from '../backends/js/matmul.js';
import type { TypedArray } from '../dtype.js';
import { formatExpr, topological, type Expr } from '../scalar/expression.js';
import { formatShape, type Shape } from '../shape.js';
import { byteSize, type Tensor } from '../tensor.js';
import { isLoop } from './loop.js';
import type { Program } from './program.js';
import type { Graph, Node } from './trace.js';

const sumOver = (nodes: readonly Node[], f: (n: Node) => number): number => nodes.reduce((sum, n) => sum + f(n), 0);

const arithmetic = (roots: readonly Expr[]): number => topological(roots, true).filter((e) => e.op !== 'in' && e.op !== 'const').length;

/** Arithmetic on numbers, counted as one operation each; an elementary function counts as one, too. */
function operations(node: Node): number {
  if (isLoop(node)) return node.call.params.steps * sumOver(node.call.params.body.nodes, operations);
  const { call, inputs, outputs } = node;
  const { prologue = [], epilogue = [] } = call;
  return alone(call, inputs, outputs) + inputs[0]!.size * arithmetic(prologue) + outputs[0]!.size * arithmetic(epilogue);
}

/** The same for a call without what is fused to it. */
function alone({ family, params }: Call, inputs: readonly Tensor[], outputs: readonly Tensor[]): number {
  const size = outputs[0]!.size;
  switch (family.name) {
    case 'map': return size * arithmetic((params as MapParams).roots);
    case 'matmul': return 2 * size * ((params as MatmulParams).taken?.[0] ?? inputs[0]!.shape).at(-1)!;
    case 'reduce': case 'fold': return inputs[0]!.size;
    case 'rows': return 5 * size;
    case 'attention': {
      const [q, k, v] = inputs.map((x) => x.shape) as [Shape, Shape, Shape];
      const { direction, reach } = params as AttentionParams;
      const pairs = q[0]! * q[2]! * q[1]! * k[1]! * (reach === null ? 1 : 0.5); // half, about, where order hides the rest
      return 2 * pairs * (direction === 'forward' ? q[3]! + v[3]! : 3 * q[3]! + 2 * v[3]!);
    }
    default: return 0;
  }
}
const bytesOf = (node: Node): number =>
  isLoop(node) ? node.call.params.steps * sumOver(node.call.params.body.nodes, bytesOf) : [...node.inputs, ...node.outputs].reduce((n, x) => n + byteSize(x), 0);
const kernels = (node: Node): number => (isLoop(node) ? sumOver(node.call.params.body.nodes, kernels) : 1);

/** 1234567 as `1.23 M`. */
export function short(n: number): string {
  const units = ['', ' k', ' M', ' G', ' T'];
  let unit = 0;
  for (; n >= 1000 && unit < 4; unit++) n /= 1000;
  return `${unit ? n.toPrecision(3) : n}${units[unit]}`;
}

const shapes = (xs: readonly Tensor[]): string => xs.map((x) => formatShape(x.shape)).join(' ');

/** A constant that is one number, written as it is; null for anything else. */
function numberIn(x: Tensor, graph: Graph): string | null {
  const one = graph.bufferOf(x) < 0 && x.strides.every((s, i) => s === 0 || x.shape[i] === 1);
  return one ? String(+(x.storage as { readonly data: TypedArray }).data[x.offset]!.toPrecision(6)) : null;
}

/** What a kernel does: the formula of a map, the op of any other with the formulas of what is fused to it. */
function whatOf(node: Node, graph: Graph): string {
  const { op, call, inputs, outputs } = node;
  if (isLoop(node)) return `${op.name} of ${node.call.params.steps} steps${node.call.params.reverse ? ', the last first' : ''}, each:`;
  const names = [...inputs.map((x, i) => numberIn(x, graph) ?? `x${i}`), 'y'];
  const formulas = (roots: readonly Expr[]): string => {
    const text = roots.map((r) => formatExpr(r, names)).join(', ');
    return text.length > 100 ? `${text.slice(0, 97)}...` : text;
  };
  const moves = `${shapes(inputs)} -> ${shapes(outputs)}`;
  if (call.family.name === 'map') return `map ${moves}: ${formulas((call.params as MapParams).roots)}`;
  return `${op.name} ${moves}${call.prologue ? `: of ${formulas(call.prologue)}` : ''}${call.epilogue ? `: then ${formulas(call.epilogue)}` : ''}`;
}

/** A line per kernel, those of a loop's step below it. */
function lines(nodes: readonly Node[], graph: Graph, indent = ''): string[] {
  return nodes.flatMap((node, i) => [
    `  ${String(i).padStart(4)}  ${short(operations(node)).padStart(8)}  ${short(bytesOf(node)).padStart(8)}B  ${indent}${whatOf(node, graph)}`,
    ...(isLoop(node) ? lines(node.call.params.body.nodes, node.call.params.body.graph, `${indent}  `) : []),
  ]);
}

/** The plan of a program for arguments of this signature: totals, then a line per kernel in the order of running. */
export function describe(program: Program, signature: string): string {
  const { traced, work: { nodes, graph, assigns }, arenaBytes, constantBytes } = program;
  const variables = [...new Set([...graph.reads.keys(), ...assigns.keys()])];
  const total = (f: (n: Node) => number) => sumOver(nodes, f);
  const intermediates = total((n) => n.outputs.reduce((sum, y) => sum + byteSize(y), 0));
  return [
    `for ${signature}:`,
    `  ${total(kernels)} kernels of ${traced} traced, ${short(total(operations))} operations, ${short(total(bytesOf))}B read and written`,
    `  arena ${short(arenaBytes)}B for ${short(intermediates)}B of intermediates; constants ${short(constantBytes)}B; ${variables.length} variables ${short(variables.reduce((n, v) => n + byteSize(v), 0))}B, of which ${assigns.size} are assigned`,
    ...lines(nodes, graph),
  ].join('\n');
}
