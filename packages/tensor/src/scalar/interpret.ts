/** Runs a scalar expression over a chunk of elements, node by node. Needs no code generation, so it runs under any CSP. */
import { convert } from './convert.js';
import { topological, type Expr } from './expression.js';
import { binaryValue, unaryValue, type Binary, type Unary } from './values.js';

export const chunk = 1024;

/**
 * A function that fills `outputs[k][0..n)` with root k, given dense inputs; n is at most `chunk`.
 * With `single`, every float node is rounded to float32, as the float32 kernels of every backend do.
 */
export function interpret(roots: readonly Expr[], single: boolean): (inputs: readonly ArrayLike<number>[], outputs: readonly { [i: number]: number }[], n: number) => void {
  const order = topological(roots, true);
  const ends = topological(roots, true).length ? roots.map((r) => order.indexOf(topological([r], true).at(-1)!)) : [];
  const place = new Map(order.map((node, i) => [node, i]));
  const registers = order.map(() => new Float64Array(chunk));
  return (inputs, outputs, n) => {
    order.forEach((node, k) => {
      const out = registers[k]!;
      const [a, b, c] = node.args.map((x) => registers[place.get(x)!]!);
      for (let i = 0; i < n; i++) {
        let v: number;
        if (node.op === 'in') v = inputs[node.value]![i]!;
        else if (node.op === 'const') v = node.value;
        else if (node.op === 'where') v = a![i] ? b![i]! : c![i]!;
        else if (node.op === 'cast') v = convert(a![i]!, node.type);
        else if (b) v = binaryValue(node.op as Binary, a![i]!, b[i]!, node.op === 'less' || node.op === 'equal' ? 'f' : node.type);
        else v = node.type === 'i' ? unaryValue(node.op as Unary, a![i]!) | 0 : unaryValue(node.op as Unary, a![i]!);
        out[i] = single && node.type === 'f' ? Math.fround(v) : v;
      }
    });
    roots.forEach((_, r) => {
      const [from, to] = [registers[ends[r]!]!, outputs[r]!];
      for (let i = 0; i < n; i++) to[i] = from[i]!;
    });
  };
}
