/** From the scalar language to WebAssembly: four lanes at a time, float32 and int32 as they are, booleans as masks of all bits. */
import type { Func, Local, Value, ValueType } from '../backends/wasm/assembler.js';
import type { VectorOp } from '../backends/wasm/opcodes.js';
import * as double from '../backends/wasm/math-double.js';
import * as math from '../backends/wasm/math.js';
import * as trigonometric from '../backends/wasm/math-trigonometric.js';
import type { Expr, Kind } from './expression.js';
import { binaryValue, unaryValue, type Binary, type Unary } from './values.js';

/** What has no vector form here and is computed lane by lane in JavaScript. */
const host: readonly string[] = ['erfinv f', 'lgamma f', 'polygamma f', 'pow i'];
const hostName = ({ op, type }: Expr): string | null => (host.includes(`${op} ${type}`) ? `${op}_${type}` : null);

export interface HostFunction {
  readonly name: string;
  readonly type: ValueType;
  readonly arity: number;
  readonly run: (...x: number[]) => number;
}

/** The JavaScript functions that an expression's kernel has to import. */
export function hostFunctions(order: readonly Expr[]): HostFunction[] {
  const found = new Map<string, HostFunction>();
  for (const node of order) {
    const name = hostName(node);
    if (!name || found.has(name)) continue;
    const { op, type, args } = node;
    const run = args.length === 1
      ? (x: number) => unaryValue(op as Unary, x)
      : (a: number, b: number) => binaryValue(op as Binary, a, b, type);
    found.set(name, { name, type: type === 'f' ? 'f32' : 'i32', arity: args.length, run });
  }
  return [...found.values()];
}

const direct: Partial<Record<string, VectorOp>> = {
  'neg f': 'f32x4.neg', 'abs f': 'f32x4.abs', 'floor f': 'f32x4.floor', 'ceil f': 'f32x4.ceil', 'round f': 'f32x4.nearest',
  'sqrt f': 'f32x4.sqrt', 'neg i': 'i32x4.neg', 'abs i': 'i32x4.abs', 'not b': 'v128.not',
  'add f': 'f32x4.add', 'sub f': 'f32x4.sub', 'mul f': 'f32x4.mul', 'div f': 'f32x4.div', 'max f': 'f32x4.max', 'min f': 'f32x4.min',
  'add i': 'i32x4.add', 'sub i': 'i32x4.sub', 'mul i': 'i32x4.mul', 'max i': 'i32x4.max_s', 'min i': 'i32x4.min_s',
  'less f': 'f32x4.lt', 'less i': 'i32x4.lt_s', 'less b': 'i32x4.gt_s', // true is -1
  'equal f': 'f32x4.eq', 'equal i': 'i32x4.eq', 'equal b': 'i32x4.eq', 'and b': 'v128.and', 'or b': 'v128.or',
  'cast f i': 'i32x4.trunc_sat_f32x4_s', 'cast i f': 'f32x4.convert_i32x4_s',
};

const elementary: Partial<Record<string, (f: Func, ...x: readonly Local[]) => math.Steps>> = {
  'exp f': math.exp, 'expm1 f': math.expm1, 'log f': math.log, 'log1p f': math.log1p, 'tanh f': math.tanh, 'erf f': math.erf, 'sign f': math.sign,
  'sin f': trigonometric.sin, 'cos f': trigonometric.cos, 'atan f': trigonometric.atan,
  'pow f': double.pow, 'mod f': double.mod, 'mod i': double.modInteger, 'div i': double.divInteger,
};

function lanewise(f: Func, host: number, type: Kind, args: readonly Local[]): Value {
  const shape = type === 'f' ? 'f32x4' : 'i32x4';
  const at = (lane: number) => f.call(host, ...args.map((a) => f.lane(`${shape}.extract_lane`, lane, a)));
  const out = f.local('v128', f.op(`${shape}.splat`, at(0)));
  for (let i = 1; i < 4; i++) f.set(out, f.lane(`${shape}.replace_lane`, i, out, at(i)));
  return out;
}

/**
 * The values of one node (no input, no call) for several vectors at once, each with its arguments in locals.
 * `host` finds imported functions.
 */
export function emitNode(f: Func, node: Expr, vectors: readonly (readonly Local[])[], host: (name: string) => number): Local[] {
  const steps = elementary[`${node.op} ${node.type}`];
  if (steps) return math.lockstep(f, vectors.map((x) => steps(f, ...x)));
  return vectors.map((args) => {
    const value = emitOne(f, node, args, host);
    return 'index' in value ? (value as Local) : f.local('v128', value);
  });
}

function emitOne(f: Func, node: Expr, args: readonly Local[], host: (name: string) => number): Value {
  const { op, type } = node;
  const imported = hostName(node);
  if (imported) return lanewise(f, host(imported), type, args);
  const from = node.args[0]?.type ?? type;
  const name = direct[op === 'cast' ? `cast ${from} ${type}` : op === 'less' || op === 'equal' ? `${op} ${from}` : `${op} ${type}`];
  if (name) return f.op(name, ...args);
  const [x, y, z] = args;
  switch (op) {
    case 'const': return type === 'f' ? f.f32x4(node.value) : f.i32x4(type === 'b' ? (node.value ? -1 : 0) : node.value);
    case 'where': return f.op('v128.bitselect', y, z, x);
    case 'sign': { // of integers
      const up = f.op('i32x4.shr_u', f.op('i32x4.neg', x), 31);
      return f.op('v128.or', f.op('i32x4.shr_s', x, 31), up);
    }
    case 'cast':
      if (type === 'b') return from === 'f' ? f.op('f32x4.ne', x, f.f32x4(0)) : f.op('i32x4.ne', x, f.i32x4(0));
      return f.op('v128.and', x, type === 'f' ? f.f32x4(1) : f.i32x4(1)); // from a mask
    default: throw new Error(`to-wasm: no code for ${op} of type ${type}.`);
  }
}

/** What js takes for a node, in nanoseconds per element, where that is not about one. */
const slowInJs: Partial<Record<string, number>> = { exp: 18, expm1: 25, log: 15, log1p: 25, tanh: 35, erf: 150, sin: 22, cos: 22, atan: 22, pow: 40, mod: 20 };

/** What takes longer here than other elementary functions, in nanoseconds per element. */
const slow: Partial<Record<string, number>> = { 'sin f': 2.2, 'cos f': 2.2, 'pow f': 6, 'mod f': 2.5 };

/** Rough costs per element in nanoseconds: of the SIMD kernel, and of a JavaScript loop. */
export function costOf(order: readonly Expr[]): { wasm: number; js: number } {
  let [wasm, js] = [0, 0];
  for (const node of order) {
    if (node.op === 'const') continue;
    const key = `${node.op} ${node.type}`;
    wasm += host.includes(key) ? 30 : slow[key] ?? (elementary[key] && node.op !== 'sign' ? 1.2 : 0.1);
    js += (node.type === 'f' ? slowInJs[node.op] : undefined) ?? 1.2;
  }
  return { wasm, js };
}
