/** Trading time for memory: what a function computed on the way is forgotten, and computed again when it is needed. */
import { door, run, tensor, type Executor, type Like, type Op, type Tensor, type Variable, type Watch } from '@heed/tensor';
import { withDoor } from '@heed/tensor/op';
import { shapeOnly } from '@heed/tensor/tensor';

const shapesOnly: Executor = {
  execute: (_op, _inputs, _a, specs) => specs.map((s) => shapeOnly(s, 'checkpoint: a value was read inside; a function under checkpoint is first run on shapes alone, so compute with tensors and read outside.')),
};

const listOf = (y: Tensor | readonly Tensor[]): Tensor[] => (Array.isArray(y) ? [...(y as readonly Tensor[])] : [y as Tensor]);

/** The variables that `f` reads, found by running it on shapes. */
function readsOf(f: (...x: Tensor[]) => unknown, x: readonly Tensor[]): Variable[] {
  const seen = new Map<Variable, Tensor>();
  const variables: Watch = {
    read(v) {
      if (!seen.has(v)) seen.set(v, shapeOnly(v, 'checkpoint: the value of a variable was read inside; compute with it and read outside.'));
      return seen.get(v)!;
    },
    assign() {},
  };
  withDoor({ executor: shapesOnly, recorders: [], variables }, () => f(...x.map((t) => shapeOnly(t, 'checkpoint: the value of an argument was read inside; compute with it and read outside.'))));
  return [...seen.keys()];
}

/**
 * A function that does what `f` does, of which a tape keeps the arguments and the variables' values only: backwards, `f` runs once
 * more. Variables that it reads get their gradients, random numbers come out the same again, and assignments (batch statistics, seeds)
 * count once. Under `jit` equal work is done once, so nothing is computed again there and nothing saved.
 *
 * Source: Griewank and Walther 2000, "Revolve"; Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
 */
export function checkpoint<Y extends Tensor | readonly Tensor[]>(f: (...x: Tensor[]) => Y): (...x: Like[]) => Y {
  return (...given) => {
    const x = given.map((v) => tensor(v));
    const variables = readsOf(f, x);
    let first = true;
    let single = true;
    const op: Op<void> = {
      name: `checkpoint ${f.name}`.trim(),
      // Asked for shapes alone, the function itself gives them; any other run makes its outputs anyway.
      infer: (all) => (all.some((t) => (t as Tensor).storage?.kind === 'absent') ? listOf(f(...(all.slice(0, x.length) as Tensor[]))) : []),
      compose(all) {
        const values = new Map(variables.map((v, i) => [v, all[x.length + i]!]));
        const outer = door.variables;
        const assigning = first;
        first = false;
        const watch: Watch = {
          read: (v) => values.get(v) ?? (outer ? outer.read(v) : v.stored),
          assign(v, value) {
            values.set(v, value);
            if (!assigning) return;
            if (outer) outer.assign(v, value);
            else v.set(value);
          },
        };
        const y = withDoor({ variables: watch }, () => f(...all.slice(0, x.length)));
        single = !Array.isArray(y);
        return listOf(y);
      },
      vjp: 'compose',
    };
    const y = run(op, [...x, ...variables.map((v) => v.value)], undefined);
    return (single ? y[0]! : y) as Y;
  };
}
