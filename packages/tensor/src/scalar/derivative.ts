/** Symbolic differentiation of the scalar language: one rule per primitive, in one table. */
import {
  add, constant, cos, div, equal, exp, floor, less, log, mul, neg, polygamma, pow, sign, sin, sub, topological, where,
  type Binary, type Expr, type Unary,
} from './expression.js';
import { gmul } from './named.js';

/** What an argument's tangent contributes: `t` its tangent, `x` the arguments, `y` the node itself. Null: nothing, ever. */
type UnaryRule = (t: Expr, x: Expr, y: Expr) => Expr | null;
type BinaryRule = [left: (t: Expr, a: Expr, b: Expr, y: Expr) => Expr | null, right: (t: Expr, a: Expr, b: Expr, y: Expr) => Expr | null];

const none = () => null;
const half = (t: Expr) => mul(0.5, t);

const unaryRules: Record<Unary, UnaryRule> = {
  neg: (t) => neg(t),
  abs: (t, x) => mul(t, sign(x)),
  sign: none, floor: none, ceil: none, round: none, not: none,
  sqrt: (t, _, y) => gmul(t, div(0.5, y)),
  exp: (t, _, y) => mul(t, y),
  expm1: (t, x) => mul(t, exp(x)),
  log: (t, x) => gmul(t, div(1, x)),
  log1p: (t, x) => gmul(t, div(1, add(1, x))),
  sin: (t, x) => mul(t, cos(x)),
  cos: (t, x) => neg(mul(t, sin(x))),
  atan: (t, x) => div(t, add(1, mul(x, x))),
  tanh: (t, _, y) => mul(t, sub(1, mul(y, y))),
  erf: (t, x) => mul(t, mul(2 / Math.sqrt(Math.PI), exp(neg(mul(x, x))))),
  erfinv: (t, _, y) => gmul(t, mul(Math.sqrt(Math.PI) / 2, exp(mul(y, y)))),
  lgamma: (t, x) => gmul(t, polygamma(0, x)),
};

const binaryRules: Record<Binary, BinaryRule> = {
  add: [(t) => t, (t) => t],
  sub: [(t) => t, (t) => neg(t)],
  mul: [(t, _, b) => mul(t, b), (t, a) => mul(t, a)],
  div: [(t, _, b) => gmul(t, div(1, b)), (t, _, b, y) => neg(gmul(t, div(y, b)))],
  pow: [
    (t, a, b) => gmul(t, mul(b, pow(a, sub(b, 1)))),
    (t, a, _, y) => gmul(t, where(equal(y, 0), 0, mul(y, log(a)))),
  ],
  max: [(t, a, b) => where(equal(a, b), half(t), where(less(a, b), 0, t)), (t, a, b) => where(equal(a, b), half(t), where(less(b, a), 0, t))],
  min: [(t, a, b) => where(equal(a, b), half(t), where(less(b, a), 0, t)), (t, a, b) => where(equal(a, b), half(t), where(less(a, b), 0, t))],
  mod: [(t) => t, (t, a, b) => neg(mul(t, floor(div(a, b))))],
  polygamma: [none, (t, n, x) => gmul(t, polygamma(n.value + 1, x))],
  less: [none, none], equal: [none, none], and: [none, none], or: [none, none],
};

const plus = (a: Expr | null, b: Expr | null): Expr | null => (a && b ? add(a, b) : a ?? b);

/**
 * How the roots move when inputs move: forward differentiation through the graph.
 * `tangents` maps an input's slot to the expression of its tangent; the result is one tangent per root, null where it is zero.
 */
export function derivative(roots: readonly Expr[], tangents: ReadonlyMap<number, Expr>): (Expr | null)[] {
  const tangent = new Map<Expr, Expr | null>();
  for (const node of topological(roots)) {
    const [a, b] = node.args;
    const t = node.args.map((x) => tangent.get(x) ?? null);
    let result: Expr | null = null;
    if (node.op === 'in') result = tangents.get(node.value) ?? null;
    else if (node.type !== 'f' || node.op === 'const' || node.op === 'cast') result = null;
    else if (node.op === 'where') result = t[1] || t[2] ? where(a!, t[1] ?? constant(0), t[2] ?? constant(0)) : null;
    else if (node.op === 'call') {
      if (t.some(Boolean)) {
        const partials = node.fn!.derivative(node.args, node);
        partials.forEach((d, i) => { if (d && t[i]) result = plus(result, mul(t[i]!, d)); });
      }
    } else if (node.args.length === 1) result = t[0] ? unaryRules[node.op as Unary](t[0], a!, node) : null;
    else {
      const [left, right] = binaryRules[node.op as Binary];
      result = plus(t[0] && left(t[0], a!, b!, node), t[1] && right(t[1], a!, b!, node));
    }
    tangent.set(node, result);
  }
  return roots.map((r) => tangent.get(r) ?? null);
}

/** d root / d input `slot`, as an expression of the inputs; null where it is zero everywhere. */
export const partial = (root: Expr, slot: number): Expr | null => derivative([root], new Map([[slot, constant(1)]]))[0]!;
