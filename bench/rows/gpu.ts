/** The rows of the GPU: the other rows' questions at a GPU's sizes, and what only a GPU asks. On a software adapter they are small and without floors. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { add, matmul } from '@heed/tensor';
import { heedDevice } from '../engines/device.js';
import { heedGpuColumns } from '../engines/heed.js';
import { empty, withGradients, type Floors, type FunctionRow, type Gpu, type OwnRow, type Rival, type Row } from '../row.js';
import { attentionGradients, attentionOf } from './attention.js';
import { convolutionOf } from './convolution.js';
import { rows as eager } from './eager.js';
import { addition, geluOf } from './elementwise.js';
import { square } from './matmul.js';
import { along } from './reduce.js';
import { norm, soft } from './rows.js';
import { cnnOf, gptOf, mlpOf, transformerOf } from './training.js';

const none = empty('it is not compared on the GPU');

/** Products that need each other: each is a dispatch, in which there is next to nothing to do. */
function dispatches(links: number): FunctionRow {
  const chain = (product: (y: Rival, a: Rival, last: boolean) => Rival) => (x: Rival, a: Rival): Rival => {
    let y = x;
    for (let i = 0; i < links; i++) y = product(y, a, i === links - 1);
    return y;
  };
  return {
    kind: 'function',
    name: `chain of ${links} products [8,8], us each`,
    floors: {},
    per: links,
    operands: [{ shape: [8, 8], seed: 1 }, { shape: [8, 8], seed: 2, scale: 0.35 }],
    result: { shape: [8, 8] },
    heed: chain((y, a) => matmul(y, a)),
    tfjs: (tf, x, a) => chain((y, b) => tf.matMul(y, b))(x, a),
    jax: ({ numpy: np }, x, a) => chain((y, b, last) => np.matmul(y, last ? b : b.ref))(x, a),
    ort: none,
    torch: none,
    tolerance: 1e-4,
  };
}

/** An array that goes to the device, or comes from it; the addition keeps anyone from handing over what is here already. */
function moved(transfer: 'upload' | 'readback', shape: readonly [number, number]): FunctionRow {
  const bytes = 4 * shape[0] * shape[1];
  return {
    kind: 'function',
    name: `${transfer} ${bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 1024} KiB`}, and add 1`,
    floors: {},
    operands: [{ shape, seed: 1 }],
    result: { shape },
    heed: (x) => add(x, 1),
    tfjs: (tf, x) => tf.add(x, 1),
    jax: (_, x) => x.add(1),
    ort: none,
    torch: none,
    gpujs: { output: shape, kernel: 'function (x) { return x[this.thread.y][this.thread.x] + 1; }' },
    bytes,
    transfer,
  };
}

/** Lets go of what nobody reaches any more, so that it is not missed from what comes next. */
async function collected(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The bytes that heed's backend holds for a call: operands, results, and what it needs on the way. Linear in T, where a matrix of scores would take 4 H T^2. */
const held = (T: number, H: number, D: number): OwnRow => ({
  kind: 'own',
  unit: 'bytes',
  name: `held by attention with gradients at S${T}, kB`,
  // Three times its eight arrays, as buffers come in few sizes; a matrix of scores would be more.
  floors: { most: 3 * 8 * 4 * T * H * D },
  async measure() {
    const { gpu } = heedDevice();
    const { teams } = gpu;
    await collected();
    gpu.teams = true; // where threads are software, smaller ops stand in for the kernel that is asked about
    try {
      const before = gpu.used;
      const column = (await heedGpuColumns())[0]!;
      const prepared = await column.prepare(attentionGradients(attentionOf([1, T, H, D], {}), {}));
      await prepared.results();
      const bytes = gpu.used - before;
      prepared.close?.();
      return new Map([['heed jit', [bytes]]]);
    } finally {
      gpu.teams = teams;
    }
  },
});

/** What float32 is held to on a GPU. */
const tolerance = 1e-4;

export function gpuQuestions(size: Gpu): Readonly<Record<string, readonly Row[]>> {
  const full = size === 'full';
  const pick = <T>(large: T, small: T): T => (full ? large : small);
  const floors = (asked: Floors): Floors => (full ? asked : {});
  const big = pick([4096, 4096] as const, [64, 64] as const);
  const wide = pick([16384, 1024] as const, [64, 32] as const);
  const convolutions = pick([[32, 32, 32, 64], [32, 56, 64, 64], [32, 28, 256, 256]] as const, [[2, 8, 4, 8]] as const).map((shape) => convolutionOf(shape, {}));
  const attentions = pick([512, 1024, 2048, 4096, 8192], [64]).map((T) => attentionOf(pick([1, T, 8, 64], [1, T, 2, 16]), {}));
  const transfers = pick([[512, 512], [4096, 4096]] as const, [[64, 64]] as const);
  const questions: Readonly<Record<string, readonly Row[]>> = {
    matmul: pick([1024, 2048, 4096, 8192], [64, 128]).map((n) => square(n, undefined, floors({ js: 2, share: 0.5 }))),
    bandwidth: [
      addition(`add [${big.join()}]`, big, big, {}), geluOf(`GELU [${big.join()}]`, big, {}, 8 * big[0] * big[1]), along(0, big, {}), along(1, big, {}),
      ...[soft(wide, {}), norm(wide, {})].map((row) => ({ ...row, bytes: 8 * wide[0] * wide[1] })),
    ],
    convolution: convolutions.flatMap((row) => [row, withGradients(row, 2, { floors: {}, tolerance: 1e-4 })]),
    attention: [...attentions.flatMap((row) => [row, attentionGradients(row, floors(row.operands[0]!.shape[1] === 4096 ? { js: 3 } : {}))])],
    memory: pick([4096, 8192], [512, 1024]).map((T) => held(T, pick(8, 2), pick(64, 16))),
    training: full ? [
      mlpOf([784, 512, 256, 10], 128, {}), mlpOf([784, 4096, 4096, 10], 2048, {}), cnnOf(64, {}), cnnOf(512, {}),
      transformerOf({ B: 8, T: 128, C: 256, H: 8 }, 1024, { js: 3 }), transformerOf({ B: 8, T: 512, C: 768, H: 12 }, 3072, { js: 3 }),
    ] : [mlpOf([16, 16, 8, 4], 8, {}), cnnOf(2, {}), transformerOf({ B: 2, T: 8, C: 16, H: 2 }, 32, {})],
    gpt: [gptOf(pick({ B: 1, T: 1024, C: 768, H: 12 }, { B: 1, T: 8, C: 16, H: 2 }), pick(12, 2), pick(50257, 32), floors({ js: 3 }))],
    overhead: [dispatches(pick(256, 32)), ...eager.map((row) => ({ ...row, floors: {} }))],
    transfer: transfers.flatMap((shape) => [moved('upload', shape), moved('readback', shape)]),
  };
  return Object.fromEntries(Object.entries(questions).map(([name, list]) => [name, list.map((row) => ({ ...row, tolerance: Math.max(tolerance, row.tolerance ?? 0) }))]));
}
