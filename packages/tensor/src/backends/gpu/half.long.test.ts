import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fromData } from '../../tensor.js';
import { matmulFamily } from '../js/matmul.js';
import { tiles } from './choice.js';
import { Gpu } from './device.js';
import { createGpuBackend } from './index.js';
import { planProduct } from './matmul.js';
import { hasMatrices, planMatrices } from './matrices.js';
import { productOf } from './product.js';
import { Queue } from './queue.js';
import { checkHalf } from './half.js';
import { nothingGpu } from '../../../../../scripts/gpu/index.js';

const test = suite('products in 16 bits');
const gpu = await nothingGpu();

/** A device with every feature that computes nothing. */
async function opened(): Promise<Gpu> {
  const adapter = (await gpu!.requestAdapter())!;
  return new Gpu(await adapter.requestDevice({ requiredFeatures: ['shader-f16'] }), adapter.info);
}

if (!gpu) test('are compiled', () => console.log('SKIPPED: products in 16 bits: the npm package webgpu is not installed (node scripts/install.mjs --gpu)'));
else {
  test('are shaders that WebGPU takes, whatever the tile and however operands lie', async () => {
    const device = await opened();
    device.half = true;
    const queue = new Queue(device, () => [], () => true, { budget: 2 ** 30 }, () => {});
    device.device.pushErrorScope('validation');
    for (const [tile] of tiles.entries()) {
      for (const k of [64, 67]) {
        for (const turned of [false, true]) {
          const matrix = (rows: number, columns: number) => {
            const view = queue.resident(fromData(new Float32Array(rows * columns), [rows, columns], 'float32'));
            return turned ? { ...view, strides: [1, rows] } : view;
          };
          planProduct({ gpu: device, scratch: () => { throw new Error('nothing is split'); } }, productOf([matrix(130, k), matrix(k, 140)], queue.resident(fromData(new Float32Array(130 * 140), [130, 140], 'float32'))), { way: 'tiles', tile, splits: 1 });
        }
      }
    }
    const error = await device.device.popErrorScope();
    assert.is(error?.message ?? '', '');
    assert.ok(device.pipelineCount >= 4 * tiles.length, String(device.pipelineCount));
  });
  test('are shaders that WebGPU takes by the matrices of a device, too', async () => {
    const adapter = (await gpu.requestAdapter())!;
    const features = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
    const device = new Gpu(await adapter.requestDevice({ requiredFeatures: features }), adapter.info);
    const queue = new Queue(device, () => [], () => true, { budget: 2 ** 30 }, () => {});
    const matrix = (rows: number, columns: number) => queue.resident(fromData(new Float32Array(rows * columns), [rows, columns], 'float32'));
    const turned = (rows: number, columns: number) => ({ ...matrix(rows, columns), strides: [1, rows] });
    device.device.pushErrorScope('validation');
    for (const [a, b] of [[matrix, matrix], [matrix, turned], [turned, matrix]] as const) planMatrices({ gpu: device, scratch: () => matrix(1, 1) }, productOf([a(130, 67), b(67, 140)], matrix(130, 140)));
    assert.is((await device.device.popErrorScope())?.message ?? '', '');
    assert.is(device.pipelineCount, 3);
    assert.is(hasMatrices(device), false); // it tells of none
  });
  test('are not used where they come out wrong', async () => {
    const device = await opened();
    createGpuBackend(device);
    const queue = new Queue(device, (call, inputs, outputs, scratch) => {
      assert.is(call.family, matmulFamily);
      return planProduct({ gpu: device, scratch }, productOf(inputs, outputs[0]!), { way: 'tiles', tile: 0, splits: 1 });
    }, () => true, { budget: 2 ** 30 }, () => {});
    let told = '';
    await checkHalf(queue).catch((error: Error) => { told = error.message; }); // this device computes nothing
    assert.is(device.half, false);
    assert.ok(told, 'nothing was refused');
  });
}

test.run();
