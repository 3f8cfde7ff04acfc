/** Functions that bring their own gradient. */
import { run, tensor, type Like, type Op, type Tensor } from '@heed/tensor';

/** What a backward function sees: the arguments and the value. */
export interface CustomSaved {
  readonly x: readonly Tensor[];
  readonly y: Tensor;
}

/**
 * A function with a gradient of its own: `forward` computes the value and is not differentiated; `backward` turns the gradient g of
 * the value into one for each argument (null for none). What `backward` is made of can be differentiated again.
 *
 * `const clipped = customGradient((x) => x, (g) => [clip(g, -1, 1)])` passes values on and clips gradients.
 */
export function customGradient(forward: (...x: Tensor[]) => Tensor, backward: (g: Tensor, saved: CustomSaved) => readonly (Tensor | null)[]): (...x: Like[]) => Tensor {
  const op: Op<void> = {
    name: forward.name || 'customGradient',
    // The door asks for shapes before anything runs; only a run on shapes needs them, as the function itself gives the rest.
    infer: (x) => (x.some((t) => (t as Tensor).storage?.kind === 'absent') ? [forward(...(x as Tensor[]))] : []),
    compose: (x) => [forward(...x)],
    vjp: { joint: ([g], { x, y }) => [...backward(g!, { x, y: y[0]! })] },
  };
  return (...x) => run(op, x.map((v) => tensor(v)), undefined)[0]!;
}
