/** heed against tfjs (cpu and wasm), interleaved in one run, after checking that all computed the same. One thread each. */
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { useBackend } from '@heed/tensor';
import { rows, type Engine, type Row } from './rows.js';

const rounds = 9;
await useBackend('wasm', { threads: 1 });
// Rivals are found beside this file; nothing else of the repository depends on them.
const require = createRequire(import.meta.url);
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const tf: any = require('@tensorflow/tfjs'); // registers every gradient
require('@tensorflow/tfjs-backend-wasm');
for (const backend of ['cpu', 'wasm']) {
  await tf.setBackend(backend);
  await tf.ready();
}

/** Refuses engines that computed something else: a time of that would say nothing. */
function check(row: Row, engines: readonly Engine[]): void {
  const expected = engines[0]!.run();
  for (const { name, run } of engines.slice(1)) {
    const got = run();
    const limit = row.tolerance ?? 1e-4;
    for (let i = 0; i < expected.length; i++) {
      if (!(Math.abs(got[i]! - expected[i]!) <= limit * (1 + Math.abs(expected[i]!)))) throw new Error(`bench: ${row.name}: ${name} gives ${got[i]} at ${i}, ${engines[0]!.name} gives ${expected[i]}.`);
    }
  }
}

const median = (times: number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1]!;
const wanted = process.argv.slice(2);
const chosen = rows(tf).filter(({ name }) => !wanted.length || wanted.some((w) => name.includes(w)));
if (!chosen.length) {
  console.error(`bench: no row is named like ${wanted.join(', ')}; there are ${rows(tf).map((r) => r.name).join(', ')}.`);
  process.exit(1);
}

console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${process.platform} ${process.arch}; one thread each; ${rounds} rounds, interleaved; milliseconds, minimum and median`);
console.log('ratio = rival / heed jitted, of the minimums: above 1, heed is faster\n');
console.log(`${'row'.padEnd(38)}${'engine'.padEnd(14)}${'min'.padStart(9)}${'median'.padStart(9)}${'ratio'.padStart(8)}`);
for (const row of chosen) {
  const engines = row.engines();
  check(row, engines);
  const times = engines.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    engines.forEach(({ run }, k) => {
      const began = performance.now();
      run();
      times[k]!.push(performance.now() - began);
    });
  }
  const ours = Math.min(...times[0]!);
  engines.forEach(({ name }, k) => {
    const least = Math.min(...times[k]!);
    console.log(`${(k ? '' : row.name).padEnd(38)}${name.padEnd(14)}${least.toFixed(3).padStart(9)}${median(times[k]!).toFixed(3).padStart(9)}${(k ? (least / ours).toFixed(2) : '').padStart(8)}`);
  });
}
