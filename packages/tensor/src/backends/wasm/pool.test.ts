import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { jit, mul, sum, useBackend, Variable, backendInfo, matmul, tensor, withBackend } from '@heed/tensor';
import type { View } from '../../backend.js';
import type { DType } from '../../dtype.js';
import { BackendError } from '../../errors.js';
import { add, exp, input, less, tanh } from '../../scalar/expression.js';
import { Engine } from './engine.js';
import { createWasmBackend, wasmBackend, type WasmBackend } from './index.js';
import { Recipe, type Kernel } from './recipe.js';
import { anyView, array, crewOf, dense, fill, generator } from './testing.js';
import { controlBytes, words } from './worker-code.js';

const test = suite('wasm threads');
const family = (name: string) => ({ name, js() { throw new Error('js'); } });

/** Backends for these numbers of threads, whose workers are there. */
async function backends(...threads: number[]): Promise<WasmBackend[]> {
  const list = threads.map((n) => createWasmBackend({ threads: n }));
  for (const on of list) {
    await crewOf(on);
    on.pool!.always = true;
  }
  return list;
}
const stop = (list: readonly WasmBackend[]) => list.forEach((on) => on.configure!({ threads: 1 }));
/** The same view in another backend's heap. */
function moved(view: View, on: WasmBackend): View {
  const data = array(view.dtype, view.data.length, on);
  data.set(view.data);
  return { ...view, data };
}

interface Drawn { name: string; params: unknown; inputs: View[]; outputs: [number[], DType][] }

