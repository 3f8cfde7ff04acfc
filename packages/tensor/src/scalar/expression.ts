/**
 * The scalar language: one elementwise function, written once, as a graph of about 25 primitives.
 *
 * Nodes are hash-consed, so equal subexpressions are one object and a derivative shares what its function computes.
 * From the same graph come the JavaScript loop, the WebAssembly loop, the gpu.js source and the gradient.
 */

import { ValueError } from '../errors.js';
import { shared } from '../shared.js';
import { convert, type Kind } from './convert.js';
import { binaryValue, unaryValue, type Binary, type Unary } from './values.js';

export type { Binary, Kind, Unary };

/** A delicate function: runs as its body, is differentiated by its own rule (partial derivatives, one per argument). */
export interface Named {
  readonly name: string;
  readonly arity: number;
  body(...x: Expr[]): Expr;
  derivative(x: readonly Expr[], out: Expr): (Expr | null)[];
}

export type Operation = 'in' | 'const' | Unary | Binary | 'where' | 'cast' | 'call';

const kindRank = { b: 0, i: 1, f: 2 } as const;

/** A node of the scalar language. Build it with the functions and methods of this file, never by hand. */
export class Expr {
  declare private readonly brand: 'expr';
  constructor(
    readonly id: number,
    readonly op: Operation,
    readonly type: Kind,
    readonly args: readonly Expr[],
    /** `in`: the input's slot; `const`: the value. */
    readonly value: number,
    readonly fn: Named | null,
  ) {}

  add(b: Operand): Expr { return add(this, b); }
  sub(b: Operand): Expr { return sub(this, b); }
  mul(b: Operand): Expr { return mul(this, b); }
  div(b: Operand): Expr { return div(this, b); }
  pow(b: Operand): Expr { return pow(this, b); }
  mod(b: Operand): Expr { return mod(this, b); }
  maximum(b: Operand): Expr { return maximum(this, b); }
  minimum(b: Operand): Expr { return minimum(this, b); }
  less(b: Operand): Expr { return less(this, b); }
  lessEqual(b: Operand): Expr { return lessEqual(this, b); }
  greater(b: Operand): Expr { return greater(this, b); }
  greaterEqual(b: Operand): Expr { return greaterEqual(this, b); }
  equal(b: Operand): Expr { return equal(this, b); }
  neg(): Expr { return neg(this); }
  abs(): Expr { return abs(this); }
  exp(): Expr { return exp(this); }
  log(): Expr { return log(this); }
  sqrt(): Expr { return sqrt(this); }
  square(): Expr { return mul(this, this); }
  tanh(): Expr { return tanh(this); }

  /** Infix text, for people: `mul(in0, sigmoid(in0))` reads `(x * sigmoid(x))`. */
  toString(): string { return formatExpr(this); }
}

export type Operand = Expr | number;

// ---- construction ----

const { table, ids } = shared('expressions', () => ({ table: new Map<string, Expr>(), ids: { next: 0 } }));

function intern(op: Operation, type: Kind, args: readonly Expr[], value = 0, fn: Named | null = null): Expr {
  const tag = op === 'const' ? (Object.is(value, -0) ? '-0' : String(value)) : op === 'in' ? String(value) : (fn?.name ?? '');
  let key = `${op}:${type}:${tag}`;
  for (const a of args) key += `,${a.id}`;
  let node = table.get(key);
  if (!node) table.set(key, (node = new Expr(ids.next++, op, type, args, value, fn)));
  return node;
}

/** The value of input `slot`. */
export const input = (slot: number, type: Kind = 'f'): Expr => intern('in', type, [], slot);

/** A number, typed. */
export const constant = (value: number, type: Kind = 'f'): Expr => intern('const', type, [], value);

/** Converts: f -> i truncates and saturates, NaN -> 0; anything -> b is `!= 0`. */
export function cast(x: Expr, to: Kind): Expr {
  if (x.type === to) return x;
  if (x.op === 'const') return constant(convert(x.value, to), to);
  return intern('cast', to, [x]);
}

const lift = (x: Operand, type: Kind): Expr => (typeof x === 'number' ? constant(x, type === 'f' || Number.isInteger(x) ? type : 'f') : x);

function pair(a: Operand, b: Operand, least: Kind = 'b'): [Expr, Expr] {
  const x = typeof a === 'number' ? lift(a, typeof b === 'number' ? 'f' : b.type === 'b' ? 'i' : b.type) : a;
  const y = typeof b === 'number' ? lift(b, x.type === 'b' ? 'i' : x.type) : b;
  const type = [x.type, y.type, least].reduce((p, q) => (kindRank[p] >= kindRank[q] ? p : q));
  return [cast(x, type), cast(y, type)];
}

