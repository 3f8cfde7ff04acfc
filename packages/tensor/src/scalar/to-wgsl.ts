/** Turns scalar expressions into WGSL: statements, and the names of their values. Integers are i32 there and wrap around; booleans are bool. */
import { topological, type Expr } from './expression.js';
import { lowered } from './lower-gpu.js';

/** What shaders may call, each after what calls it. Bits come from memory, so that no compiler reckons with infinities. */
const functions: readonly (readonly [name: string, text: string])[] = [
  ['pow_int(', `fn pow_int(a: i32, b: i32) -> i32 {
  if (b < 0) {
    if (a == 0) { return 2147483647; }
    return select(0, select(1, a, (b & 1) != 0), a == 1 || a == -1);
  }
  if (a == 0 || a == 1 || a == -1) { return select(select(a, 1, b == 0), 1, a == -1 && (b & 1) == 0); }
  var y = 1;
  for (var k = 0; k < min(b, 32); k++) {
    if (abs(f32(y)) * abs(f32(a)) >= 2147483648.0) { return select(-2147483647 - 1, 2147483647, a > 0 || (b & 1) == 0); }
    y *= a;
  }
  return y;
}`],
  ['mod_int(', `fn mod_int(a: i32, b: i32) -> i32 {
  if (b == 0 || b == -1) { return 0; }
  let r = a % b;
  return select(r, r + b, r != 0 && ((r < 0) != (b < 0)));
}`],
  ['div_int(', `fn div_int(a: i32, b: i32) -> i32 {
  if (b == 0) { return select(select(-2147483647 - 1, 2147483647, a > 0), 0, a == 0); }
  if (b == -1) { return select(-a, 2147483647, a == -2147483647 - 1); }
  let q = a / b;
  return select(q, q - 1, q * b != a && ((a < 0) != (b < 0)));
}`],
  ['to_int(', `fn to_int(x: f32) -> i32 {
  if (is_nan(x)) { return 0; }
  if (x >= 2147483648.0) { return 2147483647; }
  if (x <= -2147483648.0) { return -2147483647 - 1; }
  return i32(x);
}`],
  ['is_nan(', 'fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }'],
  ['minus_infinity(', 'fn minus_infinity() -> f32 { return bitcast<f32>(bits_inf | 0x80000000u); }'],
  ['infinity(', 'fn infinity() -> f32 { return bitcast<f32>(bits_inf); }'],
  ['not_a_number(', 'var<private> bits_nan: u32 = 0x7fc00000u;\nfn not_a_number() -> f32 { return bitcast<f32>(bits_nan); }'],
  ['minus_zero(', 'var<private> bits_zero: u32 = 0x80000000u;\nfn minus_zero() -> f32 { return bitcast<f32>(bits_zero); }'],
  ['bits_inf', 'var<private> bits_inf: u32 = 0x7f800000u;'],
];

/** Declarations of those that some WGSL calls. */
export function wgslLibrary(code: string): string {
  let found = '';
  for (const [name, text] of functions) if (code.includes(name) || found.includes(name)) found += `${text}\n`;
  return found;
}

function literal({ value: v, type }: Expr): string {
  if (type === 'b') return String(v !== 0);
  if (type === 'i') return v === -2147483648 ? '(-2147483647 - 1)' : String(v);
  const single = Math.fround(v);
  if (Number.isNaN(single)) return 'not_a_number()';
  if (!Number.isFinite(single)) return single > 0 ? 'infinity()' : 'minus_infinity()';
  if (Object.is(single, -0)) return 'minus_zero()';
  return `${single < 0 ? '(' : ''}${single}f${single < 0 ? ')' : ''}`;
}

const infix: Partial<Record<string, string>> = { add: '+', sub: '-', mul: '*', div: '/', and: '&&', or: '||' };

function term({ op, type, args }: Expr, [a, b, c]: readonly string[]): string {
  const [of] = args;
  if (type === 'i') {
    switch (op) {
      case 'div': return `div_int(${a}, ${b})`;
      case 'mod': return `mod_int(${a}, ${b})`;
      case 'pow': return `pow_int(${a}, ${b})`;
      case 'sign': case 'abs': case 'max': case 'min': return `${op}(${[a, b].filter(Boolean).join(', ')})`;
    }
  }
  if (infix[op]) return `${a} ${infix[op]} ${b}`;
  switch (op) {
    case 'neg': return `-${a}`;
    case 'not': return `!${a}`;
    case 'less': return of!.type === 'b' ? `!${a} && ${b}` : `${a} < ${b}`;
    case 'equal': return a === b && of!.type === 'f' ? `!is_nan(${a})` : `${a} == ${b}`;
    case 'where': return `select(${c}, ${b}, ${a})`;
    case 'abs': case 'floor': case 'ceil': case 'sqrt': case 'exp': case 'log': case 'sin': case 'cos': case 'atan': return `${op}(${a})`;
    case 'pow': return `pow(${a}, ${b})`;
    case 'cast': {
      if (type === 'f') return `f32(${a})`;
      if (type === 'b') return of!.type === 'f' ? `${a} != 0f` : `${a} != 0`;
      return of!.type === 'f' ? `to_int(${a})` : `i32(${a})`;
    }
    default: throw new Error(`to-wgsl: ${op}`);
  }
}

/** Statements that compute the roots, each subexpression once, and the roots' values; `read` is the value of an input. */
export function wgsl(roots: readonly Expr[], read: (slot: number) => string, prefix = 'v'): { lines: string[]; values: string[] } {
  const bottom = roots.map((root) => lowered(root, true));
  const names = new Map<Expr, string>();
  const lines: string[] = [];
  for (const node of topological(bottom)) {
    if (node.op === 'const') names.set(node, literal(node));
    else {
      const name = `${prefix}${lines.length}`;
      lines.push(`let ${name} = ${node.op === 'in' ? read(node.value) : term(node, node.args.map((x) => names.get(x)!))};`);
      names.set(node, name);
    }
  }
  return { lines, values: bottom.map((root) => names.get(root)!) };
}
