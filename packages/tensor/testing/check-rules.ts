/** Gradient rules against central differences, with everything they may not read taken away. */
import type { Op, Tensor } from '../src/index.js';
import { withBackend } from '../src/index.js';
import { cast } from '../src/ops/cast.js';
import { isFloat, type DType } from '../src/dtype.js';
import { run } from '../src/op.js';
import { formatShape, sameShape } from '../src/shape.js';
import { fromData, shapeOnly } from '../src/tensor.js';
import { loaded, type BackendName } from '../src/use-backend.js';
import { atHome, close } from './close.js';
import { scattered } from './layouts.js';

export interface GradientOptions {
  /** Step of the central differences, in float64. */
  readonly epsilon?: number;
  readonly rtol?: number;
  readonly atol?: number;
  /** Tolerance of the float32 rule against the float64 one, relative and absolute. */
  readonly single?: number;
  /** Why the gradient is not that of the differences: the samples lie on kinks. The rules are still run. */
  readonly kinks?: string;
}

const perElement = 48;
const why = 'the gradient rule read a tensor that its op does not list in `reads`; list it there.';

/** The rules' results for the inputs in `need`, given only what `reads` names; null where no gradient is claimed. */
function gradients(op: Op<unknown>, x: readonly Tensor[], a: unknown, y: readonly Tensor[], g: readonly (Tensor | null)[], need: readonly boolean[]): (Tensor | null)[] {
  const reads = typeof op.reads === 'function' ? op.reads(x, a, need) : op.reads;
  const keep = (xs: readonly Tensor[], read?: readonly number[]) => xs.map((t, i) => (!read || read.includes(i) ? t : shapeOnly(t, why)));
  const saved = { x: keep(x, reads?.inputs), y: keep(y, reads?.outputs), a };
  const { vjp } = op;
  if (vjp === 'compose') return x.map(() => null);
  if ('joint' in vjp) return vjp.joint(g, saved, need).map((gx, i) => (need[i] ? gx : null));
  return x.map((_, i) => (vjp[i] && need[i] ? vjp[i]!(g, saved) : null));
}

const inDtype = (x: readonly Tensor[], dtype: DType): Tensor[] => x.map((t) => (isFloat(t.dtype) ? cast(t, dtype) : t));
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((sum, v, i) => sum + v * b[i]!, 0);

export async function checkRules(op: Op<unknown>, given: readonly Tensor[], a: unknown, o: GradientOptions = {}): Promise<void> {
  if (op.vjp === 'compose') return; // autograd's suite differentiates the smaller ops
  const x = withBackend('js', () => inDtype(given, 'float64'));
  const y = withBackend('js', () => run(op, x, a));
  if (!x.some((t) => isFloat(t.dtype)) || !y.some((t) => isFloat(t.dtype))) return;
  const live = y.flatMap((t, k) => (isFloat(t.dtype) ? [k] : []));
  const cotangents = y.map((t, k) => (isFloat(t.dtype) ? withBackend('js', () => cast(scattered(t.shape, -1, 1, 3 + k), t.dtype)) : null));
  for (const only of live.length > 1 ? [...live.map((k) => [k]), live] : [live]) {
    await checkOne(op, x, a, y, cotangents.map((g, k) => (only.includes(k) ? g : null)), o);
  }
}

async function checkOne(op: Op<unknown>, x: readonly Tensor[], a: unknown, y: readonly Tensor[], g: readonly (Tensor | null)[], o: GradientOptions): Promise<void> {
  const { rtol = 1e-6, atol = 1e-7, single = 1e-4 } = o;
  const float = x.map((t) => isFloat(t.dtype));
  const together = withBackend('js', () => gradients(op, x, a, y, g, float));
  x.forEach((t, k) => {
    if (!float[k]) return;
    const alone = withBackend('js', () => gradients(op, x, a, y, g, float.map((_, i) => i === k)))[k];
    if (!alone !== !together[k]) throw new Error(`the gradient of input ${k} is there only if ${alone ? 'no other is' : 'others are'} asked for.`);
    if (!alone) {
      const claimsNone = Array.isArray(op.vjp) && !op.vjp[k];
      if (!claimsNone && !o.kinks) compare(`the gradient of input ${k} is null, so 0, but`, zerosLike(t), differences(op, x, a, g, k, o), { rtol, atol });
      return;
    }
    if (!sameShape(alone.shape, t.shape) || alone.dtype !== t.dtype) throw new Error(`the gradient of input ${k} is ${alone.dtype} ${formatShape(alone.shape)}, the input ${t.dtype} ${formatShape(t.shape)}.`);
    compare(`the gradient of input ${k}, asked for alone or with the others:`, alone, together[k]!, { rtol: 1e-12, atol: 1e-12 });
    if (!o.kinks) compare(`the gradient of input ${k} against central differences:`, alone, differences(op, x, a, g, k, o), { rtol, atol });
  });
  for (const name of loaded.keys()) {
    const low = withBackend('js', () => inDtype(x, 'float32'));
    const g32 = withBackend('js', () => g.map((t) => t && cast(t, 'float32')));
    const found = withBackend(name as BackendName, () => {
      const out = run(op, low, a);
      return gradients(op, low, a, out, g32.map((t, k) => (t && out[k]!.dtype !== 'float32' ? cast(t, out[k]!.dtype) : t)), float);
    });
    for (const [k, gx] of found.entries()) {
      if (!gx) continue;
      if (gx.dtype !== 'float32') throw new Error(`the float32 gradient of input ${k} is ${gx.dtype}.`);
      const here = await atHome(gx);
      compare(`the float32 gradient of input ${k} on ${name} against the float64 one:`, withBackend('js', () => cast(here, 'float64')), together[k]!, { rtol: single, atol: single });
    }
  }
}

const zerosLike = (t: Tensor): Tensor => fromData(new Float64Array(t.size), t.shape, 'float64');

function compare(label: string, a: Tensor | { value: number }, b: Tensor | Projection, tolerance: { rtol: number; atol: number }): void {
  try {
    if ('direction' in b) close(dot((a as Tensor).data(), b.direction), b.value, tolerance);
    else close(a as Tensor, b, tolerance);
  } catch (error) {
    throw new Error(`${label} ${(error as Error).message}`, { cause: error });
  }
}

/** The derivative along one direction, where there are too many elements to take each. */
interface Projection {
  readonly direction: Float64Array;
  readonly value: number;
}

/** The gradient of <g, op(x)> with respect to input k by central differences in float64: whole, or along one direction. */
function differences(op: Op<unknown>, x: readonly Tensor[], a: unknown, g: readonly (Tensor | null)[], k: number, { epsilon = 1e-5 }: GradientOptions): Tensor | Projection {
  const t = x[k]!;
  const base = t.data();
  const value = (direction: (i: number) => number, by: number): number => {
    const moved = fromData(Float64Array.from(base, (v, i) => v + by * direction(i)), t.shape, 'float64');
    const y = withBackend('js', () => run(op, x.map((u, i) => (i === k ? moved : u)), a));
    return y.reduce((sum, out, i) => sum + (g[i] ? dot(out.data(), g[i]!.data()) : 0), 0);
  };
  const slope = (direction: (i: number) => number) => (value(direction, epsilon) - value(direction, -epsilon)) / (2 * epsilon);
  if (t.size <= perElement) return fromData(Float64Array.from(base, (_, j) => slope((i) => Number(i === j))), t.shape, 'float64');
  const direction = Float64Array.from(scattered([t.size], -1, 1, 11).data());
  return { direction, value: slope((i) => direction[i]!) };
}