const isConst = (x: Expr, v?: number) => x.op === 'const' && (v === undefined || x.value === v);

function unary(op: Unary, a: Operand, least: Kind = 'f'): Expr {
  const given = lift(a, 'f');
  const x = kindRank[given.type] >= kindRank[least] ? given : cast(given, least);
  if (x.op === 'const') return constant(unaryValue(op, x.value), x.type);
  if (op === 'neg' && x.op === 'neg') return x.args[0]!;
  return intern(op, x.type, [x]);
}

function arithmetic(op: Binary, a: Operand, b: Operand): Expr {
  const [x, y] = pair(a, b, 'i');
  if (isConst(x) && isConst(y)) return constant(binaryValue(op, x.value, y.value, x.type), x.type);
  if ((op === 'mul' || op === 'div' || op === 'pow') && isConst(y, 1)) return x;
  if (op === 'mul' && isConst(x, 1)) return y;
  if (op === 'sub' && isConst(y, 0) && !Object.is(y.value, -0)) return x;
  return intern(op, x.type, [x, y]);
}

function relation(op: 'less' | 'equal', a: Operand, b: Operand): Expr {
  const [x, y] = pair(a, b);
  return intern(op, 'b', [x, y]);
}

export const neg = (x: Operand): Expr => unary('neg', x, 'i');
export const abs = (x: Operand): Expr => unary('abs', x, 'i');
export const sign = (x: Operand): Expr => unary('sign', x, 'i');
export const floor = (x: Operand): Expr => unary('floor', x);
export const ceil = (x: Operand): Expr => unary('ceil', x);
/** To the nearest integer, halves to even. */
export const round = (x: Operand): Expr => unary('round', x);
export const sqrt = (x: Operand): Expr => unary('sqrt', x);
export const exp = (x: Operand): Expr => unary('exp', x);
export const expm1 = (x: Operand): Expr => unary('expm1', x);
export const log = (x: Operand): Expr => unary('log', x);
export const log1p = (x: Operand): Expr => unary('log1p', x);
export const sin = (x: Operand): Expr => unary('sin', x);
export const cos = (x: Operand): Expr => unary('cos', x);
export const arctan = (x: Operand): Expr => unary('atan', x);
export const tanh = (x: Operand): Expr => unary('tanh', x);
export const erf = (x: Operand): Expr => unary('erf', x);
export const erfinv = (x: Operand): Expr => unary('erfinv', x);
/** log |gamma(x)|. */
export const lgamma = (x: Operand): Expr => unary('lgamma', x);
/** The derivative of order n + 1 of lgamma. */
export function polygamma(n: number, x: Operand): Expr {
  if (!Number.isInteger(n) || n < 0) throw new ValueError(`polygamma: order ${n}; it must be a whole number >= 0.`);
  return arithmetic('polygamma', constant(n), cast(lift(x, 'f'), 'f'));
}
export const digamma = (x: Operand): Expr => polygamma(0, x);

export const add = (a: Operand, b: Operand): Expr => arithmetic('add', a, b);
export const sub = (a: Operand, b: Operand): Expr => arithmetic('sub', a, b);
export const mul = (a: Operand, b: Operand): Expr => arithmetic('mul', a, b);
/** Quotient; of integers, rounded down. */
export const div = (a: Operand, b: Operand): Expr => arithmetic('div', a, b);
export const pow = (a: Operand, b: Operand): Expr => arithmetic('pow', a, b);
/** Larger of two; NaN if either is. */
export const maximum = (a: Operand, b: Operand): Expr => arithmetic('max', a, b);
/** Smaller of two; NaN if either is. */
export const minimum = (a: Operand, b: Operand): Expr => arithmetic('min', a, b);
/** a - floor(a / b) b: the sign is b's. */
export const mod = (a: Operand, b: Operand): Expr => arithmetic('mod', a, b);
export const square = (x: Expr): Expr => mul(x, x);

