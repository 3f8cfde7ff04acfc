/** heed: jitted, with operands and results in variables, and eager, op by op. */
import { jit, tensor, useBackend, Variable, version, zeros, type Tensor } from '@heed/tensor';
import { valueAndGrad, vjp } from '@heed/autograd';
import { Adam } from '@heed/layers';
import { timeSync, timeUntil, type Column, type Prepared } from '../engine.js';
import { operandsOf, resultsOf } from '../operands.js';
import { epsilon, type EngineRow, type FunctionRow, type TrainingRow } from '../row.js';
import { heedDevice } from './device.js';

/** The value, then the gradients that the row asks for. */
function compute({ heed, gradients = 0 }: FunctionRow, x: readonly Tensor[]): Tensor[] {
  if (!gradients) return [heed(...x)];
  const fixed = x.slice(gradients, -1);
  const [y, pull] = vjp(fixed.length ? (...wanted) => heed(...wanted, ...fixed) : heed, ...x.slice(0, gradients));
  return [y, ...pull(x[x.length - 1]!)];
}

type Timer = (call: () => unknown, calls: number) => number | Promise<number>;
const readAll = (list: readonly Tensor[]): Promise<ArrayLike<number>[]> => Promise.all(list.map((y) => y.read()));

function prepareFunction(row: FunctionRow, jitted: boolean, time: Timer): Prepared {
  const held = operandsOf(row, 'heed');
  const x = held.map(({ data, shape }) => tensor(data).reshape([...shape]));
  if (!jitted) return { results: async () => readAll(compute(row, x)), time: (calls) => time(() => compute(row, x), calls) };
  const operands = x.map((v) => new Variable(v));
  const results = resultsOf(row).map(({ shape }) => new Variable(zeros([...shape])));
  const call = jit(() => compute(row, operands.map((v) => v.value)).forEach((y, i) => results[i]!.assign(y)), { name: row.name });
  const once = { upload: () => (held.forEach(({ data, shape }, i) => operands[i]!.assign(tensor(data).reshape([...shape]))), call()), readback: () => (call(), readAll(results.map((v) => v.value))), no: call }[row.transfer ?? 'no'];
  return {
    async results() {
      await once();
      return readAll(results.map((v) => v.value));
    },
    time: (calls) => time(once, calls),
  };
}

function prepareTraining(row: TrainingRow, jitted: boolean, time: Timer): Prepared {
  const held = operandsOf(row, 'heed').map(({ data, shape }) => new Variable(tensor(data).reshape([...shape])));
  const [start, [x, y]] = [held.slice(0, row.weights.length), held.slice(row.weights.length) as [Variable, Variable]];
  const { variables, loss } = row.heed();
  const weights = variables(x.value);
  weights.forEach((w, i) => w.assign(start[i]!.value.reshape([...w.shape])));
  const optimizer = new Adam({ epsilon });
  const last = new Variable(0);
  const compile = <F extends () => void>(f: F): F => (jitted ? jit(f, { name: row.name }) : f);
  const gradients = weights.map((w) => new Variable(zeros(w.shape)));
  const differentiate = compile(() => valueAndGrad(() => loss(x.value, y.value), weights)[1].forEach((g, i) => gradients[i]!.assign(g)));
  const step = compile(() => {
    const [value, g] = valueAndGrad(() => loss(x.value, y.value), weights);
    optimizer.apply(g, weights);
    last.assign(value);
  });
  return {
    async results() {
      differentiate();
      const losses: number[] = [];
      for (let i = 0; i < 3; i++) {
        step();
        losses.push((await last.value.read())[0]!);
      }
      return [losses, ...await readAll(gradients.map((g) => g.value))];
    },
    time: (calls) => time(step, calls),
  };
}

const prepare = (row: EngineRow, jitted: boolean, time: Timer): Prepared => (row.kind === 'function' ? prepareFunction(row, jitted, time) : prepareTraining(row, jitted, time));

export async function heedColumns(threads: number): Promise<Column[]> {
  await useBackend('wasm', { threads });
  const told = `${threads} thread${threads > 1 ? 's' : ''}`;
  return [true, false].map((jitted): Column => ({
    name: jitted ? 'heed jit' : 'heed eager',
    engine: 'heed',
    how: jitted ? `jitted, operands and results in variables, wasm, ${told}` : `op by op on ordinary arrays, wasm, ${told}`,
    version,
    prepare: async (row) => prepare(row, jitted, timeSync),
  }));
}

/** On the GPU: jitted, resident there; op by op in the rows that ask what an op costs by itself. */
export async function heedGpuColumns(): Promise<Column[]> {
  await useBackend('gpu');
  const { gpu } = heedDevice();
  const eager: Timer = (call, calls) => {
    let last: Tensor[] = [];
    return timeUntil(() => readAll(last))(() => { last = call() as Tensor[]; }, calls);
  };
  return [true, false].map((jitted): Column => ({
    name: jitted ? 'heed jit' : 'heed eager',
    engine: 'heed',
    how: jitted ? 'jitted, operands and results in variables on the device' : 'op by op; the last result is read, so that none is skipped',
    version,
    eagerOnly: !jitted,
    async prepare(row) {
      // A training step may cost a copy for bad times now and then, as it does its user; what is no training needs none.
      await useBackend('gpu', { copyEvery: row.kind === 'training' ? 100 : 2 ** 30 });
      return prepare(row, jitted, jitted ? timeUntil(() => gpu.done()) : eager);
    },
  }));
}

/** What heed's WebAssembly kernels compute, op by op. */
export async function heedReference(row: EngineRow): Promise<ArrayLike<number>[]> {
  await useBackend('wasm');
  try {
    return await prepare(row, false, timeSync).results();
  } finally {
    await useBackend('gpu');
  }
}
