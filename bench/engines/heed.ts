/** heed: jitted, with operands and results in variables, and eager, op by op on ordinary arrays. */
import { jit, tensor, useBackend, Variable, version, zeros, type Tensor } from '@heed/tensor';
import { valueAndGrad, vjp } from '@heed/autograd';
import { Adam } from '@heed/layers';
import { timeSync, type Column, type Prepared } from '../engine.js';
import { operandsOf, resultsOf } from '../operands.js';
import { epsilon, type FunctionRow, type TrainingRow } from '../row.js';

/** The value, then the gradients that the row asks for. */
function compute({ heed, gradients = 0 }: FunctionRow, x: readonly Tensor[]): Tensor[] {
  if (!gradients) return [heed(...x)];
  const fixed = x.slice(gradients, -1);
  const [y, pull] = vjp(fixed.length ? (...wanted) => heed(...wanted, ...fixed) : heed, ...x.slice(0, gradients));
  return [y, ...pull(x[x.length - 1]!)];
}

function prepareFunction(row: FunctionRow, jitted: boolean): Prepared {
  const x = operandsOf(row, 'heed').map(({ data, shape }) => tensor(data).reshape([...shape]));
  if (!jitted) {
    return { results: async () => compute(row, x).map((y) => y.data()), time: (calls) => timeSync(() => compute(row, x), calls) };
  }
  const operands = x.map((v) => new Variable(v));
  const results = resultsOf(row).map(({ shape }) => new Variable(zeros([...shape])));
  const call = jit(() => compute(row, operands.map((v) => v.value)).forEach((y, i) => results[i]!.assign(y)), { name: row.name });
  return {
    async results() {
      call();
      return results.map((v) => v.value.data());
    },
    time: (calls) => timeSync(call, calls),
  };
}

function prepareTraining(row: TrainingRow, jitted: boolean): Prepared {
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
      const losses = Float32Array.from([1, 2, 3], () => {
        step();
        return last.value.item();
      });
      return [losses, ...gradients.map((g) => g.value.data())];
    },
    time: (calls) => timeSync(step, calls),
  };
}

export async function heedColumns(threads: number): Promise<Column[]> {
  await useBackend('wasm', { threads });
  const told = `${threads} thread${threads > 1 ? 's' : ''}`;
  return [true, false].map((jitted): Column => ({
    name: jitted ? 'heed jit' : 'heed eager',
    engine: 'heed',
    how: jitted ? `jitted, operands and results in variables, wasm, ${told}` : `op by op on ordinary arrays, wasm, ${told}`,
    version,
    prepare: async (row) => (row.kind === 'function' ? prepareFunction(row, jitted) : prepareTraining(row, jitted)),
  }));
}
