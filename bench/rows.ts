/** What is measured. Every engine gets the same numbers, computes to the end, and hands its result out as an ordinary array. */
import { add, jit, matmul, mul, random, sigmoid, softmax, tanh, Variable, square, mean, sub, type Tensor } from '@heed/tensor';
import { valueAndGrad } from '@heed/autograd';
import { SGD } from '@heed/layers';

export interface Engine {
  readonly name: string;
  run(): ArrayLike<number>;
}
export interface Row {
  readonly name: string;
  /** Relative to 1 + |value|; 1e-4 by default. */
  readonly tolerance?: number;
  /** heed jitted first: the others are compared with it. */
  engines(): Engine[];
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Tf = any;
const draw = (shape: number[], seed: number): Tensor => random.normal(shape, { seed });

/** A function of tensors on heed (jitted and eager) and on tfjs's two backends. */
function pure(tf: Tf, inputs: Tensor[], ours: (...x: Tensor[]) => Tensor, theirs: (...x: Tf[]) => Tf): Engine[] {
  const jitted = jit(ours);
  const rival = (backend: string): Engine => {
    tf.setBackend(backend);
    const held = inputs.map((x) => tf.tensor(x.data().slice(), [...x.shape]));
    return {
      name: `tfjs ${backend}`,
      run() {
        tf.setBackend(backend);
        let result!: Float32Array;
        // Nothing is returned from tidy: it would walk a returned array element by element, looking for tensors (1.5 s for 2M).
        tf.tidy(() => { result = theirs(...held).dataSync(); });
        return result;
      },
    };
  };
  return [
    { name: 'heed jit', run: () => jitted(...inputs).data() },
    { name: 'heed eager', run: () => ours(...inputs).data() },
    rival('wasm'),
    rival('cpu'),
  ];
}

/** One step of gradient descent on a small network, from the same weights; the result is the first layer after it. */
function trainingStep(tf: Tf): Engine[] {
  const [x, y] = [draw([128, 256], 1), draw([128, 10], 2)];
  const start = [draw([256, 128], 3).mul(0.05), draw([128, 10], 4).mul(0.05)];
  const ours = (fast: boolean): Engine => {
    const [a, b] = start.map((w) => new Variable(w)) as [Variable, Variable];
    const optimizer = new SGD({ learningRate: 0.1 });
    const step = (input: Tensor, target: Tensor): Tensor => {
      const [loss, gradients] = valueAndGrad(() => mean(square(sub(matmul(tanh(matmul(input, a.value)), b.value), target))), [a, b]);
      optimizer.apply(gradients, [a, b]);
      return loss;
    };
    const run = fast ? jit(step) : step;
    return {
      name: fast ? 'heed jit' : 'heed eager',
      run() {
        a.assign(start[0]!);
        b.assign(start[1]!);
        run(x, y);
        return a.value.data();
      },
    };
  };
  const rival = (backend: string): Engine => {
    tf.setBackend(backend);
    const [p, q] = [x, y].map((t) => tf.tensor(t.data().slice(), [...t.shape]));
    const first = start.map((w) => tf.tensor(w.data().slice(), [...w.shape]));
    const [a, b] = first.map((w: Tf) => tf.variable(w.clone()));
    const optimizer = tf.train.sgd(0.1);
    return {
      name: `tfjs ${backend}`,
      run() {
        tf.setBackend(backend);
        a.assign(first[0].clone());
        b.assign(first[1].clone());
        optimizer.minimize(() => tf.mean(tf.square(tf.sub(tf.matMul(tf.tanh(tf.matMul(p, a)), b), q))), false, [a, b]);
        return a.dataSync();
      },
    };
  };
  return [ours(true), ours(false), rival('wasm'), rival('cpu')];
}

export const rows = (tf: Tf): Row[] => [
  { name: 'matmul 256', engines: () => pure(tf, [draw([256, 256], 1), draw([256, 256], 2)], (a, b) => matmul(a, b), (a, b) => tf.matMul(a, b)), tolerance: 1e-3 },
  { name: 'matmul 512', engines: () => pure(tf, [draw([512, 512], 1), draw([512, 512], 2)], (a, b) => matmul(a, b), (a, b) => tf.matMul(a, b)), tolerance: 1e-3 },
  { name: 'sigmoid(x) tanh(y) + x, 1M', engines: () => pure(tf, [draw([1024, 1024], 1), draw([1024, 1024], 2)], (x, y) => add(mul(sigmoid(x), tanh(y)), x), (x, y) => tf.add(tf.mul(tf.sigmoid(x), tf.tanh(y)), x)) },
  { name: 'softmax [4096, 512]', engines: () => pure(tf, [draw([4096, 512], 1)], (x) => softmax(x), (x) => tf.softmax(x)) },
  { name: 'SGD step, MLP 256-128-10, batch 128', engines: () => trainingStep(tf) },
];

