/** Loops: a body traced once, for one step, and bound once for each. */
import { overlay, transfer, type Backend, type Family, type Memory, type Run } from '../backend.js';
import { prepareCall } from '../op.js';
import { isContiguous, sizeOf } from '../shape.js';
import { fromData, placeOf, roomFor, storageOf, Tensor, type Spec } from '../tensor.js';
import { aligned, planArena } from './arena.js';
import { claims, copyOf } from './land.js';
import { numberOf } from './node-key.js';
import type { Graph, Node } from './trace.js';
import { compact, lifetimes, spread, Step, type Work } from './work.js';

/** What one step computes. Its results are the new carried values, then what is stacked over the steps. */
export interface Body extends Work {
  readonly result: readonly Tensor[];
}

/**
 * Inputs of a loop's node are carried values to begin with, stacks [steps, ...] of which a step sees one slice, and whatever else the
 * body sees, all dense; its outputs are the last carried values, and stacks of results. The inputs' buffers in the body are listed here.
 */
export interface Loop {
  readonly body: Body;
  readonly steps: number;
  /** From the last slice to the first. */
  readonly reverse: boolean;
  readonly carries: readonly number[];
  readonly slices: readonly number[];
  readonly captures: readonly number[];
}

export const loopFamily: Family<Loop> = {
  name: 'loop',
  js() { throw new Error('loop: it is bound step by step, not run as one kernel.'); },
  bind: bindLoop,
};
export interface LoopNode extends Node {
  readonly call: { readonly family: Family<Loop>; readonly params: Loop; readonly prologue?: undefined; readonly epilogue?: undefined };
}
export const isLoop = (node: Node): node is LoopNode => node.call.family === loopFamily;

/** How many kernels are bound for these nodes: those of a loop once for each step. */
export const boundBy = (nodes: readonly Node[]): number => nodes.reduce((n, node) => n + (isLoop(node) ? node.call.params.steps * boundBy(node.call.params.body.nodes) : 1), 0);

/** Buffers that are results, with the place where a step writes them: a stack's slice if one wants them, else a carried value's place. */
function landings({ body: { graph, result }, carries }: Loop): Map<number, number> {
  const wanted = new Map<number, number>();
  for (let k = result.length - 1; k >= 0; k--) {
    const buffer = graph.bufferOf(result[k]!);
    if (k >= carries.length || !wanted.has(buffer)) wanted.set(buffer, k);
  }
  return wanted;
}

/** Where things lie in a loop's own memory: intermediates of a step (-1: elsewhere), and a second place for each carried value that no stack keeps. */
function layout(loop: Loop): { offsets: readonly number[]; spares: ReadonlyMap<number, number>; bytes: number } {
  const { body, carries } = loop;
  const landed = landings(loop);
  const { born, last } = lifetimes(body);
  const sizes = body.graph.buffers.map(({ spec }, b) => (born[b]! >= 0 && !landed.has(b) ? aligned(roomFor(spec)) : 0));
  const plan = planArena(sizes, born, last);
  let { bytes } = plan;
  const spares = new Map<number, number>();
  for (const k of landed.values()) {
    if (k >= carries.length) continue;
    spares.set(k, bytes);
    bytes += aligned(roomFor(body.result[k]!));
  }
  return { offsets: plan.offsets.map((at, b) => (sizes[b] ? at : -1)), spares, bytes };
}

/**
 * A loop ready to be bound: results are buffers that the body's kernels write, each its own except that a carried value may be stacked
 * as well; constants are inputs; the memory it works in is one more output, which nobody reads.
 */
export function settle(node: LoopNode, outer: Graph): Node {
  const { params: loop } = node.call;
  const { graph } = loop.body;
  const nodes = [...loop.body.nodes];
  const claim = claims(loop.body);
  const stacked = new Set<number>();
  const own = (x: Tensor, k: number): Tensor => {
    if (graph.bufferOf(x) >= 0 && (claim(x) || (k < loop.carries.length && stacked.has(graph.bufferOf(x))))) return x;
    const { node: copy, y } = copyOf(x, graph);
    nodes.push(copy);
    return y;
  };
  const result = [...loop.body.result];
  for (let k = result.length - 1; k >= 0; k--) { // stacks first
    result[k] = own(result[k]!, k);
    if (k >= loop.carries.length) stacked.add(graph.bufferOf(result[k]!));
  }
  const captures = [...loop.captures];
  const inputs = [...node.inputs];
  const lifted = new Map<Tensor, number>();
  const lift = (x: Tensor): Tensor => {
    if (graph.bufferOf(x) >= 0) return x;
    if (!lifted.has(x)) {
      const least = compact(x);
      const constant = fromData(least.data(), least.shape, x.dtype);
      const symbol = graph.fresh(constant, { outer: constant });
      lifted.set(x, graph.bufferOf(symbol));
      captures.push(graph.bufferOf(symbol));
      inputs.push(constant);
    }
    return spread(x, { kind: 'traced', graph, node: lifted.get(x)!, output: 0 });
  };
  const body = { ...loop.body, nodes: nodes.map((n) => ({ ...n, inputs: n.inputs.map(lift) })), result };
  const settled = { ...loop, body, captures };
  const scratch = outer.fresh({ shape: [layout(settled).bytes / 4], dtype: 'float32' });
  return { ...node, call: { family: loopFamily, params: settled }, inputs, outputs: [...node.outputs, scratch] };
}

