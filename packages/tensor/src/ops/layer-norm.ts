/** Layer normalization: a fused kernel for trailing axes where the backend has one, smaller ops elsewhere. */
import { layerNormFamily, layerNormGradientFamily, type LayerNormGradientParams, type LayerNormParams } from '../backends/js/layer-norm.js';
import { tensor, type Like } from '../create.js';
import { promote, toFloat } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { defineOp, run, type Op } from '../op.js';
import { broadcastShapes, formatShape, normalizeAxes, sameShape, sizeOf, type Axis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { add, mul, sub } from './binary.js';
import { cast } from './cast.js';
import { mean } from './reduce.js';
import { expandDims, reshape } from './reshape.js';
import { broadcastTo, sum } from './sum.js';
import { rsqrt, square } from './unary.js';
import { withOp } from './with-op.js';

export interface LayerNormOptions {
  readonly axis?: Axis;
  readonly gamma?: Like;
  readonly beta?: Like;
  readonly epsilon?: number;
}

/** The formula over any axes: y, the mean and the reciprocal deviation. */
function normalized(x: Tensor, axis: readonly number[], epsilon: number, gamma?: Tensor, beta?: Tensor): [y: Tensor, m: Tensor, r: Tensor] {
  const m = mean(x, { axis, keepDims: true });
  const centred = sub(x, m);
  const r = rsqrt(add(mean(square(centred), { axis, keepDims: true }), epsilon));
  const y = mul(centred, gamma ? mul(r, gamma) : r);
  return [beta ? add(y, beta) : y, m, r];
}

const column = (x: Tensor): Tensor => expandDims(x, -1);

/** y [..., n], mean and reciprocal deviation [...] of x [..., n], gamma [n] and beta [n]. */
export const layerNormOp: Op<LayerNormParams> = defineOp<LayerNormParams>({
  name: 'layerNorm',
  infer([x]) {
    const { shape, dtype } = x!;
    const rows = shape.slice(0, -1);
    return [{ shape, dtype }, { shape: rows, dtype }, { shape: rows, dtype }];
  },
  compose([x, ...rest], { epsilon, scaled, shifted }) {
    const [y, m, r] = normalized(x!, [x!.rank - 1], epsilon, scaled ? rest[0] : undefined, shifted ? rest[rest.length - 1] : undefined);
    const rows = x!.shape.slice(0, -1);
    return [y, reshape(m, rows), reshape(r, rows)];
  },
  fused: (_, a) => ({ family: layerNormFamily, params: a }),
  vjp: {
    joint([g, gm, gr], { x: [x, ...rest], y: [, m, r], a: { scaled, shifted } }, need) {
      const parameters = need.slice(1).some(Boolean);
      const found = g ? run(layerNormGradientOp, [x!, m!, r!, g, ...(scaled ? [rest[0]!] : [])], { scaled, parameters }) : [];
      let gx: Tensor | null = found[0] ?? null;
      // The mean and the reciprocal deviation have gradients of their own where a gradient is differentiated: dm = dx / n, dr = -r^3 (x - m) dx / n.
      const n = x!.shape[x!.rank - 1]!;
      const more = [gm && column(gm), gr && mul(column(mul(gr, mul(r!, square(r!)))), sub(column(m!), x!))];
      for (const part of more) if (part) gx = add(gx ?? mul(x!, 0), mul(part, 1 / n));
      const gradients = [gx, ...(scaled ? [found[1] ?? null] : []), ...(shifted ? [found[2] ?? null] : [])];
      return gradients.map((t, k) => (need[k] ? t : null));
    },
  },
  reads: (_, { scaled }) => ({ inputs: scaled ? [0, 1] : [0], outputs: [1, 2] }),
});

/**
 * The gradients of x and, if wanted, gamma and beta, from x, mean m, reciprocal deviation r, the gradient of y and gamma:
 * with h = (x - m) r and s = g gamma, gx = r (s - mean(s) - h mean(s h)), ggamma = sum g h and gbeta = sum g over the rows.
 */
export const layerNormGradientOp: Op<LayerNormGradientParams> = defineOp<LayerNormGradientParams>({
  name: 'layerNormGradient',
  infer([x], { parameters }) {
    const { shape, dtype } = x!;
    const along = { shape: shape.slice(-1), dtype };
    return parameters ? [{ shape, dtype }, along, along] : [{ shape, dtype }];
  },
  compose([x, m, r, g, gamma], { parameters }) {
    const h = mul(sub(x!, column(m!)), column(r!));
    const s = gamma ? mul(g!, gamma) : g!;
    const average = (t: Tensor) => mean(t, { axis: -1, keepDims: true });
    const gx = mul(column(r!), sub(sub(s, average(s)), mul(h, average(mul(s, h)))));
    const total = (t: Tensor) => sum(reshape(t, [sizeOf(m!.shape), ...x!.shape.slice(-1)]), { axis: 0 });
    return parameters ? [gx, total(mul(g!, h)), total(g!)] : [gx];
  },
  fused: (_, a) => ({ family: layerNormGradientFamily, params: a }),
  vjp: 'compose',
});

/**
 * Each sample brought to mean 0 and variance 1 along some axes, then scaled and shifted:
 * y = gamma (x - mean) / sqrt(variance + epsilon) + beta.
 *
 * Shape:    x -> y, the same; gamma and beta broadcast to x.
 * Gradient: gx = (s - mean(s) - h mean(s h)) / sqrt(variance + epsilon), with h = y before gamma and beta, and s = g gamma.
 * Numerics: the variance is the mean of (x - mean)^2, which does not cancel as mean(x^2) - mean^2 does.
 * Source:   Ba et al. 2016, "Layer Normalization".
 */
export const layerNorm = /* @__PURE__ */ withOp(layerNormOp, (x: Like, { axis = -1, gamma, beta, epsilon = 1e-3 }: LayerNormOptions = {}): Tensor => {
  const given = [tensor(x), ...[gamma, beta].map((v) => (v === undefined ? undefined : tensor(v)))] as const;
  const dtype = given.reduce((d, v) => (v ? promote(d, v.dtype) : d), toFloat(given[0].dtype));
  const { shape, rank } = given[0];
  const axes = normalizeAxes('layerNorm', axis, shape);
  for (const [name, v] of [['gamma', given[1]], ['beta', given[2]]] as const) {
    if (v && !sameShape(broadcastShapes('layerNorm', [shape, v.shape], ['x', name]), shape)) throw new ShapeError(`layerNorm: ${name} ${formatShape(v.shape)} is larger than x ${formatShape(shape)}; it must broadcast to x.`);
  }
  const [t, scale, shift] = given.map((v) => v && cast(v, dtype)) as [Tensor, Tensor?, Tensor?];
  const rows = rank - axes.length;
  const fits = (v?: Tensor) => !v || v.shape.slice(0, -axes.length).every((n) => n === 1);
  if (!axes.length || axes[0] !== rows || !fits(scale) || !fits(shift)) return normalized(t, axes, epsilon, scale, shift)[0];
  // The trailing axes as one.
  const inner = shape.slice(rows);
  const n = sizeOf(inner);
  const along = (v: Tensor) => reshape(broadcastTo(reshape(v, v.shape.slice(-axes.length)), inner), [n]);
  const parameters = [scale, shift].flatMap((v) => (v ? [along(v)] : []));
  const [y] = run(layerNormOp, [reshape(t, [...shape.slice(0, rows), n]), ...parameters], { epsilon, scaled: !!scale, shifted: !!shift });
  return reshape(y!, shape);
});
