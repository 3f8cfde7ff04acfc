import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo, ones, random, run, slice, tensor, type Tensor } from '@heed/tensor';
import { loaded } from '../../use-backend.js';
import { attentionGradientOp, attentionOp } from '../../ops/attention.js';
import { Tiles } from './attention.js';
import type { GpuBackend } from './index.js';
import type { Shader } from './shader.js';
import { agrees, drawing } from './testing.js';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('attention on the GPU');
const missing = await useKernels();

interface Drawn { readonly x: readonly Tensor[]; readonly a: { readonly scale: number; readonly reach: number | null; readonly masked: boolean; readonly biased: boolean } }
interface Wanted { readonly T: number; readonly S: number; readonly D: number; readonly V: number; readonly K?: number; readonly G?: number; readonly reach?: number | null; readonly mask?: readonly number[]; readonly bias?: readonly number[]; readonly layout?: string }

/** Operands of the sizes wanted: B is 2; a mask or a bias has the axes of [B, H, T, S] that it is said to have. */
function operands(seed: number, { T, S, D, V, K = 1, G = 1, reach = null, mask, bias, layout }: Wanted): Drawn {
  const { floats, bools } = drawing(seed);
  const B = 2;
  const full = [B, K * G, T, S];
  const over = (axes: readonly number[]) => full.map((n, i) => (axes.includes(i) ? n : 1));
  return {
    x: [floats([B, T, K * G, D], layout), floats([B, S, K, D], layout), floats([B, S, K, V], layout), ...(mask ? [bools(over(mask))] : []), ...(bias ? [floats(over(bias), layout)] : [])],
    a: { scale: 1 / Math.sqrt(D), reach, masked: Boolean(mask), biased: Boolean(bias) },
  };
}

/** Both directions; what comes back is the gradient's from real logarithms. */
async function check(seed: number, wanted: Wanted): Promise<void> {
  const { x, a } = operands(seed, wanted);
  await agrees(attentionOp, x, a);
  const { floats } = drawing(seed + 1);
  const [q, k, v, ...rest] = x as [Tensor, Tensor, Tensor, ...Tensor[]];
  const [y, logarithm] = run(attentionOp, x, a);
  const [l, shape] = [tensor(await logarithm!.read(), { shape: logarithm!.shape }), y!.shape];
  await agrees(attentionGradientOp, [q, k, v, l, floats(l.shape), floats(shape), ...rest], { ...a, needBias: a.biased });
}

