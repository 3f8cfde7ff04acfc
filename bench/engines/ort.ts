/** onnxruntime-web on its wasm backend: forward rows only. */
import { timeAsync, Unable, type Column } from '../engine.js';
import { operandsOf } from '../operands.js';
import type { Rival } from '../row.js';
import { load, versionOf } from './load.js';
import { Graph } from './onnx.js';

export async function ortColumns(threads: number): Promise<Column[]> {
  const ort: Rival = load('onnxruntime-web');
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return [{
    name: 'onnxruntime',
    engine: 'ort',
    version: versionOf('onnxruntime-web'),
    how: `wasm, all graph optimizations, ${threads} thread${threads > 1 ? 's (its own workers)' : ''}, no shim; copies operands in and results out at every call, as it lets nobody hold them in its memory`,
    async prepare(row) {
      if (row.kind === 'training') throw new Unable('it has no gradients');
      if (row.eager) throw new Unable('it has no eager mode');
      const f = row.ort;
      if (typeof f !== 'function') throw new Unable(f.reason);
      const held = operandsOf(row, 'ort');
      const names = held.map((_, i) => `x${i}`);
      const graph = new Graph();
      const result = f(graph, ...names);
      const model = graph.model(new Map(held.map(({ shape }, i) => [names[i]!, shape])), result);
      const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });
      const feeds = Object.fromEntries(held.map(({ data, shape }, i) => [names[i], new ort.Tensor('float32', data, [...shape])]));
      const run = async (): Promise<Float32Array> => ((await session.run(feeds))[result] as { data: Float32Array }).data;
      return {
        results: async () => [await run()],
        time: (calls) => timeAsync(async () => { await run(); }, calls),
        close: () => session.release(),
      };
    },
  }];
}