/** A drawn call of every family. */
function calls(random: () => number): Drawn[] {
  const size = (most: number) => 1 + Math.floor(random() * most);
  const view = (shape: number[], dtype: DType = 'float32', odd = 0) => anyView(random, shape, dtype, { heap: false, odd });
  const [a, b, c, m, n, k] = [size(5), size(40), size(90), size(150), size(150), size(300)];
  const [B, T, S, K, G, D] = [size(2), size(130), size(130), size(2), size(2), size(12)];
  const H = K * G;
  const heads = [view([B, T, H, D]), view([B, S, K, D]), view([B, S, K, D])];
  const masked = random() < 0.5;
  const mask = masked ? [view([B, 1, T, S], 'bool')] : [];
  const attention = { scale: 0.3, reach: random() < 0.5 ? S - T : null, masked, biased: false };
  const strides = [1, 1, 1, 1, 1, 1];
  [7 * 9 * a, 9 * a, a, 9 * a, a, 1].forEach((s, i) => (strides[i] = s));
  const [table, rows] = [view([b, c]), view([b])];
  const reads: View = dense(new Int32Array(m).map(() => Math.floor((random() * 2 - 1) * b)), [m], 'int32');
  const state: View = dense(Int32Array.of(random() * 2 ** 31, random() * 2 ** 31, a), [3], 'int32');
  return [
    { name: 'map', params: { roots: [tanh(add(input(0), exp(input(1)))), less(input(0), input(1))] }, inputs: [view([a, b, c], 'float32', 0.1), view([b, c])], outputs: [[[a, b, c], 'float32'], [[a, b, c], 'bool']] },
    { name: 'map', params: { roots: [exp(input(0))] }, inputs: [anyView(random, [b * c], 'float32', { heap: false, plain: true })], outputs: [[[b * c], 'float32']] },
    { name: 'matmul', params: {}, inputs: [view([m, k]), view([k, n])], outputs: [[[m, n], 'float32']] },
    { name: 'matmul', params: {}, inputs: [view([a, m, 20]), view([a, 20, n])], outputs: [[[a, m, n], 'float32']] },
    { name: 'matmul', params: {}, inputs: [view([1, k]), view([k, n])], outputs: [[[1, n], 'float32']] },
    { name: 'matmul', params: {}, inputs: [view([2, k]), { ...view([n, k]), shape: [k, n], strides: [1, k], offset: 0, data: new Float32Array(n * k).map(() => random()) }], outputs: [[[2, n], 'float32']] },
    ...[[0], [1], [2], [0, 2], [0, 1, 2]].map((axes): Drawn => ({ name: 'reduce', params: { kind: 'sum', axes }, inputs: [view([a, b, c])], outputs: [[[a, b, c].filter((_, i) => !axes.includes(i)), 'float32']] })),
    { name: 'reduce', params: { kind: 'sum', axes: [0] }, inputs: [anyView(random, [b, 512], 'float32', { heap: false, plain: true })], outputs: [[[512], 'float32']] },
    { name: 'reduce', params: { kind: 'argmax', axes: [1] }, inputs: [view([b, c], 'float32', 0.05)], outputs: [[[b], 'int32']] },
    { name: 'rows', params: { kind: 'softmax', axis: 1 }, inputs: [view([b, c])], outputs: [[[b, c], 'float32']] },
    { name: 'rows', params: { kind: 'logSoftmax', axis: 0 }, inputs: [table], outputs: [[[b, c], 'float32']] },
    ...['softmax', 'logSoftmax'].map((kind): Drawn => ({ name: 'rowsGradient', params: { kind, axis: 1, masked: false }, inputs: [table, view([b, c])], outputs: [[[b, c], 'float32']] })),
    { name: 'layerNorm', params: { epsilon: 1e-3, scaled: true, shifted: true }, inputs: [table, view([c]), view([c])], outputs: [[[b, c], 'float32'], [[b], 'float32'], [[b], 'float32']] },
    { name: 'layerNormGradient', params: { scaled: true, parameters: true }, inputs: [view([a, b, c]), view([a, b]), view([a, b]), view([a, b, c]), view([c])], outputs: [[[a, b, c], 'float32'], [[c], 'float32'], [[c], 'float32']] },
    { name: 'layerNormGradient', params: { scaled: false, parameters: false }, inputs: [table, rows, rows, view([b, c])], outputs: [[[b, c], 'float32']] },
    { name: 'gather', params: { axis: 0 }, inputs: [table, reads], outputs: [[[m, c], 'float32']] },
    { name: 'scatterAdd', params: { axis: 0 }, inputs: [view([b, 600]), reads, view([m, 600])], outputs: [[[b, 600], 'float32']] },
    ...['bits', 'uniform', 'normal'].map((kind): Drawn => ({ name: 'random', params: { kind }, inputs: [state], outputs: [[[b * c], kind === 'bits' ? 'int32' : 'float32']] })),
    { name: 'copy', params: {}, inputs: [view([a, b, c])], outputs: [[[a, b, c], 'float32']] },
    { name: 'copy', params: {}, inputs: [{ ...dense(fill(new Float32Array(b * 192), random), [b, 192], 'float32'), strides: [1, b] }], outputs: [[[b, 192], 'float32']] },
    { name: 'concat', params: { axis: 1 }, inputs: [view([b, m]), view([b, n])], outputs: [[[b, m + n], 'float32']] },
    { name: 'fold', params: { strides }, inputs: [dense(fill(new Float32Array(6 * 8 * 4 * a), random), [1, 6, 8, 2, 2, a], 'float32')], outputs: [[[1, 7, 9, a], 'float32']] },
    { name: 'maxPoolGradient', params: { kernel: [2, 2], strides: [1, 2], dilation: [1, 1] }, inputs: [view([a, b + 1, 6, c]), view([a, b, 3, c])], outputs: [[[a, b + 1, 6, c], 'float32']] },
    { name: 'attention', params: { ...attention, direction: 'forward' }, inputs: [...heads, ...mask], outputs: [[[B, T, H, D], 'float32'], [[B, H, T], 'float32']] },
    { name: 'attention', params: { ...attention, direction: 'backward' }, inputs: [...heads, view([B, H, T]), view([B, H, T]), view([B, T, H, D]), ...mask], outputs: [[[B, T, H, D], 'float32'], [[B, S, H, D], 'float32'], [[B, S, H, D], 'float32']] },
  ];
}

