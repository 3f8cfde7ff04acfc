/** jax-js on its wasm backend, or on WebGPU: jitted, except in rows that are eager. */
import { absent, timeAsync, timeUntil, Unable, type Column, type Prepared } from '../engine.js';
import { operandsOf } from '../operands.js';
import { epsilon, type EngineRow, type FunctionRow, type Rival, type TrainingRow } from '../row.js';
import { waiting } from './device.js';
import { load, versionOf } from './load.js';

const hold = (jax: Rival, row: EngineRow): Rival[] => operandsOf(row, 'jax').map(({ data, shape }) => jax.numpy.array(data).reshape([...shape]));
const disposeAll = (list: readonly Rival[]): void => list.forEach((x) => x.dispose());

interface Way {
  /** Has these arrays computed, or at least handed over. */
  readonly settle: (jax: Rival, list: readonly Rival[]) => unknown;
  readonly time: (call: () => Promise<void>, calls: number) => Promise<number>;
}
const onWasm: Way = { settle: (jax, list) => jax.blockUntilReady(list), time: timeAsync };

function prepareFunction(jax: Rival, row: FunctionRow, { settle, time }: Way): Prepared {
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
  const run = async (): Promise<Rival[]> => {
    const y = call(...(row.transfer === 'upload' ? hold(jax, row) : held.map((x) => x.ref)));
    await settle(jax, y);
    return y;
  };
  const results = async (): Promise<ArrayLike<number>[]> => Promise.all((await run()).map((y: Rival) => y.data()));
  return {
    results,
    time: (calls) => time(row.transfer === 'readback' ? async () => { await results(); } : async () => disposeAll(await run()), calls),
    close() {
      disposeAll(held);
      call.dispose?.();
    },
  };
}

/** Adam as tfjs and PyTorch state it, inside the jitted step; jax-js brings no optimizer. */
function prepareTraining(jax: Rival, row: TrainingRow, { settle, time }: Way): Prepared {
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
    await settle(jax, state.flat());
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
    time: (calls) => time(async () => (await run()).dispose(), calls),
    close() {
      disposeAll([...batch, ...state.flat()]);
      step.dispose();
      gradientsOf.dispose();
    },
  };
}

const prepare = (jax: Rival, row: EngineRow, way: Way): Prepared => (row.kind === 'function' ? prepareFunction(jax, row, way) : prepareTraining(jax, row, way));
const early = (): string | null => (Number(process.versions.node.split('.')[0]) < 24 ? `jax-js needs Node 24, this is ${process.version}` : null);

export async function jaxColumns(): Promise<Column[]> {
  const reason = early();
  if (reason) return [absent('jax-js', 'jax', reason)];
  const jax = load('@jax-js/jax');
  await jax.init();
  jax.defaultDevice('wasm');
  return [{
    name: 'jax-js',
    engine: 'jax',
    version: versionOf('@jax-js/jax'),
    how: `wasm, jitted (eager in rows of eager work), ${typeof (globalThis as { Worker?: unknown }).Worker === 'undefined' ? '1 thread (it starts no others in Node)' : 'its own threads'}, no shim`,
    prepare: async (row) => prepare(jax, row, onWasm),
  }];
}

export async function jaxGpuColumns(): Promise<Column[]> {
  const reason = early();
  if (reason) return [absent('jax-js', 'jax', reason)];
  const jax = load('@jax-js/jax');
  if (!(await jax.init('webgpu')).includes('webgpu')) return [absent('jax-js', 'jax', 'it found no WebGPU')];
  jax.defaultDevice('webgpu');
  const wait = waiting(jax.getWebGPUDevice());
  // Asking for its buffer hands an array's work over, and waits for nothing.
  const way: Way = { settle: (_, list) => list.forEach((x) => x.ref.gpuBufferSync()), time: timeUntil(wait) };
  return [{
    name: 'jax-js',
    engine: 'jax',
    version: versionOf('@jax-js/jax'),
    how: 'jitted (eager in rows of eager work), WebGPU, a device of its own',
    async prepare(row) {
      const prepared = prepare(jax, row, way);
      return { ...prepared, results: async () => prepared.results().then(async (list) => (await wait(), list)) };
    },
  }];
}
