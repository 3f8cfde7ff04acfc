/**
 * Turns a scalar expression into the source of a gpu.js kernel: text, so that no bundler or minifier can break it.
 * gpu.js knows floats only, of 32 bits: integers and booleans are whole floats, and integers beyond 2^24 lose digits (so they
 * don't wrap around at 2^31 either).
 */
import { contiguousStrides, type Shape } from '../shape.js';
import { nest } from '../backends/nest.js';
import { slots, topological, type Expr } from './expression.js';
import { lowered } from './lower-gpu.js';

/** The axes of a kernel's threads, outermost first; an operand has those along which it is not repeated. */
export type GpuAxes = '' | 'x' | 'y' | 'z' | 'yx' | 'zx' | 'zy' | 'zyx';

export interface GpuLayout {
  /** The kernel's `output` as gpu.js counts: [x], [x, y] or [x, y, z]. */
  readonly output: readonly number[];
  readonly operands: readonly {
    readonly axes: GpuAxes;
    /** Its sizes for gpu.js's `input(data, size)`, innermost first. */
    readonly size: readonly number[];
  }[];
}

/** gpu.js counts threads and indices exactly below this. */
const axisLimit = 2 ** 24;

/**
 * How work over `shape` on dense operands that broadcast to it is laid over at most three thread axes, each below 2^24, so that every
 * index is a thread's own number: arithmetic on indices is float32 in gpu.js and goes wrong in large arrays.
 * Null where it takes more axes: a dense copy of what is repeated needs fewer.
 */
export function gpuLayout(shape: Shape, shapes: readonly Shape[]): GpuLayout | null {
  const loops = nest(shape, shapes.map((s) => ({ shape: s, strides: contiguousStrides(s) })));
  const sizes: number[] = [];
  const from: number[] = []; // the loop that an axis is a part of
  for (const [k, n] of loops.sizes.entries()) {
    let parts = Math.ceil(n / (axisLimit - 1));
    while (n % parts) parts++;
    for (const part of parts > 1 ? [parts, n / parts] : [n]) sizes.push(part), from.push(k);
  }
  if (sizes.length > 3 || sizes.some((n) => n >= axisLimit)) return null;
  const names = 'zyx'.slice(3 - sizes.length);
  const operands = loops.strides.map((strides) => {
    const own = [...sizes.keys()].filter((axis) => strides[from[axis]!] !== 0);
    return { axes: own.map((axis) => names[axis]!).join('') as GpuAxes, size: own.length ? own.map((axis) => sizes[axis]!).reverse() : [1] };
  });
  return { output: [...sizes].reverse(), operands };
}

/** What gpu.js cannot write, and some compilers refuse in constants: a variable's name and how it is computed from `nought`, another. */
const special: Record<string, readonly [name: string, value: string]> = {
  'Infinity': ['infinity', '1.0 / nought'], '-Infinity': ['minusInfinity', '-1.0 / nought'], 'NaN': ['notANumber', 'nought / nought'], '-0': ['minusNought', '-nought'],
};

/** A number as a float32 can hold it: with a point or an exponent for gpu.js, or a key of `special`. */
function literal(v: number): string {
  const single = Math.fround(v);
  if (Object.is(single, -0)) return '-0';
  const text = Number.isFinite(single) ? String(single && v) : String(single);
  return /[.eIN]/.test(text) ? text : `${text}.0`;
}

const infix: Partial<Record<string, string>> = { add: '+', sub: '-', mul: '*', div: '/' };

/** One node in gpu.js's JavaScript; booleans are 0.0 and 1.0. */
function term({ op }: Expr, [a, b, c]: readonly string[]): string {
  if (infix[op]) return `${a} ${infix[op]} ${b}`;
  switch (op) {
    case 'neg': return `-${a}`;
    case 'less': return `${a} < ${b} ? 1.0 : 0.0`;
    case 'equal': return `${a} === ${b} ? 1.0 : 0.0`;
    case 'and': return `${a} * ${b}`;
    case 'or': return `${a} + ${b} > 0.0 ? 1.0 : 0.0`;
    case 'not': return `1.0 - ${a}`;
    case 'where': return `${a} > 0.0 ? ${b} : ${c}`;
    case 'abs': case 'floor': case 'ceil': case 'sqrt': case 'exp': case 'log': case 'sin': case 'cos': case 'atan': return `Math.${op}(${a})`;
    case 'pow': return `Math.pow(${a}, ${b})`;
    case 'cast': return a!; // of a boolean to a float
    default: throw new Error(`to-gpu: ${op}`);
  }
}

const reading = (slot: number, axes: GpuAxes): string => `x${slot}${axes ? [...axes].map((axis) => `[this.thread.${axis}]`).join('') : '[0]'}`;

/**
 * A gpu.js kernel that computes one cell of the root. Its parameters are `x0, x1, ...`, one per slot that the root reads, in
 * ascending order (gpu.js's default WebGPU device has room for 7 arrays); `axes[slot]` says which thread axes an input has.
 * Subexpressions are computed once.
 */
export function kernelSource(root: Expr, axes: readonly GpuAxes[]): string {
  const order = topological([lowered(root)]);
  const names = new Map<Expr, string>();
  const needed = new Map<string, string>();
  const lines: string[] = [];
  for (const node of order) {
    if (node.op === 'const') {
      const text = literal(node.value);
      const [name, value] = special[text] ?? [text];
      if (value) needed.set(name, value);
      names.set(node, name);
      continue;
    }
    const name = `v${lines.length}`;
    lines.push(`const ${name} = ${node.op === 'in' ? reading(node.value, axes[node.value]!) : term(node, node.args.map((x) => names.get(x)!))};`);
    names.set(node, name);
  }
  const head = needed.size ? ['const nought = 0.0;', ...[...needed].map(([name, value]) => `const ${name} = ${value};`)] : [];
  const parameters = [...slots([root])].sort((p, q) => p - q).map((slot) => `x${slot}`);
  const body = [...head, ...lines, `return ${names.get(order[order.length - 1]!)};`];
  return `function (${parameters.join(', ')}) {\n${body.map((line) => `  ${line}\n`).join('')}}`;
}
