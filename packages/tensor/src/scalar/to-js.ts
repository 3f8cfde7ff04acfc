/** Turns a scalar expression into the source of a JavaScript loop nest over strided operands. */
import { convert } from './convert.js';
import { topological, type Expr } from './expression.js';
import { erfinvValue, erfValue, lgammaValue, modValue, polygammaValue, powValue, roundValue } from './values.js';

/** Functions that generated code may call; it gets them as `h`. */
export const helpers = {
  erf: erfValue, erfinv: erfinvValue, lgamma: lgammaValue, mod: modValue, polygamma: polygammaValue, pow: powValue, round: roundValue,
  toInt: (x: number) => convert(x, 'i'),
};

const literal = (v: number): string => (Object.is(v, -0) ? '-0' : String(v));

/** One node as a JavaScript expression over the variables of its arguments; booleans are 0 and 1. */
function term(node: Expr, arg: (i: number) => string, single: boolean): string {
  const round = (text: string) => (single ? `Math.fround(${text})` : text);
  const [a, b] = [arg(0), arg(1)];
  const int = node.type === 'i';
  switch (node.op) {
    case 'const': return single && node.type === 'f' ? literal(Math.fround(node.value)) : literal(node.value);
    case 'neg': return int ? `(-${a}|0)` : `-${a}`;
    case 'not': return `(${a}?0:1)`;
    case 'abs': return int ? `(Math.abs(${a})|0)` : `Math.abs(${a})`;
    case 'sign': case 'floor': case 'ceil': return `Math.${node.op}(${a})`;
    case 'round': return `h.round(${a})`;
    case 'erf': case 'erfinv': case 'lgamma': return round(`h.${node.op}(${a})`);
    case 'polygamma': return round(`h.polygamma(${a},${b})`);
    case 'sqrt': case 'exp': case 'expm1': case 'log': case 'log1p': case 'sin': case 'cos': case 'atan': case 'tanh': return round(`Math.${node.op}(${a})`);
    case 'add': return int ? `(${a}+${b}|0)` : round(`${a}+${b}`);
    case 'sub': return int ? `(${a}-${b}|0)` : round(`${a}-${b}`);
    case 'mul': return int ? `Math.imul(${a},${b})` : round(`${a}*${b}`);
    case 'div': return int ? `h.toInt(Math.floor(${a}/${b}))` : round(`${a}/${b}`);
    case 'pow': return int ? `h.toInt(h.pow(${a},${b}))` : round(`h.pow(${a},${b})`);
    case 'mod': return int ? `(${b}===0?0:h.mod(${a},${b})|0)` : round(`h.mod(${a},${b})`);
    case 'max': case 'min': return `Math.${node.op}(${a},${b})`;
    case 'less': return `(${a}<${b}?1:0)`;
    case 'equal': return `(${a}===${b}?1:0)`;
    case 'and': return `(${a}&${b})`;
    case 'or': return `(${a}|${b})`;
    case 'where': return `(${a}?${b}:${arg(2)})`;
    case 'cast': {
      const from = node.args[0]!.type;
      if (node.type === 'b') return `(${a}!==0?1:0)`;
      return from === 'b' ? a : node.type === 'f' ? round(a) : `h.toInt(${a})`;
    }
    default: throw new Error(`to-js: ${node.op}`);
  }
}

/** Statements that compute every node of the expression once, and the variable of each root. */
export function statements(roots: readonly Expr[], single: boolean, read: (slot: number) => string): { lines: string[]; results: string[] } {
  const order = topological(roots, true);
  const names = new Map<Expr, string>();
  const lines: string[] = [];
  for (const node of order) {
    const name = `v${names.size}`;
    names.set(node, name);
    const text = node.op === 'in' ? read(node.value) : term(node, (i) => (node.args[i] ? names.get(node.args[i]!)! : ''), single);
    lines.push(`const ${name}=${text};`);
  }
  return { lines, results: roots.map((r) => names.get(topological([r], true).at(-1)!)!) };
}

/**
 * Body of `(n, x, y, h)`: element i < n of the outputs y from the inputs x, tensors that lie densely, or whose one element is meant
 * everywhere (`still`).
 */
export function flatSource(roots: readonly Expr[], still: readonly boolean[], single: boolean): string {
  const { lines, results } = statements(roots, single, (slot) => (still[slot] ? `x${slot}[p${slot}]` : `x${slot}[p${slot}+i]`));
  const used = topological(roots, true).filter((e) => e.op === 'in').map((e) => e.value);
  const head = [...used.map((k) => `const x${k}=x[${k}].storage.data,p${k}=x[${k}].offset;`), ...results.map((_, k) => `const y${k}=y[${k}].storage.data;`)];
  return [...head, 'for(let i=0;i<n;i++){', ...lines, ...results.map((v, k) => `y${k}[i]=${v};`), '}'].join('\n');
}

/**
 * Body of `(n, s, at, x, y, h)`: loop sizes n, strides s[operand][loop], offsets at, inputs x, dense outputs y.
 * One loop per entry of n; `rank` of them are generated.
 */
export function loopSource(roots: readonly Expr[], rank: number, single: boolean): string {
  const used = topological(roots, true).filter((e) => e.op === 'in').map((e) => e.value);
  const { lines, results } = statements(roots, single, (slot) => `x${slot}[p${slot}_${rank - 1}]`);
  const head = [...used.map((k) => `const x${k}=x[${k}];`), ...results.map((_, k) => `const y${k}=y[${k}];`), 'let q=0;'];
  const open: string[] = [];
  const close: string[] = [];
  for (let r = 0; r < rank; r++) {
    const starts = used.map((k) => `p${k}_${r}=${r ? `p${k}_${r - 1}` : `at[${k}]`}`);
    for (const k of used) head.push(`const s${k}_${r}=s[${k}][${r}];`);
    head.push(`const n${r}=n[${r}];`);
    open.push(`for(let ${[`i${r}=0`, ...starts].join(',')};i${r}<n${r};i${r}++${used.map((k) => `,p${k}_${r}+=s${k}_${r}`).join('')}){`);
    close.push('}');
  }
  return [...head, ...open, ...lines, ...results.map((v, k) => `y${k}[q]=${v};`), 'q++;', ...close].join('\n');
}
