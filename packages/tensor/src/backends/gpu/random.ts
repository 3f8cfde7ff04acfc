/** Counter-based random numbers: a thread for each four words of Philox4x32-10. */
import { cos, input, log1p, log, mul, sin, sqrt } from '../../scalar/expression.js';
import { wgsl } from '../../scalar/to-wgsl.js';
import { sizeOf } from '../../shape.js';
import type { RandomParams } from '../js/random.js';
import type { Dispatch } from './device.js';
import { shaderOf, type Context } from './plan.js';
import type { GpuView } from './shader.js';

const philox = `fn high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let mid = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (mid & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (mid >> 16u) + (other >> 16u);
}
fn philox(c0: u32, c1: u32, key0: u32, key1: u32) -> vec4<u32> {
  var x = vec4<u32>(c0, c1, 0u, 0u);
  var k0 = key0;
  var k1 = key1;
  for (var round = 0; round < 10; round++) {
    x = vec4<u32>(high(0xcd9e8d57u, x.z) ^ x.y ^ k0, 0xcd9e8d57u * x.z, high(0xd2511f53u, x.x) ^ x.w ^ k1, 0xd2511f53u * x.x);
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return x;
}
fn unit(bits: vec4<u32>) -> vec4<f32> { return vec4<f32>(bits >> vec4(8u)) * ${2 ** -24}f; }`;

/** A function of WGSL that computes expressions of `u`. */
const fn = (name: string, type: string, body: ReturnType<typeof wgsl>, result: (values: readonly string[]) => string): string =>
  `fn ${name}(u: f32) -> ${type} {\n${body.lines.map((line) => `  ${line}\n`).join('')}  return ${result(body.values)};\n}`;

const u = input(0);
/** The logarithms of what is near 0, and of one less than that; both ends of a circle's radius need their own. */
const normal = [
  fn('distance', 'f32', wgsl([sqrt(mul(-2, log(u)))], () => 'u'), ([v]) => v!),
  fn('distance_near', 'f32', wgsl([sqrt(mul(-2, log1p(mul(-1, u))))], () => 'u'), ([v]) => v!),
  fn('turn', 'vec2<f32>', wgsl([cos(mul(2 * Math.PI, u)), sin(mul(2 * Math.PI, u))], () => 'u'), ([c, s]) => `vec2(${c}, ${s})`),
  `fn pair(bits: u32, angle: f32) -> vec2<f32> {
  var radius = 0f;
  if (bits < 0x80000000u) { radius = distance(f32(bits + 1u) * ${2 ** -32}f); } else { radius = distance_near(f32(~bits) * ${2 ** -32}f); }
  return radius * turn(angle);
}`,
].join('\n');

const value = {
  bits: 'bitcast<vec4<i32>>(w)',
  uniform: 'unit(w)',
  normal: 'vec4<f32>(pair(w.x, unit(w).y), pair(w.z, unit(w).w))',
} as const;

export function planRandom(context: Context, { kind }: RandomParams, given: GpuView, result: GpuView): Dispatch[] {
  const s = shaderOf(context);
  const [state, y] = [s.input(given), s.output(result)];
  s.declare(philox);
  if (kind === 'normal') {
    s.declare(normal);
  }
  const n = sizeOf(result.shape);
  const [key0, key1, counter] = [0, 1, 2].map((k) => `bitcast<u32>(${state.load(s.times(String(k), given.strides[0]!))})`);
  return [s.line(Math.ceil(n / 4), `  let w = philox(u32(i), ${counter}, ${key0}, ${key1});
  let v = ${value[kind]};
  let left = ${s.int(n)} - 4 * i;
  if (left >= 4) { ${y.store4('i', 'v')} return; }
  for (var k = 0; k < left; k++) { ${y.store('4 * i + k', 'v[k]')} }`).dispatch()];
}
