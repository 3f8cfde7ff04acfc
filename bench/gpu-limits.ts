/** What a GPU can do, by kernels that do nothing else: multiply and add in registers, stream from memory, take numbers and give them back. */
import type { Limits } from './limits.js';

/** Eight sums of four in registers, so that no addition waits for the one before; what they are is unknown to the compiler. */
const multiplyAdd = (turns: number): string => `
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(256) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) n: vec3u) {
  let a = vec4f(y[0]); let b = vec4f(y[1]);
  ${Array.from({ length: 8 }, (_, i) => `var s${i} = vec4f(f32(id.x + ${i}u));`).join(' ')}
  for (var t = 0; t < ${turns}; t++) { ${Array.from({ length: 8 }, (_, i) => `s${i} = fma(s${i}, a, b);`).join(' ')} }
  y[2u + id.x] = dot(${Array.from({ length: 8 }, (_, i) => `s${i}`).join(' + ')}, vec4f(1));
}`;

/** c = a + b, 16 bytes a thread at a time. */
const stream = `
@group(0) @binding(0) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@compute @workgroup_size(256) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) n: vec3u) {
  for (var i = id.x; i < arrayLength(&c); i += n.x * 256u) { c[i] = a[i] + b[i]; }
}`;

const usage = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, storage: 0x80 };
const tries = 8;
/** A measurement lasts at least this long, so that clocks rise and waiting for its end does not tell. */
const [leastMs, warmUpMs] = [30, 300];

/** Least milliseconds of one `run` among many, waited for together. */
async function leastTime(device: GPUDevice, run: (times: number) => unknown): Promise<number> {
  const time = async (times: number): Promise<number> => {
    const began = performance.now();
    await run(times);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - began;
  };
  await time(1);
  let times = 1;
  for (let ms = await time(1), spent = 0; ms < leastMs || spent < warmUpMs; spent += ms) {
    if (ms < leastMs) times = Math.ceil(times * Math.min(8, Math.max(1.5, (1.2 * leastMs) / ms)));
    ms = await time(times);
  }
  let least = Infinity;
  for (let i = 0; i < tries; i++) least = Math.min(least, (await time(times)) / times);
  return least;
}

function dispatcher(device: GPUDevice, code: string, buffers: readonly GPUBuffer[], groups: number): (times: number) => void {
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module: device.createShaderModule({ code }), entryPoint: 'main' } });
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })) });
  return (times) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < times; i++) pass.dispatchWorkgroups(groups);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
}

export async function measureGpuLimits(device: GPUDevice, name: string, software: boolean): Promise<Limits> {
  const made: GPUBuffer[] = [];
  const buffer = (size: number, more = 0): GPUBuffer => {
    const b = device.createBuffer({ size, usage: more || usage.storage | usage.copySource | usage.copyTarget });
    made.push(b);
    return b;
  };
  const [groups, turns] = software ? [64, 256] : [8192, 1024];
  const sums = buffer(4 * (2 + 256 * groups));
  device.queue.writeBuffer(sums, 0, Float32Array.of(0.999, 0.001));
  const compute = await leastTime(device, dispatcher(device, multiplyAdd(turns), [sums], groups));

  // More than any cache holds.
  const bytes = software ? 2 ** 22 : Math.min(2 ** 28, device.limits.maxStorageBufferBindingSize);
  const streaming = await leastTime(device, dispatcher(device, stream, [1, 2, 3].map(() => buffer(bytes)), Math.min(16384, bytes / 4096)));

  const size = software ? 2 ** 18 : 2 ** 26;
  const data = new Float32Array(size / 4).fill(1);
  const [there, staging] = [buffer(size), buffer(size, usage.mapRead | usage.copyTarget)];
  const up = await leastTime(device, (times) => { for (let i = 0; i < times; i++) device.queue.writeBuffer(there, 0, data); });
  const back = await leastTime(device, async (times) => {
    for (let i = 0; i < times; i++) {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(there, 0, staging, 0, size);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(usage.mapRead);
      data.set(new Float32Array(staging.getMappedRange()));
      staging.unmap();
    }
  });
  for (const b of made) b.destroy();
  return {
    peak: (256 * groups * turns * 64) / compute / 1e6, stream: (3 * bytes) / streaming / 1e6, fused: true,
    gpu: { name, software, upload: size / up / 1e6, readback: size / back / 1e6 },
  };
}
