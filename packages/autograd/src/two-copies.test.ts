import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as ours from '@heed/tensor';
import { close } from '@heed/tensor/testing';
import { grad, valueAndGrad } from './grad.js';

const test = suite('two copies');
const here = dirname(fileURLToPath(import.meta.url));
let folder = '';

/** Another copy of tensor and autograd, as a library that bundled them would bring it along; `change` may alter its text. */
async function copy(name: string, change: (text: string) => string = (text) => text): Promise<typeof ours & { grad: typeof grad }> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    stdin: { contents: "export * from '@heed/tensor'; export { grad } from './grad.js';", resolveDir: here, loader: 'ts' },
    tsconfig: join(here, '../../../tsconfig.json'), bundle: true, format: 'esm', platform: 'node', write: false, logLevel: 'silent',
  });
  const path = join(folder, `${name}.mjs`);
  await writeFile(path, change(outputFiles[0]!.text));
  return import(pathToFileURL(path).href) as Promise<typeof ours & { grad: typeof grad }>;
}

let theirs: Awaited<ReturnType<typeof copy>>;
test.before(async () => {
  // Beside the sources' dependencies, so that the copy finds them.
  folder = await mkdtemp(join(here, '../../../node_modules/.two-copies-'));
  theirs = await copy('other');
});
test.after(() => rm(folder, { recursive: true, force: true }));

test('they are two, and know each other\'s tensors', () => {
  assert.is.not(theirs.Tensor, ours.Tensor);
  assert.is(theirs.door, ours.door);
  assert.ok(ours.isTensor(theirs.tensor([1])) && theirs.isVariable(new ours.Variable(1)));
  assert.is.not(theirs.tensor([1]).id, ours.tensor([1]).id);
});

test('a tape of either records the ops of both', () => {
  const mixed = (x: ours.Tensor) => ours.sum(theirs.mul(ours.exp(x), theirs.square(x)));
  const expected = [0.5, -1].map((x) => Math.exp(x) * (x * x + 2 * x));
  close(grad(mixed)([0.5, -1]), expected);
  close(theirs.grad(mixed)([0.5, -1]), expected);
  close(grad((x) => theirs.grad((y) => ours.mul(x, theirs.mul(y, y)))(x))(3), 6 + 6);
});

test('variables of one train with ops of the other', () => {
  const w = new theirs.Variable([2, 3]);
  const [value, g] = valueAndGrad(() => ours.sum(theirs.square(w.value)), w);
  assert.is(value.item(), 13);
  close(g, [4, 6]);
});

test('expressions of one run as kernels of the other, named functions and gradients too', () => {
  const x = ours.random.normal([50_000], { seed: 1 });
  for (const name of ['gelu', 'silu', 'softplus', 'sigmoid', 'relu', 'sinh'] as const) {
    const [f, g] = [theirs[name], ours[name]];
    for (const backend of ['js', 'wasm'] as const) {
      ours.withBackend(backend, () => {
        close(f(x), g(x), { atol: 1e-6 });
        close(grad((v) => ours.sum(f(v)))(x), grad((v) => ours.sum(g(v)))(x), { atol: 1e-6 });
      });
    }
  }
});

test('jit of one traces functions that call both', () => {
  const f = (x: ours.Tensor) => theirs.softmax(ours.matmul(x, theirs.tanh(x)));
  for (const jit of [ours.jit, theirs.jit]) {
    const fast = jit(f);
    for (let i = 0; i < 3; i++) close(fast(ours.random.normal([4, 4], { seed: i })), f(ours.random.normal([4, 4], { seed: i })));
  }
});

test('another version is refused at load, with both places', async () => {
  const older = (text: string) => text.replaceAll(`"${ours.version}"`, '"0.0.1"');
  await copy('older', older).then(
    () => assert.unreachable('it loaded'),
    (error: Error) => assert.match(error.message, /^@heed\/tensor is loaded twice in different versions: \S+ from \S+ and 0\.0\.1 from \S*older\.mjs; install one version only\.$/),
  );
});

test.run();
