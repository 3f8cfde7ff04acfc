/** What the primitives of the scalar language are worth: the numbers that every engine must compute. */
import { convert, type Kind } from './convert.js';
import { erfinvValue, erfValue, lgammaValue, polygammaValue } from './special.js';

export { erfinvValue, erfValue, lgammaValue, polygammaValue };

export type Unary =
  | 'neg' | 'abs' | 'sign' | 'floor' | 'ceil' | 'round' | 'sqrt' | 'exp' | 'expm1' | 'log' | 'log1p'
  | 'sin' | 'cos' | 'atan' | 'tanh' | 'erf' | 'erfinv' | 'lgamma' | 'not';

/** `polygamma(n, x)`: its first argument is the order, a constant. */
export type Binary = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'max' | 'min' | 'mod' | 'polygamma' | 'less' | 'equal' | 'and' | 'or';

/** Nearest integer, halves to even. */
export function roundValue(x: number): number {
  const r = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** a^b; 1^NaN = 1 and (-1)^(+-Infinity) = 1, as IEEE 754 says and Math.pow does not. */
export const powValue = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b);

export const modValue = (a: number, b: number): number => {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r === 0 ? (b < 0 ? -0 : 0) : r;
};

const unaries: Record<Unary, (x: number) => number> = {
  neg: (x) => -x, abs: Math.abs, sign: Math.sign, floor: Math.floor, ceil: Math.ceil, round: roundValue, sqrt: Math.sqrt,
  exp: Math.exp, expm1: Math.expm1, log: Math.log, log1p: Math.log1p, sin: Math.sin, cos: Math.cos, atan: Math.atan,
  tanh: Math.tanh, erf: erfValue, erfinv: erfinvValue, lgamma: lgammaValue, not: (x) => (x ? 0 : 1),
};
export const unaryValue = (op: Unary, x: number): number => unaries[op](x);

export function binaryValue(op: Binary, a: number, b: number, type: Kind): number {
  switch (op) {
    case 'add': return type === 'i' ? (a + b) | 0 : a + b;
    case 'sub': return type === 'i' ? (a - b) | 0 : a - b;
    case 'mul': return type === 'i' ? Math.imul(a, b) : a * b;
    case 'div': return type === 'i' ? convert(Math.floor(a / b), 'i') : a / b;
    case 'pow': return type === 'i' ? convert(powValue(a, b), 'i') : powValue(a, b);
    case 'max': return Math.max(a, b);
    case 'min': return Math.min(a, b);
    case 'mod': return type === 'i' ? (b === 0 ? 0 : modValue(a, b) | 0) : modValue(a, b);
    case 'polygamma': return polygammaValue(a, b);
    case 'less': return a < b ? 1 : 0;
    case 'equal': return a === b ? 1 : 0;
    case 'and': return a && b ? 1 : 0;
    case 'or': return a || b ? 1 : 0;
  }
}
