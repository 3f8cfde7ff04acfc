import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mul, tensor, type Tensor } from '@heed/tensor';
import * as s from '@heed/tensor/scalar';
import { close, scattered } from '@heed/tensor/testing';
import { broadcastShapes } from '../shape.js';
import { findChromium, launch, serve } from '../../../../scripts/browser.js';
import { interpreted } from './testing.js';

const test = suite('generated kernels on the GPU of a browser');
const [x, y] = [s.input(0), s.input(1)];
const [i, j] = [s.input(0, 'i'), s.input(1, 'i')];

/** Every number beside every other. */
const pairs = (...v: number[]): [Float32Array, Float32Array] => [Float32Array.from(v.flatMap((p) => v.map(() => p))), Float32Array.from(v.flatMap(() => v))];
const odd = pairs(NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-7, -1e-7, 1e-3, 100, -100, 20, 7, -7, 3, 3e38, 0.3, -0.3, 2);
const halves = pairs(NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -0.5, 7, -7, 1.5, -2.5, 100, -100);
const whole = pairs(0, 1, -1, 2, -2, 3, 5, -7);

interface Case { readonly root: s.Expr; readonly x: readonly [Float32Array, Float32Array]; readonly exact?: boolean }
const of = (x: Case['x'], o: Omit<Case, 'root' | 'x'>, roots: Record<string, s.Expr>): [string, Case][] => Object.entries(roots).map(([name, root]) => [name, { root, x, ...o }]);
const cases = new Map<string, Case>([
  ...of(odd, { exact: true }, {
    neg: s.neg(x), abs: s.abs(x), sign: s.sign(x), floor: s.floor(x), ceil: s.ceil(x), round: s.round(x), add: s.add(x, y), sub: s.sub(x, y), mul: s.mul(x, y),
    max: s.maximum(x, y), min: s.minimum(x, y), less: s.less(x, y), equal: s.equal(x, y), 'int of a float': s.cast(x, 'i'), 'bool of a float': s.cast(x, 'b'),
    'a select': s.where(s.less(x, 0), y, s.abs(x)), 'one over the sign of 0': s.div(1, s.where(s.less(x, 0), -0, 0)),
    'constants that no source can hold': s.where(s.less(x, 0), Infinity, s.where(s.less(0, x), -Infinity, NaN)),
  }),
  ...of(halves, { exact: true }, { mod: s.mod(x, y) }),
  ...of(whole, { exact: true }, { 'division of integers': s.div(i, j), 'remainder of integers': s.mod(i, j), 'power of integers': s.pow(i, s.abs(j)) }),
  ...of(odd, {}, {
    div: s.div(x, y), sqrt: s.sqrt(x), exp: s.exp(x), expm1: s.expm1(x), log: s.log(x), log1p: s.log1p(x), atan: s.arctan(x), tanh: s.tanh(x), erf: s.erf(x), pow: s.pow(x, y),
    sigmoid: s.sigmoid(x), softplus: s.softplus(x), silu: s.silu(x), gelu: s.gelu(x),
  }),
  ...of(pairs(NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -0.5, 1e-7, 0.9, -0.999, 0.1, 2), {}, { erfinv: s.erfinv(x) }),
  ...of(pairs(NaN, Infinity, -Infinity, 0, -0, 1, -1, 2, -2, 0.5, -0.5, 0.1, 1.7, 3.3, 7.4, 7.6, 20, 100), {}, { lgamma: s.lgamma(x), digamma: s.digamma(x), trigamma: s.polygamma(1, x), 'polygamma of order 2': s.polygamma(2, x) }),
  ...of(pairs(NaN, Infinity, -Infinity, 0, 0.5, -0.8, 1, 1.5, -1.6, 2, 3, 7, -7, 20, 100, 9999), {}, { sin: s.sin(x), cos: s.cos(x) }),
]);

/** What the page runs: numbers travel as text, which knows NaN, infinities and -0. */
const script = `
globalThis.compute = async (mode, cases) => {
  const text = (v) => (Object.is(v, -0) ? '-0' : String(v));
  const gpu = new (GPU.GPU ?? GPU)({ mode });
  const results = [];
  let ran = '';
  for (const { source, inputs, output } of cases) {
    const kernel = gpu.createKernel(source, { output });
    const cells = await kernel(...inputs.map(({ data, size }) => GPU.input(Float32Array.from(data, Number), size)));
    ran = kernel.kernel.constructor.name;
    results.push([cells].flat(3).flatMap((row) => Array.from(row, text)));
  }
  return { ran, results };
};`;

const text = (v: number): string => (Object.is(v, -0) ? '-0' : String(v));

/** What is sent for a kernel over operands that broadcast. */
function job(root: s.Expr, x: readonly Tensor[]) {
  const { output, operands } = s.gpuLayout(broadcastShapes('job', x.map((t) => t.shape)), x.map((t) => t.shape))!;
  const inputs = [...s.slots([root])].sort().map((slot) => ({ data: Array.from(x[slot]!.data(), text), size: operands[slot]!.size }));
  return { source: s.kernelSource(root, operands.map((o) => o.axes)), output, inputs };
}

/** Operands that share no axis. */
const [table, rowsAndColumns] = [s.mul(x, y), [scattered([6, 1, 4]), scattered([3, 1])]] as const;

for (const [mode, title] of [['webgl2', 'WebGL 2'], ['webgpu', 'WebGPU']] as const) {
  test(`agree with the interpreter on ${title}: NaN, infinities, ties, -0 and broadcasts too`, async () => {
    if (!findChromium()) return console.log(`SKIPPED: generated kernels on ${title}: there is no Chromium`);
    const library = readFileSync(createRequire(import.meta.url).resolve('gpu.js').replace(/src[\\/]index\.js$/, 'dist/gpu-browser.js'));
    const args = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
    const [browser, server] = await Promise.all([
      launch({ gpu: true, args }),
      serve(new Map<string, string | Uint8Array>([['/', '<!doctype html><script src="/gpu.js"></script><script src="/run.js"></script>'], ['/gpu.js', library], ['/run.js', script]])),
    ]);
    try {
      const page = await browser.newPage();
      await page.goto(server.url);
      const flat = [...cases.values()].map(({ root, x: both }) => job(root, both.map((data) => tensor(data))));
      const { ran, results: answers } = await page.evaluate<{ ran: string; results: string[][] }>(`compute(${JSON.stringify(mode)}, ${JSON.stringify([...flat, job(table, rowsAndColumns)])})`);
      assert.is(ran.toLowerCase(), `${mode}kernel`); // gpu.js may take another backend without a word
      assert.equal(answers.pop()!.map(Number), [...mul(...rowsAndColumns).data()]);
      [...cases].forEach(([name, { root, x: both, exact }], k) => {
        const operands = both.map((data, slot): Tensor => tensor(Array.from(data), { dtype: [i, j].some((n) => n.value === slot && s.topological([root]).includes(n)) ? 'int32' : 'float32' }));
        const got = Float32Array.from(answers[k]!, Number);
        const wanted = interpreted(root, operands, tensor(0, { shape: [got.length] }));
        try {
          if (exact) got.forEach((v, n) => assert.is(text(v), text(wanted[n]!), `${text(v)} at ${both.map((x) => text(x[n]!))}, not ${text(wanted[n]!)}`));
          else close(tensor(got), tensor(Float32Array.from(wanted)), { rtol: 4e-6, atol: 1e-6 });
        } catch (error) {
          throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
        }
      });
    } finally {
      await Promise.all([browser.close(), server.close()]);
    }
  });
}

test.run();