/** Binds every kernel of every step; those that find their operands in the same places are bound once. */
function bindLoop(loop: Loop, inputs: readonly Tensor[], outputs: readonly Tensor[], backend: Backend): Run {
  const { body: { graph, nodes, result }, steps, reverse, carries, slices, captures } = loop;
  const all = (x: Tensor): Memory => {
    if (!isContiguous(x.shape, x.strides)) throw new Error('loop: an operand is not dense.');
    const { data, offset } = placeOf(x);
    return data.subarray(offset, offset + x.size);
  };
  const sliceAt = (stack: Memory, step: number): Memory => {
    const [t, size] = [reverse ? steps - 1 - step : step, stack.length / steps];
    return stack.subarray(t * size, (t + 1) * size);
  };
  const { offsets, spares } = layout(loop);
  const memory = placeOf(outputs[result.length]!).data;
  const scratch = ({ shape, dtype }: Spec, at: number): Memory => overlay(memory, dtype, at, sizeOf(shape));

  const given = inputs.map(all);
  const made = outputs.map(all);
  const [firstStack, firstCaptured] = [carries.length, carries.length + slices.length];
  const spare = new Map([...spares].map(([k, at]) => [k, scratch(result[k]!, at)]));
  const arena = graph.buffers.map(({ spec }, b) => (scratch(offsets[b]! < 0 ? { ...spec, shape: [0] } : spec, Math.max(0, offsets[b]!))));
  const landed = landings(loop);
  /** Where a step writes a result: carried values take turns between two places so that the last comes to lie where it is wanted. */
  const written = (k: number, step: number): Memory =>
    k >= carries.length ? sliceAt(made[k]!, step) : (steps - 1 - step) % 2 ? spare.get(k)! : made[k]!;
  const carried = (k: number, step: number) => written(landed.get(graph.bufferOf(result[k]!))!, step);

  const { last } = lifetimes(loop.body);
  const dead = nodes.map((_, i) => arena.filter((__, b) => last[b] === i && !landed.has(b)));
  const bound = nodes.map(() => new Map<string, Step>());
  const program = Array.from({ length: steps }, (_, step) => {
    const places = [...arena];
    for (const [b, k] of landed) places[b] = written(k, step);
    carries.forEach((b, k) => { places[b] = step ? carried(k, step - 1) : given[k]!; });
    slices.forEach((b, k) => { places[b] = sliceAt(given[firstStack + k]!, step); });
    captures.forEach((b, k) => { places[b] = given[firstCaptured + k]!; });
    const operand = (x: Tensor): Tensor => new Tensor(x.shape, x.dtype, x.strides, x.offset, storageOf(places[graph.bufferOf(x)]!));
    return nodes.map((node, i): Step => {
      const key = [...node.inputs, ...node.outputs].map((x) => places[graph.bufferOf(x)]!).map((data) => `${numberOf(data.buffer)}+${data.byteOffset}`).join();
      let known = bound[i]!.get(key);
      if (!known) {
        bound[i]!.set(key, (known = new Step(() => prepareCall(node.call, node.inputs.map(operand), node.outputs.map(operand), backend), dead[i]!)));
        if (!backend.execute) known.prepare(); // or else as it goes: that memory never moves
      }
      return known;
    });
  }).flat();
  const finish = (): void => carries.forEach((_, k) => {
    const from = carried(k, steps - 1);
    if (from !== made[k]) transfer(from, made[k]!);
  });
  const run: Run = () => {
    for (const step of program) step.run();
    finish();
  };
  run.pieces = function* () {
    for (const step of program) yield* step.pieces();
    finish();
  };
  return run;
}
