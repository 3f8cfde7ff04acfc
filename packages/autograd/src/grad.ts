/** Derivatives of functions: gradients, with values, of values, backwards and forwards. */
import { defineOp, ones, run, tensor, ValueError, type Like, type Op, type Tensor, type Variable } from '@heed/tensor';
import { isVariable } from '@heed/tensor';
import { noGrad, orZeros, recorded, scalarOf, Tape } from './tape.js';

/** A variable, or lists and records of them. Gradients come back in the same form. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [name: string]: Tree<T> };

export const identityOp: Op<void> = /* @__PURE__ */ defineOp({
  name: 'identity',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  view: (x) => ({ shape: x.shape, strides: x.strides, offset: x.offset }),
  vjp: [([g]) => g!],
  reads: { inputs: [], outputs: [] },
});

export const stopOp: Op<void> = /* @__PURE__ */ defineOp({ ...identityOp, name: 'stopGradient', vjp: [null] });

/** x, as a constant: what is computed from it has no gradient back through it. */
export const stopGradient = (x: Like): Tensor => run(stopOp, [tensor(x)], undefined)[0]!;

/** Arguments as fresh tensors of their own, so that nested derivatives never take one level's variable for another's. */
export const levels = (x: readonly Like[]): Tensor[] => x.map((v) => run(identityOp, [tensor(v)], undefined)[0]!);

/**
 * The value of a function and its vector-Jacobian product: `[y, (g) => [gx, ...]]`. A function with several outputs
 * returns a list, and takes a list of cotangents.
 */
export function vjp<Y extends Tensor | readonly Tensor[]>(f: (...x: Tensor[]) => Y, ...x: Like[]): [Y, (g: Y extends Tensor ? Like : readonly Like[]) => Tensor[]] {
  const sources = levels(x);
  const tape = new Tape();
  sources.forEach((t) => tape.watch(t));
  const y = recorded(tape, () => f(...sources));
  const outputs = Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor];
  let spent = false;
  return [y, (g) => {
    if (spent) throw new ValueError('vjp: the tape was already read backwards; call vjp again for another cotangent.');
    spent = true;
    const cotangents = (Array.isArray(y) ? (g as readonly Like[]) : [g as Like]).map((v, i) => tensor(v, { dtype: outputs[i]!.dtype }));
    return tape.backward(outputs, cotangents, sources).map((gx, i) => orZeros(gx, sources[i]!));
  }];
}

/** The gradient of a function that returns one number, with respect to its first argument, or those in `argnums` (a list). */
export function grad(f: (...x: Tensor[]) => Tensor): (...x: Like[]) => Tensor;
export function grad(f: (...x: Tensor[]) => Tensor, o: { readonly argnums: number }): (...x: Like[]) => Tensor;
export function grad(f: (...x: Tensor[]) => Tensor, o: { readonly argnums: readonly number[] }): (...x: Like[]) => Tensor[];
export function grad(f: (...x: Tensor[]) => Tensor, { argnums = 0 }: { readonly argnums?: number | readonly number[] } = {}) {
  return (...x: Like[]): Tensor | Tensor[] => {
    const wanted = typeof argnums === 'number' ? [argnums] : argnums;
    for (const i of wanted) if (!(i >= 0 && i < x.length)) throw new ValueError(`grad: argnums has ${i}, the function was called with ${x.length} arguments; count from 0.`);
    const sources = levels(wanted.map((i) => x[i]!));
    const tape = new Tape();
    sources.forEach((t) => tape.watch(t));
    const all = x.map((v, i) => (wanted.includes(i) ? sources[wanted.indexOf(i)]! : tensor(v)));
    const y = scalarOf('grad', recorded(tape, () => f(...all)));
    const gradients = tape.backward([y], [ones(y.shape, { dtype: y.dtype })], sources).map((g, i) => orZeros(g, sources[i]!));
    return typeof argnums === 'number' ? gradients[0]! : gradients;
  };
}

/** The leaves of a tree, in order. */
export function leaves<T extends object>(tree: Tree<T>, isLeaf: (x: unknown) => boolean = isVariable): T[] {
  if (isLeaf(tree)) return [tree as T];
  return (Array.isArray(tree) ? tree : Object.values(tree as Record<string, Tree<T>>)).flatMap((t: Tree<T>) => leaves(t, isLeaf));
}

/** A tree of the same form with other leaves, in order. */
function rebuild<T extends object, U>(tree: Tree<T>, next: () => U): Tree<U> {
  if (isVariable(tree)) return next();
  if (Array.isArray(tree)) return tree.map((t: Tree<T>) => rebuild(t, next));
  return Object.fromEntries(Object.entries(tree as Record<string, Tree<T>>).map(([k, t]) => [k, rebuild(t, next)])) as Tree<U>;
}

export type Gradients<V> = V extends Variable ? Tensor : V extends readonly unknown[] ? { [K in keyof V]: Gradients<V[K]> } : V extends object ? { [K in keyof V]: Gradients<V[K]> } : never;

/**
 * The value of a function that returns one number, and its gradients with respect to variables, in the form of the tree they
 * are given in. With `{ aux: true }` the function returns `[value, more]`, and so does the first result.
 */
export function valueAndGrad<V extends Tree<Variable>>(f: () => Tensor, variables: V): [Tensor, Gradients<V>];
export function valueAndGrad<V extends Tree<Variable>, A>(f: () => readonly [Tensor, A], variables: V, o: { readonly aux: true }): [[Tensor, A], Gradients<V>];
export function valueAndGrad(f: () => unknown, variables: Tree<Variable>, { aux = false }: { readonly aux?: boolean } = {}): unknown {
  const list = leaves<Variable>(variables);
  const sources = list.map((v) => v.value);
  const tape = new Tape();
  sources.forEach((t) => tape.watch(t));
  const result = recorded(tape, f);
  const y = scalarOf('valueAndGrad', aux ? (result as [Tensor])[0] : (result as Tensor));
  const gradients = tape.backward([y], [ones(y.shape, { dtype: y.dtype })], sources);
  let at = 0;
  return [result, rebuild(variables, () => orZeros(gradients[at]!, sources[at++]!))];
}

/**
 * The value of a function and its Jacobian-vector product, forwards along directions v: the vjp of the vjp, which is linear
 * in its cotangent.
 */
export function jvp(f: (...x: Tensor[]) => Tensor, x: readonly Like[], v: readonly Like[]): [Tensor, Tensor] {
  let value: Tensor | null = null;
  const pull = (g: Tensor): Tensor[] => {
    const [y, back] = vjp(f, ...x);
    value = y;
    return back(g);
  };
  const probe = noGrad(() => f(...x.map((t) => tensor(t))));
  const [, forward] = vjp((g: Tensor) => pull(g), ones(probe.shape, { dtype: probe.dtype }));
  return [value ?? probe, forward(v.map((t) => tensor(t)))[0]!];
}
