/**
 * Writes one compute shader and binds it: operands are named accessors, sizes and strides are numbers of its uniform block, so that one
 * pipeline serves every size. Operands that lie in one buffer with an output share a binding where their places touch, as WebGPU demands.
 */
import type { View } from '../../backend.js';
import { BackendError } from '../../errors.js';
import { wgslLibrary } from '../../scalar/to-wgsl.js';
import { formatShape } from '../../shape.js';
import type { Nest } from '../nest.js';
import { bytesOf, type GpuArray } from './array.js';
import type { Dispatch, Gpu } from './device.js';

/** Operands of one element may be given as that number. */
export type GpuView = View<GpuArray> & { readonly scalar?: number };
export type ShaderType = 'f32' | 'i32' | 'bool' | 'u32';

/** Cells that one thread of a line of threads may be one of. */
export const lineThreads = 256;
const mostGroups = 65535;

const typeOf = { float32: 'f32', int32: 'i32', bool: 'bool', float64: 'u32' } as const;
/** What reads an element of the other type from a binding: bools are kept as 0 and 1. */
const from: Record<ShaderType, Record<string, (e: string) => string>> = {
  f32: { f32: (e) => e, u32: (e) => `bitcast<f32>(${e})` },
  i32: { i32: (e) => e, u32: (e) => `bitcast<i32>(${e})` },
  bool: { u32: (e) => `(${e} != 0u)` },
  u32: { u32: (e) => e },
};
const into: typeof from = {
  f32: { f32: (e) => e, u32: (e) => `bitcast<u32>(${e})` },
  i32: { i32: (e) => e, u32: (e) => `bitcast<u32>(${e})` },
  bool: { u32: (e) => `select(0u, 1u, ${e})` },
  u32: { u32: (e) => e },
};

/** An operand in WGSL; `at` is an i32, an element counted from the view's first. */
export class Operand {
  constructor(readonly name: string, readonly view: GpuView, readonly type: ShaderType, readonly written: boolean) {}
  load(at: string): string { return `${this.name}(${at})`; }
  store(at: string, value: string): string { return `${this.name}_set(${at}, ${value});`; }
  /** Four neighbours, the first at 4 `at`; only where all the view's elements lie densely. */
  load4(at: string): string { return `${this.name}_4(${at})`; }
  store4(at: string, value: string): string { return `${this.name}_set4(${at}, ${value});`; }
  get shape() { return this.view.shape; }
  get strides() { return this.view.strides; }
}

/** Bytes around an operand that a binding takes as well, to begin and end on round addresses. */
export const margin = 512;
/** Bytes that a kernel must reach for a view: from its first to its last element. */
export const spanOf = ({ shape, strides, dtype }: GpuView): number => shape.reduce((sum, n, i) => sum + Math.abs(strides[i]!) * Math.max(0, n - 1), 1) * bytesOf(dtype) + margin;

/** A part of a view along an axis. */
export const cut = (v: GpuView, axis: number, from: number, to: number): GpuView => ({ ...v, shape: v.shape.map((n, i) => (i === axis ? to - from : n)), offset: v.offset + from * v.strides[axis]! });

/** An axis in two. */
export const halves = (n: number): [from: number, to: number][] => [[0, Math.ceil(n / 2)], [Math.ceil(n / 2), n]];

interface Window { buffer: GPUBuffer; from: number; to: number; written: boolean; operands: Operand[] }

/** One window for each buffer: where there are too many. */
function together(windows: readonly Window[]): Window[] {
  const found = new Map<GPUBuffer, Window>();
  for (const w of windows) {
    const other = found.get(w.buffer);
    found.set(w.buffer, other ? { ...w, from: Math.min(w.from, other.from), to: Math.max(w.to, other.to), operands: [...other.operands, ...w.operands] } : w);
  }
  return [...found.values()];
}

export class Shader {
  private readonly operands: Operand[] = [];
  private readonly numbers: { kind: 'i32' | 'f32' | 'u32'; value: number }[] = [];
  private readonly parts: string[] = [];
  private readonly once = new Set<string>();
  /** Directives before everything else. */
  private readonly features = new Set<string>();
  private code = '';
  private size: readonly [number, number, number] = [lineThreads, 1, 1];
  private groups: readonly [number, number, number] = [1, 1, 1];
  constructor(readonly gpu: Gpu) {}

  private operand(view: GpuView, written: boolean): Operand {
    const operand = new Operand(`op${this.operands.length}`, view, typeOf[view.dtype], written);
    this.operands.push(operand);
    return operand;
  }
  input(view: GpuView): Operand { return this.operand(view, false); }
  output(view: GpuView): Operand { return this.operand(view, true); }

  /** A whole number of the uniform block. Equal numbers of one name are one. */
  int(value: number): string { return this.number('i32', value); }
  float(value: number): string { return this.number('f32', value); }
  uint(value: number): string { return this.number('u32', value); }
  private number(kind: 'i32' | 'f32' | 'u32', value: number): string {
    this.numbers.push({ kind, value });
    return `p.n${this.numbers.length - 1}`;
  }
  /** A stride times an index: nothing where it is 0 or 1, which is part of the kernel's text. */
  times(index: string, stride: number): string {
    return stride === 0 ? '0' : stride === 1 ? index : `${index} * ${this.int(stride)}`;
  }

