/** jax-js on its wasm backend: jitted, except in rows that are eager. */
import { absent, timeAsync, Unable, type Column, type Prepared } from '../engine.js';
import { operandsOf } from '../operands.js';
import { epsilon, type EngineRow, type FunctionRow, type Rival, type TrainingRow } from '../row.js';
import { load, versionOf } from './load.js';

const hold = (jax: Rival, row: EngineRow): Rival[] => operandsOf(row, 'jax').map(({ data, shape }) => jax.numpy.array(data).reshape([...shape]));
const disposeAll = (list: readonly Rival[]): void => list.forEach((x) => x.dispose());

function prepareFunction(jax: Rival, row: FunctionRow): Prepared {
  const f = row.jax;
  if (typeof f !== 'function') throw new Unable(f.reason);
  const { gradients = 0 } = row;
  const compute = (...x: Rival[]): Rival[] => {
    if (!gradients) return [f(jax, ...x)];
    const fixed = x.slice(gradients, -1);
    // What a differentiated function captures is used once by it, as its arguments are.
    const [y, pull] = jax.vjp((...wanted: Rival[]) => f(jax, ...wanted, ...fixed), x.slice(0, gradients));
    const g = pull(x[x.length - 1]);
    pull.dispose();
    return [y, ...g];
  };
  const call = row.eager ? compute : jax.jit(compute);
  const held = hold(jax, row);
  const run = async (): Promise<Rival[]> => jax.blockUntilReady(call(...held.map((x) => x.ref)));
  return {
    results: async () => Promise.all((await run()).map((y: Rival) => y.data())),
    time: (calls) => timeAsync(async () => disposeAll(await run()), calls),
    close() {
      disposeAll(held);
      call.dispose?.();
    },
  };
}

/** Adam as tfjs and PyTorch state it, inside the jitted step; jax-js brings no optimizer. */
function prepareTraining(jax: Rival, row: TrainingRow): Prepared {
  const f = row.jax;
  if (typeof f !== 'function') throw new Unable(f.reason);
  const { numpy: np, tree } = jax;
  const held = hold(jax, row);
  const batch = held.slice(row.weights.length);
  const differentiate = jax.valueAndGrad((w: Rival[], x: Rival, y: Rival) => f(jax, w, x, y));
  const gradientsOf = jax.jit((w: Rival[], x: Rival, y: Rival) => differentiate(w, x, y));
  const step = jax.jit((w: Rival[], m: Rival[], v: Rival[], c1: Rival, c2: Rival, x: Rival, y: Rival) => {
    const [loss, g] = differentiate(tree.ref(w), x, y);
    const next = w.map((_, i) => {
      const momentum = m[i].mul(0.9).add(g[i].ref.mul(0.1));
      const velocity = v[i].mul(0.999).add(np.square(g[i]).mul(0.001));
      const change = momentum.ref.mul(c1.ref).div(np.sqrt(velocity.ref.mul(c2.ref)).add(epsilon));
      return [w[i].sub(change), momentum, velocity];
    });
    disposeAll([c1, c2]);
    return [loss, ...[0, 1, 2].map((k) => next.map((n) => n[k]))];
  });
  let state: Rival[][] = [held.slice(0, row.weights.length), ...[0, 1].map(() => row.weights.map(({ shape, other }) => np.zeros(other && row.otherFor?.includes('jax') ? other.map((a) => shape[a]) : [...shape])))];
  let t = 0;
  const run = async (): Promise<Rival> => {
    t++;
    const [c1, c2] = [0.001 / (1 - 0.9 ** t), 1 / (1 - 0.999 ** t)].map((c) => np.array(c));
    const [loss, ...next] = step(...state, c1, c2, ...batch.map((b) => b.ref));
    state = next;
    await jax.blockUntilReady(state[0]);
    return loss;
  };
  return {
    async results() {
      const [loss, g] = gradientsOf(tree.ref(state[0]), ...batch.map((b) => b.ref));
      loss.dispose();
      const gradients: Float32Array[] = await Promise.all(g.map((x: Rival) => x.data()));
      const losses: number[] = [];
      for (let i = 0; i < 3; i++) losses.push((await (await run()).data())[0]);
      return [losses, ...gradients];
    },
    time: (calls) => timeAsync(async () => (await run()).dispose(), calls),
    close() {
      disposeAll([...batch, ...state.flat()]);
      step.dispose();
      gradientsOf.dispose();
    },
  };
}

export async function jaxColumns(): Promise<Column[]> {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 24) return [absent('jax-js', 'jax', `jax-js needs Node 24, this is ${process.version}`)];
  const jax = load('@jax-js/jax');
  await jax.init();
  jax.defaultDevice('wasm');
  return [{
    name: 'jax-js',
    engine: 'jax',
    version: versionOf('@jax-js/jax'),
    how: `wasm, jitted (eager in rows of eager work), ${typeof (globalThis as { Worker?: unknown }).Worker === 'undefined' ? '1 thread (it starts no others in Node)' : 'its own threads'}, no shim`,
    prepare: async (row) => (row.kind === 'function' ? prepareFunction(jax, row) : prepareTraining(jax, row)),
  }];
}
