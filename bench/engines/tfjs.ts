/** TensorFlow.js on its two backends. Both compute when an op is called, so no result need be read for the work to be done. */
import { timeSync, Unable, type Column, type Prepared } from '../engine.js';
import { operandsOf } from '../operands.js';
import { epsilon, type EngineRow, type FunctionRow, type Rival, type TrainingRow } from '../row.js';
import { load, versionOf } from './load.js';

/** Operations that plain loops take a second for. */
const beyondPlainLoops = 1e9;

const hold = (tf: Rival, row: EngineRow): Rival[] => operandsOf(row, 'tfjs').map(({ data, shape }) => tf.tensor(data, shape));

/** Runs `f` and hands its tensors on; nothing is returned from tidy, which would walk a typed array element by element. */
function tidy<R>(tf: Rival, f: () => R): R {
  let result!: R;
  tf.tidy(() => { result = f(); });
  return result;
}

function prepareFunction(tf: Rival, row: FunctionRow): Prepared {
  const f = row.tfjs;
  if (typeof f !== 'function') throw new Unable(f.reason);
  const x = hold(tf, row);
  const { gradients = 0 } = row;
  const given = x.slice(0, -1);
  let y: Rival;
  const differentiate = tf.grads((...wanted: Rival[]) => (y = f(tf, ...wanted, ...given.slice(gradients))));
  const compute = (): Rival[] => {
    if (!gradients) return [f(tf, ...x)];
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
  return {
    results: async () => tidy(tf, () => {
      const [value, ...g] = compute();
      // A value inside a gradient is tidied away before it can be read; it is the forward row's, which is compared.
      return [value.isDisposed ? tidy(tf, () => f(tf, ...given).dataSync()) : value.dataSync(), ...g.map((t) => t.dataSync())];
    }),
    time: (calls) => timeSync(call, calls),
    close: () => tf.dispose(x),
  };
}

function prepareTraining(tf: Rival, row: TrainingRow): Prepared {
  const f = row.tfjs;
  if (typeof f !== 'function') throw new Unable(f.reason);
  const held = hold(tf, row);
  const weights = held.slice(0, row.weights.length).map((w) => tf.variable(w));
  const [x, y] = held.slice(row.weights.length);
  const optimizer = tf.train.adam(0.001, 0.9, 0.999, epsilon);
  const loss = () => f(tf, weights, x, y);
  return {
    results: async () => tidy(tf, () => {
      const { grads } = tf.variableGrads(loss, weights);
      const found = weights.map((w) => grads[w.name].dataSync());
      const losses = Float32Array.from([1, 2, 3], () => optimizer.minimize(loss, true, weights).dataSync()[0]);
      return [losses, ...found];
    }),
    time: (calls) => timeSync(() => tf.tidy(() => { optimizer.minimize(loss, true, weights); }), calls),
    close() {
      optimizer.dispose();
      tf.dispose([...held, ...weights]);
    },
  };
}

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
      const prepared = row.kind === 'function' ? prepareFunction(tf, row) : prepareTraining(tf, row);
      const here = <R>(f: () => R): R => (tf.setBackend(backend), f());
      return { results: () => here(() => prepared.results()), time: (calls) => here(() => prepared.time(calls)), close: () => here(() => prepared.close?.()) };
    },
  }));
}