export const less = (a: Operand, b: Operand): Expr => relation('less', a, b);
export const equal = (a: Operand, b: Operand): Expr => relation('equal', a, b);
export const greater = (a: Operand, b: Operand): Expr => less(b, a);
export const lessEqual = (a: Operand, b: Operand): Expr => logicalOr(less(a, b), equal(a, b));
export const greaterEqual = (a: Operand, b: Operand): Expr => lessEqual(b, a);
export const notEqual = (a: Operand, b: Operand): Expr => logicalNot(equal(a, b));
export const logicalNot = (x: Expr): Expr => intern('not', 'b', [cast(x, 'b')]);
export const logicalAnd = (a: Expr, b: Expr): Expr => intern('and', 'b', [cast(a, 'b'), cast(b, 'b')]);
export const logicalOr = (a: Expr, b: Expr): Expr => intern('or', 'b', [cast(a, 'b'), cast(b, 'b')]);
export const logicalXor = (a: Expr, b: Expr): Expr => notEqual(cast(a, 'b'), cast(b, 'b'));

/** a where c holds, b elsewhere; a select, so what is not chosen never matters. */
export function where(c: Expr, a: Operand, b: Operand): Expr {
  const [x, y] = pair(a, b);
  if (x === y) return x;
  return intern('where', x.type, [cast(c, 'b'), x, y]);
}

/** A call of a named function: runs as its body, differentiates by its rule. */
export function call(fn: Named, ...x: Operand[]): Expr {
  return intern('call', 'f', x.map((v) => cast(lift(v, 'f'), 'f')), 0, fn);
}

// ---- walking ----

/** Every node that the roots need, arguments before users. `expand` replaces calls by their bodies. */
export function topological(roots: readonly Expr[], expand = false): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const stack: [Expr, boolean][] = [...roots].reverse().map((r) => [expand ? inline(r) : r, false]);
  while (stack.length) {
    const [node, done] = stack.pop()!;
    if (done) order.push(node);
    else if (!seen.has(node)) {
      seen.add(node);
      stack.push([node, true]);
      for (let i = node.args.length - 1; i >= 0; i--) if (!seen.has(node.args[i]!)) stack.push([node.args[i]!, false]);
    }
  }
  return order;
}

/** The expression rebuilt bottom up: `change` may replace a node whose arguments are already new. */
export function rewrite(root: Expr, change: (node: Expr, args: readonly Expr[]) => Expr | null): Expr {
  const memo = new Map<Expr, Expr>();
  for (const node of topological([root])) {
    const args = node.args.map((a) => memo.get(a)!);
    memo.set(node, change(node, args) ?? (args.every((a, i) => a === node.args[i]) ? node : rebuild(node, args)));
  }
  return memo.get(root)!;
}

/** `node` with other arguments. */
const rebuild = (node: Expr, args: readonly Expr[]): Expr => intern(node.op, node.type, args, node.value, node.fn);

const inlined = new Map<Expr, Expr>();

/** The expression without calls: each named function replaced by its body. */
export function inline(root: Expr): Expr {
  let result = inlined.get(root);
  if (!result) {
    result = rewrite(root, (node, args) => (node.op === 'call' ? inline(node.fn!.body(...args)) : null));
    inlined.set(root, result);
  }
  return result;
}

/** The expression with its inputs replaced: composition, which is what fusion is. */
export const substitute = (root: Expr, inputs: readonly Expr[]): Expr =>
  rewrite(root, (node) => (node.op === 'in' ? inputs[node.value] ?? node : null));

/** Slots of the inputs that the roots read. */
export function slots(roots: readonly Expr[]): Set<number> {
  const found = new Set<number>();
  for (const node of topological(roots)) if (node.op === 'in') found.add(node.value);
  return found;
}

const infix: Partial<Record<Operation, string>> = {
  add: '+', sub: '-', mul: '*', div: '/', pow: '^', less: '<', equal: '==', and: 'and', or: 'or', mod: 'mod',
};
const letters = ['x', 'y', 'z', 'w'];

/** Infix text of an expression; inputs are named `x y z w`, or as given. */
export function formatExpr(node: Expr, names: readonly string[] = letters): string {
  const arg = (i: number) => formatExpr(node.args[i]!, names);
  if (node.op === 'in') return names[node.value] ?? `in${node.value}`;
  if (node.op === 'const') return node.type === 'b' ? String(node.value !== 0) : String(+node.value.toPrecision(8));
  if (node.op === 'neg') return `-${arg(0)}`;
  if (infix[node.op]) return `(${arg(0)} ${infix[node.op]} ${arg(1)})`;
  const name = node.op === 'call' ? node.fn!.name : node.op === 'cast' ? { f: 'float', i: 'int', b: 'bool' }[node.type] : node.op;
  return `${name}(${node.args.map((_, i) => arg(i)).join(', ')})`;
}