test('results have the same bits on one, two and three threads, in every family', async () => {
  const list = await backends(1, 2, 3);
  const random = generator(1);
  for (let t = 0; t < 12; t++) {
    for (const { name, params, inputs, outputs } of calls(random)) {
      const results = list.map((on) => {
        const y = outputs.map(([shape, dtype]) => dense(array(dtype, shape.reduce((p, q) => p * q, 1), on), shape, dtype));
        const run = on.prepare({ family: family(name), params }, inputs.map((x) => moved(x, on)), y)!;
        run();
        return y.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice());
      });
      for (const other of results.slice(1)) other.forEach((bytes, i) => { const at = bytes.findIndex((b, k) => b !== results[0][i][k]); assert.is(at, -1, `${name} ${JSON.stringify(params)} ${inputs.map((x) => `[${x.shape}]/${x.strides}`)}`); });
    }
  }
  assert.is(list[0].pool!.describe().spread, 0);
  for (const on of list.slice(1)) assert.ok(on.pool!.describe().spread > 150);
  stop(list);
});

/** An engine with two threads and a kernel whose units take about a millisecond each, and count themselves at `out`. */
async function busy() {
  const engine = new Engine({ threads: 2 });
  const pool = engine.pool!;
  const out = engine.heap.reserve(4 * 64);
  const kernel = engine.compile((module) => module.func(['i32', 'i32', 'i32'], [], (f, block, from, to) => {
    const [i, p] = [f.local('i32'), f.local('i32')];
    f.while(f.op('i32.lt_u', from, to), () => {
      f.set(i, 2_000_000);
      f.repeat(() => f.set(i, f.op('i32.sub', i, 1)), i);
      f.set(p, f.op('i32.add', f.load('i32.load', block), f.op('i32.mul', from, 4)));
      f.store('i32.store', p, f.op('i32.add', f.load('i32.load', p), 1));
      f.advance(from, 1);
    });
  }, 'run'));
  pool.always = true;
  pool.enlist();
  while (pool.describe().started < 1) await new Promise((resolve) => setTimeout(resolve, 2));
  const step = (of: Kernel = kernel) => {
    const recipe = new Recipe(engine.heap, pool);
    recipe.step(of, [out], 64, { nanoseconds: 1e6 });
    return recipe.build();
  };
  const counts = () => [...engine.heap.view('int32', out, 64)];
  /** The kernel, with something to do before the calling thread takes part. */
  const first = (act: () => void): Kernel => {
    let done = false;
    const wrapped: Kernel = (block, from, to) => {
      if (!done) act();
      done = true;
      kernel(block, from, to);
    };
    pool.tell(wrapped, pool['code'].get(kernel)!.bytes);
    return wrapped;
  };
  return { engine, pool, step, counts, first };
}

/** The heartbeat of the first worker; whether it is in the middle of a part. */
const beats = ({ heap, pool }: Engine): number => Atomics.load(heap.i32, (pool!['crew']!.control + controlBytes) >>> 2);
const works = (engine: Engine): boolean => (beats(engine) & 1) === 1;
const lost = /^wasm: a worker thread died or hangs: thread 1 of 1 took a part of the work and got no further; no variable was changed, and the next call starts new threads\.$/;

/** The message and the milliseconds of a call that fails. */
function failure(run: () => void): { message: string; ms: number } {
  const start = performance.now();
  try {
    run();
  } catch (error) {
    assert.instance(error, BackendError);
    return { message: (error as Error).message, ms: performance.now() - start };
  }
  return assert.unreachable('it did not fail') as never;
}

test('every unit is run once, and both threads run some', async () => {
  const { engine, pool, step, counts } = await busy();
  const run = step();
  for (let t = 0; t < 4; t++) run();
  assert.equal(counts(), Array(64).fill(4));
  assert.ok(beats(engine) > 0);
  pool.wanted = 1;
});