if (missing) test('is compared with js', () => console.log(`SKIPPED: attention on the GPU: ${missing}`));
else {
  // Tiles have 64, 32 or 16 rows, as many as there is room for.
  const cases: Record<string, Wanted> = {
    'tiles that are full and some that are not': { T: 130, S: 70, D: 8, V: 8, layout: 'dense' },
    'order, where whole tiles are not seen': { T: 140, S: 150, D: 4, V: 8, reach: 3, layout: 'dense' },
    'a reach that hides all from the first queries': { T: 40, S: 140, D: 4, V: 4, reach: -70 + 50, layout: 'dense' },
    'sizes that no vector divides, turned round in memory': { T: 35, S: 37, D: 5, V: 3, layout: 'turned' },
    'elements apart': { T: 20, S: 33, D: 6, V: 9, layout: 'apart' },
    'heads that share keys, with a mask': { T: 33, S: 66, D: 8, V: 12, K: 2, G: 3, mask: [0, 3] },
    'a mask for each score': { T: 34, S: 65, D: 4, V: 4, G: 2, mask: [0, 1, 2, 3], reach: 20 },
    'sizes that take more than one turn': { T: 20, S: 40, D: 68, V: 100, layout: 'dense' },
    'values that take more than one group': { T: 20, S: 24, D: 132, V: 140, layout: 'dense' },
    'few queries of many keys': { T: 1, S: 300, D: 16, V: 16, G: 2, layout: 'dense' },
    'a bias for each score, shared by batches': { T: 70, S: 40, D: 4, V: 4, G: 2, bias: [1, 2, 3] },
    'a bias for each key, with a mask': { T: 70, S: 70, D: 4, V: 4, bias: [0, 3], mask: [2, 3] },
    'a bias for each query': { T: 70, S: 66, D: 4, V: 4, G: 2, bias: [2], reach: 0 },
    'a bias for each head': { T: 66, S: 70, D: 4, V: 4, G: 2, bias: [1] },
  };
  Object.entries(cases).forEach(([title, wanted], i) => test(`agrees with js: ${title}`, () => check(10 * i + 1, wanted)));

  test('a query that may attend to nothing gives 0, minus infinity and no gradient', async () => {
    const { x, a } = operands(5, { T: 20, S: 33, D: 4, V: 4, reach: -3, layout: 'dense' });
    const [y, logarithm] = run(attentionOp, x, a);
    assert.ok((await y!.read()).subarray(0, 3 * 4).every((v) => v === 0));
    assert.equal([...await logarithm!.read()].slice(0, 4).map((v) => v === -Infinity), [true, true, true, false]);
    const [gq] = run(attentionGradientOp, [...x, logarithm!, ones(logarithm!.shape), ones(y!.shape)], { ...a, needBias: false });
    assert.ok((await gq!.read()).subarray(0, 3 * 4).every((v) => v === 0));
  });

  test('lays its tiles out within the room there is, no region over another that is in use', () => {
    for (const room of [16384, 32768, 49152, 65536]) for (const depth of [1, 2, 5, 8, 9, 16, 17, 32, 40]) for (const results of [1, 4, 16, 25, 32, 40]) for (const many of [false, true]) for (const rows of [1, 20, 40, 4096]) {
      const shader = { gpu: { device: { limits: { maxComputeWorkgroupStorageSize: room } } }, declare() {} } as unknown as Shader;
      const { l, span, pieces } = new Tiles(shader, { depths: [depth, depth], results, many, rows });
      const what = JSON.stringify({ room, depth, results, many, rows, l });
      assert.ok(16 * l.vectors + 4 * l.rows * l.lanes <= room && l.threads <= 256, what);
      assert.ok(l.columns % l.block === 0 && l.block % 4 === 0 && l.lanes % 4 === 0 && span * pieces >= results, what);
      assert.ok(l.other + l.columns * (l.step | 1) <= l.weights && l.right + l.block * span <= l.weights, what);
      assert.ok(l.own >= (l.whole ? depth : l.step) && l.right >= (l.whole ? l.other : 0) && l.vectors - l.weights >= l.rows * Math.max((l.columns / 4) | 1, l.step | 1), what);
    }
  });

  test('gives the same bits at every run', async () => {
    const { x, a } = operands(6, { T: 70, S: 70, D: 8, V: 8, layout: 'dense' });
    const once = async (): Promise<string> => Buffer.from((await run(attentionOp, x, a)[0]!.read()).slice().buffer).toString('base64');
    assert.is(await once(), await once());
  });

  test('prints its speed, on a real device', async () => {
    if (backendInfo().software) return console.log('SKIPPED: the speed of attention on the GPU: the device is software');
    const { gpu } = loaded.get('gpu') as GpuBackend;
    for (const [D, reach] of [[32, null], [64, null], [64, 0], [128, null]] as const) {
      const [B, L, H] = [1, 4096, 8];
      const [q, k, v, g] = [1, 2, 3, 4].map((seed) => random.normal([B, L, H, D], { seed }));
      const a = { scale: 1 / Math.sqrt(D), reach, masked: false, biased: false };
      const [, l] = run(attentionOp, [q!, k!, v!], a);
      const delta = l!.mul(0);
      const time = async (f: () => Tensor[]): Promise<number> => {
        const times: number[] = [];
        for (let i = 0; i < 6; i++) {
          await gpu.done();
          const start = performance.now();
          let last: Tensor[] = [];
          for (let k = 0; k < 8; k++) last = f();
          await slice(last[0]!, 0, 0, 0).read(); // those before it wait in the same queue
          times.push((performance.now() - start) / 8);
        }
        return Math.min(...times);
      };
      const forward = await time(() => run(attentionOp, [q!, k!, v!], a));
      const backward = await time(() => run(attentionGradientOp, [q!, k!, v!, l!, delta, g!], { ...a, needBias: false }));
      console.log(`attention B${B} T${L} H${H} D${D}${reach === null ? '' : ' causal'}: forward ${forward.toFixed(2)} ms, backward ${backward.toFixed(2)} ms`);
    }
  });
}

test.run();
