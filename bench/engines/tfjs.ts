/** TensorFlow.js: on wasm and in plain loops, where work is done when an op is called, and on WebGPU, where its device is waited for. */
import { timeSync, timeUntil, Unable, type Column, type Prepared } from '../engine.js';
import { operandsOf } from '../operands.js';
import { epsilon, type EngineRow, type FunctionRow, type Rival, type TrainingRow } from '../row.js';
import { waiting } from './device.js';
import { load, versionOf } from './load.js';

/** Operations that plain loops take a second for. */
const beyondPlainLoops = 1e9;

const hold = (tf: Rival, row: EngineRow): Rival[] => operandsOf(row, 'tfjs').map(({ data, shape }) => tf.tensor(data, shape));

type Timer = (call: () => unknown, calls: number) => number | Promise<number>;

/** The numbers of the tensors that `f` gives, which are disposed of. */
async function readAll(tf: Rival, f: () => Rival[]): Promise<ArrayLike<number>[]> {
  const list: Rival[] = tf.tidy(f);
  const found = await Promise.all(list.map((t) => t.data()));
  tf.dispose(list);
  return found;
}

function prepareFunction(tf: Rival, row: FunctionRow, time: Timer): Prepared {
  const f = row.tfjs;
  if (typeof f !== 'function') throw new Unable(f.reason);
  const x = hold(tf, row);
  const { gradients = 0 } = row;
  const given = x.slice(0, -1);
  let y: Rival;
  const differentiate = tf.grads((...wanted: Rival[]) => (y = f(tf, ...wanted, ...given.slice(gradients))));
  const compute = (): Rival[] => {
    if (!gradients) return [f(tf, ...(row.transfer === 'upload' ? hold(tf, row) : x))];
    const g = differentiate(given.slice(0, gradients), x[x.length - 1]);
    return [y, ...g];
  };
  // Where the results are all that a call leaves behind, disposing of them costs less than tidying does.
  const left = (f: () => void): number => {
    const before = tf.memory().numTensors;
    f();
    return tf.memory().numTensors - before;
  };
  const dispose = () => { for (const t of compute()) t.dispose(); };
  const call = left(() => tf.tidy(dispose)) === 0 && left(dispose) === 0 ? dispose : () => tf.tidy(() => { compute(); });
  const results = () => readAll(tf, () => {
    const [value, ...g] = compute();
    // A value inside a gradient is tidied away before it can be read; it is the forward row's, which is compared.
    return [value.isDisposed ? f(tf, ...given) : value, ...g];
  });
  return { results, time: (calls) => time(row.transfer === 'readback' ? results : call, calls), close: () => tf.dispose(x) };
}

function prepareTraining(tf: Rival, row: TrainingRow, time: Timer): Prepared {
  const f = row.tfjs;
  if (typeof f !== 'function') throw new Unable(f.reason);
  const held = hold(tf, row);
  const weights = held.slice(0, row.weights.length).map((w) => tf.variable(w));
  const [x, y] = held.slice(row.weights.length);
  const optimizer = tf.train.adam(0.001, 0.9, 0.999, epsilon);
  const loss = () => f(tf, weights, x, y);
  return {
    async results() {
      const found = await readAll(tf, () => {
        const { grads } = tf.variableGrads(loss, weights);
        return [...weights.map((w) => grads[w.name]), ...[1, 2, 3].map(() => optimizer.minimize(loss, true, weights))];
      });
      return [Float32Array.from(found.slice(-3), (l) => l[0]!), ...found.slice(0, -3)];
    },
    time: (calls) => time(() => tf.tidy(() => { optimizer.minimize(loss, true, weights); }), calls),
    close() {
      optimizer.dispose();
      tf.dispose([...held, ...weights]);
    },
  };
}

const prepare = (tf: Rival, row: EngineRow, time: Timer): Prepared => (row.kind === 'function' ? prepareFunction(tf, row, time) : prepareTraining(tf, row, time));

export async function tfjsColumns(): Promise<Column[]> {
  const tf = load('@tensorflow/tfjs');
  load('@tensorflow/tfjs-backend-wasm');
  tf.enableProdMode(); // otherwise it looks for NaN and prints advice
  const version = versionOf('@tensorflow/tfjs');
  return ['wasm', 'cpu'].map((backend): Column => ({
    name: `tfjs ${backend}`,
    engine: 'tfjs',
    version,
    how: backend === 'wasm' ? 'eager (it has no jit), SIMD, 1 thread (it starts no others in Node), no shim' : 'eager, plain JavaScript loops, 1 thread',
    async prepare(row) {
      if (backend === 'cpu' && (row.flops ?? 0) > beyondPlainLoops) throw new Unable('plain loops take seconds to minutes');
      await tf.setBackend(backend);
      const prepared = prepare(tf, row, timeSync);
      const here = <R>(f: () => R): R => (tf.setBackend(backend), f());
      return { results: () => here(() => prepared.results()), time: (calls) => here(() => prepared.time(calls)), close: () => here(() => prepared.close?.()) };
    },
  }));
}

export async function tfjsGpuColumns(): Promise<Column[]> {
  const tf = load('@tensorflow/tfjs');
  load('@tensorflow/tfjs-backend-webgpu');
  tf.enableProdMode();
  await tf.setBackend('webgpu');
  if (tf.getBackend() !== 'webgpu') throw new Error(`tfjs chose ${tf.getBackend()}`);
  const backend = tf.backend();
  const wait = waiting(backend.device);
  const time = timeUntil(async () => {
    // What it has noted and not handed over; it does the same before it reads.
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
    await wait();
  });
  const checked = async (results: Promise<ArrayLike<number>[]>): Promise<ArrayLike<number>[]> => results.then(async (list) => (await wait(), list));
  return [{
    name: 'tfjs webgpu',
    engine: 'tfjs',
    version: versionOf('@tensorflow/tfjs-backend-webgpu'),
    how: 'eager (it has no jit), WebGPU, a device of its own; in rows of eager work it may not compute on the CPU',
    async prepare(row) {
      // It computes small things on the CPU; where what an op costs on the device is asked, it may not.
      tf.env().set('WEBGPU_CPU_FORWARD', !row.eager);
      const prepared = prepare(tf, row, time);
      return { ...prepared, results: () => checked(prepared.results()) };
    },
  }];
}