test('a worker that is killed at work is found within a second, and the next call has another', async () => {
  const { engine, pool, step, counts, first } = await busy();
  let at = 0;
  const kill = first(() => {
    while (!works(engine));
    void pool['crew']!.threads[0].stop();
    at = performance.now();
  });
  const { message } = failure(step(kill));
  assert.match(message, lost);
  assert.ok(performance.now() - at < 1500, 'time');
  const before = counts();
  step()();
  assert.equal(counts(), before.map((n) => n + 1));
  while (pool.describe().started < 1) await new Promise((resolve) => setTimeout(resolve, 2));
  const { spread, failures } = pool.describe();
  step()();
  assert.is(pool.describe().spread, spread + 1);
  assert.is(failures, 1);
  pool.wanted = 1;
});

test('a worker that hangs is found within a second', async () => {
  const { pool, step } = await busy();
  pool['crew']!.words[words.stuck] = 1;
  const { message, ms } = failure(step());
  assert.match(message, lost);
  assert.ok(ms < 1500, `${ms} ms`);
  step()();
  pool.wanted = 1;
});

test('a worker that is killed while it sleeps is missed by nobody', async () => {
  const { pool, step, counts } = await busy();
  await pool['crew']!.threads[0].stop();
  step()();
  assert.equal(counts(), Array(64).fill(1));
  while (pool.describe().started < 1) { pool.enlist(); await new Promise((resolve) => setTimeout(resolve, 2)); }
  pool.wanted = 1;
});

test('a kernel that a worker cannot run fails the call at once', async () => {
  const { engine, pool, step, counts, first } = await busy();
  const wrong = first(() => { while (!works(engine) && !pool['crew']!.words[words.failed]); });
  pool.tell(wrong, new Uint8Array(8));
  const { message, ms } = failure(step(wrong));
  assert.match(message, /^wasm: a worker thread could not run a kernel: thread 1 of 1; no variable was changed, and the next call starts new threads\.$/);
  assert.ok(ms < 700, `${ms} ms`);
  const before = counts();
  step(wrong)(); // it stays on the calling thread from now on
  assert.equal(counts(), before.map((n) => n + 1));
  pool.wanted = 1;
});

test('small work starts no threads, and large work does', async () => {
  const on = createWasmBackend({ threads: 2 });
  const square = (n: number) => dense(fill(array('float32', n * n, on), generator(2)), [n, n], 'float32');
  const product = (n: number) => on.prepare({ family: family('matmul'), params: {} }, [square(n), square(n)], [square(n)])!;
  const [small, large] = [product(64), product(512)];
  for (let t = 0; t < 200; t++) small();
  assert.is(on.pool!['crew'], null);
  large();
  await crewOf(on);
  on.pool!['gain'].note = () => {};
  large();
  const { spread } = on.pool!.describe();
  assert.ok(spread > 0);
  small();
  assert.is(on.pool!.describe().spread, spread);
  stop([on]);
});

test('where spreading does not pay, one thread works alone for a while', async () => {
  const { pool, step } = await busy();
  pool.always = false;
  const run = step();
  for (let t = 0; t < 30; t++) pool['gain'].note(1, 2);
  assert.not(pool.describe().resting);
  pool['gain'].note(20, 2); // one long wait is enough
  const { resting, spread } = pool.describe();
  assert.ok(resting);
  run();
  assert.is(pool.describe().spread, spread);
  await new Promise((resolve) => setTimeout(resolve, pool['gain'].restUntil - performance.now() + 20));
  run();
  assert.is(pool.describe().spread, spread + 1);
  pool.wanted = 1;
});

test('memory that is not shared has one thread', () => {
  const on = createWasmBackend({ shared: false, threads: 4 });
  assert.is(on.pool, null);
  assert.is(on.describe().threads, 1);
});

