/** What an op is, in words: formula, derivative, generated code. */
import { kindOf } from './dtype.js';
import { ValueError } from './errors.js';
import type { Jitted } from './jit/jit.js';
import type { Op } from './op.js';
import type { Elementwise } from './ops/elementwise.js';
import { partial } from './scalar/derivative.js';
import { formatExpr } from './scalar/expression.js';
import { kernelSource } from './scalar/to-gpu.js';
import { loopSource } from './scalar/to-js.js';
import type { Spec } from './tensor.js';

const letters = ['x', 'y', 'z', 'u', 'v', 'w', 's', 't'];

/** A readable account of an op, or of the function that runs it: for elementwise ops the formula, its partial derivatives, the JavaScript loop and the gpu.js kernel. Of a jitted function its plans: kernels, fusions, operations, bytes moved, memory. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function explain(what: Op<any> | { readonly op: Op<any> } | ((...args: any[]) => unknown), ...samples: Spec[]): string {
  if ('plans' in what) return (what as unknown as Jitted).plans();
  if (!('op' in what) && !('infer' in what)) throw new ValueError('explain: it explains ops, the functions that run them, and jitted functions that have been called; this is none.');
  const op = 'op' in what ? what.op : (what as Op<unknown>);
  if (!('rootsFor' in op)) return `${op.name}: ${op.view ? 'a view of its input' : op.compose ? 'composed of smaller ops' : 'one kernel'}; vjp ${op.vjp === 'compose' ? 'through the smaller ops' : 'by its own rules'}.`;
  const { rootsFor, name } = op as Elementwise<unknown>;
  const arity = samples.length || guessArity(op as Elementwise<unknown>);
  if (!arity) return `${name}: one elementwise expression, made from its attributes.`;
  const kinds = Array.from({ length: arity }, (_, i) => (samples[i] ? kindOf(samples[i]!.dtype) : 'f'));
  const roots = rootsFor(kinds, {});
  const lines = [`${name}(${letters.slice(0, arity).join(', ')}) = ${roots.map((r) => formatExpr(r, letters)).join(', ')}`];
  for (let i = 0; i < arity; i++) {
    const d = partial(roots[0]!, i);
    lines.push(`d/d${letters[i]} = ${d ? formatExpr(d, letters) : '0'}`);
  }
  const axes = kinds.map(() => 'x' as const);
  return [...lines, '', loopSource(roots, 1, true), ...roots.flatMap((root) => ['', kernelSource(root, axes)])].join('\n');
}

/** The number of inputs an elementwise op reads: the most that its expression asks for; 0 where it asks for attributes first. */
function guessArity(op: Elementwise<unknown>): number {
  for (let n = 1; n <= 8; n++) {
    try {
      const kinds = new Array<'f'>(n).fill('f');
      if (op.rootsFor(kinds, {}).every((r) => r instanceof Object)) return n;
    } catch { /* it reads more inputs */ }
  }
  return 0;
}

