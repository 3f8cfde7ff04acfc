/** One step of a gated recurrence, from the gates' pre-activations: matrix products stay outside, everything else is one kernel. */
import { tensor, zeros, type Like } from '../create.js';
import { promote, type DType } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { defineOp, run, run1, type Joint, type Op } from '../op.js';
import { add as addExpr, mul as mulExpr, sub as subExpr, tanh as tanhExpr } from '../scalar/expression.js';
import { sigmoid } from '../scalar/named.js';
import { formatShape, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { concat, split } from './concat.js';
import { elementwiseOp, type Elementwise } from './elementwise.js';
import { withOp } from './with-op.js';

// Beside the states they give what was computed on the way, so that the gradients need not compute it again.

/** x z, r, h; h z, r, h; the state. Gives h, then the gates z and r, and the candidate. */
export const gruGates = /* @__PURE__ */ elementwiseOp('gruGates', ([xz, xr, xh, hz, hr, hh, h]) => {
  const z = sigmoid(addExpr(xz!, hz!));
  const r = sigmoid(addExpr(xr!, hr!));
  const candidate = tanhExpr(addExpr(xh!, mulExpr(r, hh!)));
  return [addExpr(candidate, mulExpr(z, subExpr(h!, candidate))), z, r, candidate];
});

/** i, f, g, o; the cell. Gives h and c, then the gates i, f, g, o, and tanh c. */
export const lstmGates = /* @__PURE__ */ elementwiseOp('lstmGates', ([i, f, g, o, c]) => {
  const gates = [sigmoid(i!), sigmoid(f!), tanhExpr(g!), sigmoid(o!)] as const;
  const cell = addExpr(mulExpr(gates[1], c!), mulExpr(gates[0], gates[2]));
  const squashed = tanhExpr(cell);
  return [mulExpr(gates[3], squashed), cell, ...gates, squashed];
});

/** A step whose inputs are wide: `parts[k]` gates lie side by side in input k (0: the input is taken as it is). Its outputs are those of the gates. */
function stepOp(name: string, gates: Elementwise<void>, parts: readonly number[], names: readonly string[], outputs: number): Op<void> {
  const narrow = (x: readonly Tensor[]) => x.flatMap((t, k) => (parts[k] ? split(t, parts[k]!, { axis: -1 }) : [t]));
  return defineOp<void>({
    name,
    infer(x) {
      const state = x[x.length - 1]!;
      if (!state.shape.length) throw new ShapeError(`${name}: ${names[x.length - 1]} [] has no axis of units; it must be [..., units].`);
      const units = state.shape[state.shape.length - 1]!;
      x.forEach((t, k) => {
        const wanted: Shape = [...state.shape.slice(0, -1), units * (parts[k] || 1)];
        if (formatShape(t.shape) !== formatShape(wanted)) throw new ShapeError(`${name}: ${names[k]} ${formatShape(t.shape)} does not fit ${names[x.length - 1]} ${formatShape(state.shape)}; it must be ${formatShape(wanted)}.`);
      });
      return Array.from({ length: outputs }, () => ({ shape: state.shape, dtype: state.dtype }));
    },
    compose: (x) => run(gates, narrow(x), undefined),
    vjp: {
      joint(g, { x, y, a }, need) {
        const wide = need.flatMap((n, k) => new Array<boolean>(parts[k] || 1).fill(n));
        const found = (gates.vjp as Joint<void>).joint(g, { x: narrow(x), y, a }, wide);
        let at = 0;
        return x.map((_, k) => {
          const group = found.slice(at, (at += parts[k] || 1));
          if (!group.some(Boolean)) return null;
          const like = x[x.length - 1]!; // a gate that the wanted outputs don't depend on (o, for the cell alone) has gradient 0
          return concat(group.map((part) => part ?? zeros(like.shape, { dtype: like.dtype })), { axis: -1 });
        });
      },
    },
  });
}

/** Tensors of one float dtype, the largest of theirs. */
function alike(xs: readonly Like[]): Tensor[] {
  const all = xs.map((x) => tensor(x));
  const dtype = all.reduce((d, x) => promote(d, x.dtype), 'float32' as DType);
  return all.map((x) => cast(x, dtype));
}

export const gruStepOp = /* @__PURE__ */ stepOp('gruStep', gruGates, [3, 3, 0], ['x', 'recurrent', 'h'], 4);
/**
 * One step of a gated recurrent unit whose reset gate acts after the matrix product, h' = z h + (1 - z) tanh(x_h + r u_h),
 * z = sigmoid(x_z + u_z), r = sigmoid(x_r + u_r), where x = x W + b and u = h U + c are given, gates side by side in that order.
 *
 * Shape:  x [B, 3 units], recurrent [B, 3 units], h [B, units] -> h' [B, units].
 * Source: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder"; Keras's `reset_after`.
 */
export const gruStep = /* @__PURE__ */ withOp(gruStepOp, (x: Like, recurrent: Like, h: Like): Tensor =>
  run1(gruStepOp, alike([x, recurrent, h]), undefined));

export const lstmStepOp = /* @__PURE__ */ stepOp('lstmStep', lstmGates, [4, 0], ['gates', 'c'], 7);
/**
 * One step of a long short-term memory: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'), where the
 * pre-activations i, f, g, o lie side by side in that order.
 *
 * Shape:  gates [B, 4 units], c [B, units] -> h' and c' [B, units].
 * Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000 for the forget gate.
 */
export const lstmStep = /* @__PURE__ */ withOp(lstmStepOp, (gates: Like, c: Like): [Tensor, Tensor] =>
  run(lstmStepOp, alike([gates, c]), undefined).slice(0, 2) as [Tensor, Tensor]);