test('useBackend says how many threads and whether results are the same on every machine, now and for programs made before', async () => {
  const w = new Variable([1, 2, 3]);
  const fast = jit((x) => sum(mul(w.value, x)));
  assert.is(fast([1, 2, 3]).item(), 14);
  await useBackend('wasm', { deterministic: true, threads: 3 });
  try {
    assert.is(fast([1, 2, 3]).item(), 14);
    assert.is(fast([1, 2, 3]).item(), 14);
    const info = backendInfo() as { relaxed: boolean; pool: { wanted: number } };
    assert.equal([info.relaxed, info.pool.wanted], [false, 3]);
    withBackend('wasm', () => matmul(tensor([[1]]), tensor([[1]])));
    await useBackend('wasm', { threads: 2 });
    assert.is((backendInfo() as { relaxed: boolean }).relaxed, false);
  } finally {
    await useBackend('wasm', { deterministic: false });
  }
  assert.is(wasmBackend.pool!.wanted, 2);
  assert.is(fast([1, 2, 3]).item(), 14);
});

test('threads are a whole number', async () => {
  for (const threads of [0, -1, 1.5, NaN]) {
    let message = '';
    await useBackend('wasm', { threads }).catch((error: Error) => { message = error.message; });
    assert.is(message, `useBackend: threads is ${threads}; it must be a whole number from 1 up.`);
  }
});

test('a step that loses a worker changes no variable', async () => {
  await useBackend('wasm', { threads: 2 });
  const pool = wasmBackend.pool!;
  const w = new Variable(Array.from({ length: 300 }, (_, i) => Array.from({ length: 300 }, (_, j) => Math.sin(i * j))));
  const x = tensor(w.value.data(), { shape: [300, 300] });
  const step = jit(() => w.assign(w.value.add(matmul(w.value, x).sin())));
  step();
  step();
  await crewOf(wasmBackend);
  pool['gain'].note = () => {};
  pool['gain'].restUntil = 0;
  pool['crew']!.words[words.stuck] = 1;
  let [before, message] = [w.value.data(), ''];
  for (let t = 0; t < 100 && !message; t++) { // while others use the machine, the worker may come too late for any part
    before = w.value.data().slice();
    try { step(); } catch (error) { message = (error as Error).message; }
  }
  delete (pool['gain'] as { note?: unknown }).note;
  assert.match(message, lost);
  assert.equal(w.value.data(), before);
  step();
  assert.not.equal(w.value.data(), before);
});

test('a process whose threads have nothing to do ends by itself', async () => {
  const program = `
    import { backendInfo, matmul, random, useBackend } from '@heed/tensor';
    await useBackend('wasm', { threads: 2 });
    const x = random.normal([600, 600], { seed: 1 });
    do {
      matmul(x, x);
      await new Promise((resolve) => setTimeout(resolve)); // before 20.16, Node hands out its modules between turns only
    } while (backendInfo().pool.spread === 0);
    console.log(JSON.stringify(backendInfo().pool));`;
  const { build } = await import('esbuild');
  const root = join(fileURLToPath(import.meta.url), '../../../../../..');
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: root, loader: 'ts' }, tsconfig: join(root, 'tsconfig.json'),
    bundle: true, format: 'esm', platform: 'node', write: false, logLevel: 'silent',
  });
  const child = spawn(process.execPath, ['--input-type=module'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(outputFiles[0]!.text);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  assert.is(await new Promise((resolve) => child.on('close', resolve)), 0);
  const { spread, started } = JSON.parse(output) as { spread: number; started: number };
  assert.ok(spread > 0 && started === 1, output);
});

// Before 20.16 these tests pass alone and hang beside others: why is not known.
if ('getBuiltinModule' in (process as object)) test.run();
else {
  const none = suite('wasm threads');
  none.skip('threads', () => {});
  none.run();
  console.log(`SKIPPED: threads: Node ${process.version} hands out its modules late; tested from 20.16 on`);
}