  /** The same for a stride that is used many times: one number in all. */
  along(stride: number): (index: string) => string {
    const by = stride === 0 || stride === 1 ? '' : this.int(stride);
    return (index) => (stride === 0 ? '0' : stride === 1 ? index : `${index} * ${by}`);
  }
  /** A language feature that the device has. */
  enable(feature: string): void { this.features.add(`enable ${feature};`); }
  /** Does without a proof that the compiler cannot find. */
  trust(rule: string): void { this.features.add(`diagnostic(off, ${rule});`); }

  /** Declarations outside of `main`: workgroup memory, functions; the same text comes once. */
  declare(text: string): void {
    if (!this.once.has(text)) this.parts.push(text);
    this.once.add(text);
  }

  /** The body for one thread for each of `n` cells; `i` is its cell. */
  line(n: number, body: string): this {
    const groups = Math.ceil(n / lineThreads);
    const across = Math.min(groups, mostGroups);
    const count = this.int(n);
    this.code = `  let i = i32(gid.x) + i32(gid.y) * ${this.int(across * lineThreads)};\n  if (i >= ${count}) { return; }\n${body}`;
    this.groups = [across, Math.ceil(groups / across) || 0, 1];
    return this;
  }
  /** The body for one group of threads for each of `n` things; `row` is its thing, `lid` its thread. */
  rows(n: number, threads: number, body: string): this {
    const across = Math.min(n, mostGroups);
    const count = this.int(n);
    this.code = `  let row = i32(wid.x) + i32(wid.y) * ${this.int(across)};\n  if (row >= ${count}) { return; }\n  let lid = i32(local.x);\n${body}`;
    this.size = [threads, 1, 1];
    this.groups = [across, across ? Math.ceil(n / across) : 0, 1];
    return this;
  }
  /** The body for groups of threads as wanted: `wid`, `local` and `gid` are WebGPU's. */
  grid(groups: readonly [number, number, number], size: readonly [number, number, number], body: string): this {
    if (groups.some((g) => g > mostGroups)) throw new BackendError(`gpu: a kernel of ${groups.join(' x ')} groups; there are at most ${mostGroups} along an axis.`);
    this.code = body;
    this.groups = groups;
    this.size = size;
    return this;
  }

  /** A number of the uniform block as an element. */
  scalar({ scalar, dtype }: GpuView): string { return dtype === 'float32' ? this.float(scalar!) : dtype === 'int32' ? this.int(scalar!) : `(${this.int(scalar!)} != 0)`; }

  /** Declares `name0, name1, ...`: where cell `cell` of a loop nest lies in each operand. */
  walk({ sizes, strides }: Nest, cell: string, names: readonly string[]): string {
    const last = sizes.length - 1;
    const lines: string[] = [];
    let rest = cell;
    const index: string[] = [];
    for (let k = last; k > 0; k--) {
      const n = this.int(sizes[k]!);
      lines.push(`  let ${names[0]}_i${k} = ${rest} % ${n};`, `  let ${names[0]}_r${k} = ${rest} / ${n};`);
      index[k] = `${names[0]}_i${k}`;
      rest = `${names[0]}_r${k}`;
    }
    index[0] = rest;
    names.forEach((name, k) => {
      const terms = index.map((at, axis) => this.times(at, strides[k]![axis]!)).filter((t) => t !== '0');
      lines.push(`  let ${name} = ${terms.join(' + ') || '0'};`);
    });
    return `${lines.join('\n')}\n`;
  }

  /** The operands' places, those together that touch where one is written. */
  private windows(): Window[] {
    const { minStorageBufferOffsetAlignment: align } = this.gpu.device.limits;
    const windows: Window[] = [];
    const targets = new Set(this.operands.filter((o) => o.written).map((o) => o.view.data.gpuBuffer()));
    for (const operand of this.operands) {
      const { data, shape, strides, offset } = operand.view;
      const bytes = bytesOf(operand.view.dtype);
      const reach = (i: number) => strides[i]! * Math.max(0, shape[i]! - 1);
      const least = shape.reduce((sum, _, i) => sum + Math.min(0, reach(i)), offset);
      const most = shape.reduce((sum, _, i) => sum + Math.max(0, reach(i)), offset);
      const begin = data.byteOffset + least * bytes;
      const buffer = data.gpuBuffer();
      const shared = targets.has(buffer); // a buffer that is written may not be bound for reading beside that
      let window: Window = { buffer, from: begin - (begin % align), to: Math.ceil((data.byteOffset + (most + 1) * bytes) / 16) * 16, written: shared, operands: [operand] };
      for (let k = windows.length - 1; k >= 0; k--) {
        const other = windows[k]!;
        if (other.buffer !== window.buffer) continue;
        const same = other.from === window.from && other.to === window.to;
        if (!(same || (shared && other.from < window.to && window.from < other.to))) continue;
        window = { ...window, from: Math.min(other.from, window.from), to: Math.max(other.to, window.to), written: other.written || window.written, operands: [...other.operands, ...window.operands] };
        windows.splice(k, 1);
      }
      windows.push(window);
    }
    return windows.length > this.gpu.mostOperands ? together(windows) : windows;
  }

  /** Whether four neighbours of an operand can be read and written as one: its elements are float32 and begin where four do. */
  private isWide(w: Window): boolean {
    return w.operands.every(({ type, view }) => type === 'f32' && (view.data.byteOffset / 4 + view.offset) % 4 === 0);
  }

  /** The dispatch: shader compiled, operands bound. */
  dispatch(): Dispatch {
    const windows = this.windows();
    if (this.code.includes('complain(')) windows.push({ buffer: this.gpu.trouble, from: 0, to: 16, written: true, operands: [] });
    const { mostBound, mostOperands } = this.gpu;
    if (windows.length > mostOperands) throw new BackendError(`gpu: a kernel of ${windows.length} operands; this device binds ${mostOperands}.`);
    const lines: string[] = [];
    windows.forEach((w, k) => {
      if (w.buffer === this.gpu.trouble) {
        lines.push(`@group(0) @binding(${k + 1}) var<storage, read_write> trouble: array<atomic<u32>, 4>;`, `fn complain(who: u32, a: i32, b: i32, c: i32) { if (atomicExchange(&trouble[0], who) == 0u) { atomicStore(&trouble[1], bitcast<u32>(a)); atomicStore(&trouble[2], bitcast<u32>(b)); atomicStore(&trouble[3], bitcast<u32>(c)); } }`);
        return;
      }
      const bytes = Math.min(w.to, w.buffer.size) - w.from;
      if (bytes > mostBound) throw new BackendError(`gpu: an operand ${formatShape(w.operands[0]!.shape)} spans ${bytes} bytes; a kernel here reaches ${mostBound}. Compute it in parts.`);
      const types = new Set(w.operands.map((o) => (o.type === 'bool' ? 'u32' : o.type)));
      const fours = w.operands.some((o) => this.code.includes(`${o.name}_4(`) || this.code.includes(`${o.name}_set4(`) || this.parts.some((t) => t.includes(`${o.name}_4(`) || t.includes(`${o.name}_set4(`)));
      const wide = fours && this.isWide(w);
      const type = types.size === 1 ? [...types][0]! : 'u32';
      lines.push(`@group(0) @binding(${k + 1}) var<storage, ${w.written ? 'read_write' : 'read'}> m${k}: array<${wide ? 'vec4<f32>' : type}>;`);
      for (const o of w.operands) {
        const base = this.int((o.view.data.byteOffset - w.from) / bytesOf(o.view.dtype) + o.view.offset);
        const cell = (at: string) => (wide ? `m${k}[(${at}) >> 2][(${at}) & 3]` : `m${k}[${at}]`);
        const [get, put] = [from[o.type][type]!, into[o.type][type]!];
        lines.push(`fn ${o.name}(at: i32) -> ${o.type} { let q = ${base} + at; return ${get(cell('q'))}; }`);
        if (o.written) lines.push(`fn ${o.name}_set(at: i32, v: ${o.type}) { let q = ${base} + at; ${cell('q')} = ${put('v')}; }`);
        if (!fours) continue;
        lines.push(`fn ${o.name}_4(at: i32) -> vec4<${o.type}> { ${wide ? `return m${k}[(${base} >> 2) + at];` : `let q = ${base} + 4 * at; return vec4(${[0, 1, 2, 3].map((d) => get(cell(`q + ${d}`))).join(', ')});`} }`);
        if (o.written) lines.push(`fn ${o.name}_set4(at: i32, v: vec4<${o.type}>) { ${wide ? `m${k}[(${base} >> 2) + at] = v;` : `let q = ${base} + 4 * at; ${[0, 1, 2, 3].map((d) => `${cell(`q + ${d}`)} = ${put(`v[${d}]`)};`).join(' ')}`} }`);
      }
    });
    const numbers = this.numbers.length ? this.numbers : [{ kind: 'i32' as const, value: 0 }];
    const code = [
      ...this.features,
      `struct P { ${numbers.map(({ kind }, i) => `n${i}: ${kind}`).join(', ')} }`,
      '@group(0) @binding(0) var<uniform> p: P;',
      ...lines, wgslLibrary([this.code, ...this.parts].join('\n')), ...this.parts,
      `@compute @workgroup_size(${this.size.join(', ')})`,
      'fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {',
      this.code,
      '}',
    ].join('\n');
    const params = new ArrayBuffer(Math.ceil(numbers.length / 4) * 16);
    const data = new DataView(params);
    numbers.forEach(({ kind, value }, i) => (kind === 'f32' ? data.setFloat32(4 * i, value, true) : data.setInt32(4 * i, value, true)));
    return {
      pipeline: this.gpu.pipeline(code, windows.map((w) => (w.written ? 'storage' : 'read-only-storage'))), params, groups: this.groups,
      bindings: windows.map((w) => ({ buffer: w.buffer, offset: w.from, size: Math.min(w.to, w.buffer.size) - w.from })),
    };
  }
}
