import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { layerNorm, run, withBackend, type Tensor } from '@heed/tensor';
import type { View } from '../../backend.js';
import { layerNormGradientOp, layerNormOp } from '../../ops/layer-norm.js';
import { sizeOf } from '../../shape.js';
import { fromData, Tensor as TensorClass } from '../../tensor.js';
import { layerNormFamily, layerNormGradientFamily } from '../js/layer-norm.js';
import { wasmBackend } from './index.js';
import { planLayerNorm, planLayerNormGradient } from './layer-norm.js';
import { anyView, array, backend, dense, difference, fastest, fill, generator, runCall, runInUnits } from './testing.js';

const test = suite('wasm layer norm');
const filled = (shape: readonly number[], where: typeof backend | null = backend) => dense(fill(array('float32', sizeOf(shape), where), generator(8)), shape, 'float32');
const tensorOf = (v: View): Tensor => new TensorClass(v.shape, v.dtype, v.strides, v.offset, { kind: 'host', data: v.data });
const pick = (random: () => number, list: readonly number[]) => list[Math.floor(random() * list.length)];
const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 100];
const epsilon = 0.1;

/** Rows of several shapes and layouts, and parameters that are there or not. */
function drawn(t: number, random: () => number) {
  const n = sizes[t % sizes.length];
  const shape = [[pick(random, [1, 3, 40]), n], [n], [2, pick(random, [1, 5]), n]][t % 3];
  const [scaled, shifted] = [random() < 0.5, random() < 0.5];
  const plain = random() < 0.5;
  return { shape, scaled, shifted, x: anyView(random, shape, 'float32', { plain }), line: () => anyView(random, [n], 'float32') };
}

test('agrees with the smaller ops, whatever sizes, layouts and parameters', () => {
  const random = generator(1);
  for (let t = 0; t < 200; t++) {
    const { shape, scaled, shifted, x, line } = drawn(t, random);
    const inputs = [x, ...(scaled ? [line()] : []), ...(shifted ? [line()] : [])];
    const outputs = [filled(shape), filled(shape.slice(0, -1)), filled(shape.slice(0, -1))];
    runCall('layerNorm', { epsilon, scaled, shifted }, inputs, outputs);
    const wanted = withBackend('js', () => run(layerNormOp, inputs.map(tensorOf), { epsilon, scaled, shifted }));
    // y reaches 40, and its error is that of the mean, some ulps of 4, times 1 / sqrt(epsilon) and gamma.
    outputs.forEach((y, k) => assert.ok(difference(y.data, wanted[k].data()) < 4e-6, `output ${k} of [${shape}]/${x.strides}, ${inputs.length} inputs: ${difference(y.data, wanted[k].data())}`));
  }
});

test('its gradients agree too', () => {
  const random = generator(2);
  for (let t = 0; t < 200; t++) {
    const { shape, scaled, shifted: parameters, x, line } = drawn(t, random);
    const rows = shape.slice(0, -1);
    const inputs = [x, anyView(random, rows, 'float32'), anyView(random, rows, 'float32'), anyView(random, shape, 'float32'), ...(scaled ? [line()] : [])];
    const outputs = [filled(shape), ...(parameters ? [filled(shape.slice(-1)), filled(shape.slice(-1))] : [])];
    runCall('layerNormGradient', { scaled, parameters }, inputs, outputs);
    const wanted = withBackend('js', () => run(layerNormGradientOp, inputs.map(tensorOf), { scaled, parameters }));
    // h reaches 32, s 16 and r 4: terms of 2,000, of which some ulps (1.2e-4 each) may be lost.
    outputs.forEach((y, k) => assert.ok(difference(y.data, wanted[k].data()) < 1e-3, `output ${k} of [${shape}]/${x.strides}, ${inputs.length} inputs: ${difference(y.data, wanted[k].data())}`));
  }
});

test('a mean that is large beside the deviation costs no more digits than x has', () => {
  const n = 20_000;
  const random = generator(3);
  const numbers = Float32Array.from({ length: n }, () => 1000 + random());
  const outputs = [filled([1, n]), filled([1]), filled([1])];
  runCall('layerNorm', { epsilon: 0, scaled: false, shifted: false }, [dense(numbers, [1, n], 'float32')], outputs);
  const m = numbers.reduce((a, v) => a + v, 0) / n;
  const r = 1 / Math.sqrt(numbers.reduce((a, v) => a + (v - m) ** 2, 0) / n);
  assert.ok(Math.abs(outputs[1].data[0] - m) < 2 ** -14, 'the mean is rounded once'); // an ulp of 1000
  assert.ok(Math.abs(outputs[2].data[0] / r - 1) < 1e-6);
  const worst = numbers.reduce((w, v, i) => Math.max(w, Math.abs(outputs[0].data[i] - (v - m) * r)), 0);
  assert.ok(worst < 2 ** -14 * r, String(worst)); // the mean's rounding, through 1 / deviation
});

test('a NaN stays in its row', () => {
  const x = fromData(fill(new Float32Array(40), generator(4)), [4, 10], 'float32');
  x.data()[13] = NaN;
  const y = withBackend('wasm', () => layerNorm(x)).data();
  y.forEach((v, i) => assert.is(Number.isNaN(v), i >= 10 && i < 20));
});

test('trailing axes are one, other axes and parameters that vary over rows are composed', () => {
  const random = generator(5);
  const x = tensorOf(anyView(random, [3, 4, 5], 'float32', { plain: true }));
  const line = (shape: number[]) => tensorOf(anyView(random, shape, 'float32', { plain: true }));
  for (const [axis, gamma, kernels] of [[-1, [5], 1], [[1, 2], [4, 5], 1], [[-2, -1], [1, 1, 5], 1], [[-2, -1], [4, 1], 1], [1, [4, 1], 0], [-1, [3, 1, 5], 0], [[0, 2], [5], 0]] as [number | number[], number[], number][]) {
    const calls = () => (wasmBackend.describe().calls as Record<string, number> | undefined)?.layerNorm ?? 0;
    const o = { axis, gamma: line(gamma), beta: line(gamma), epsilon };
    const before = calls();
    const got = withBackend('wasm', () => layerNorm(x, o));
    assert.is(calls() - before, kernels, `axis ${axis}, gamma [${gamma}]`);
    assert.ok(difference(got.data(), withBackend('js', () => layerNorm(x, o)).data()) < 4e-6);
  }
});

test('units may be done in any order', () => {
  const [x, g, gamma] = [[90, 33], [90, 33], [33]].map((shape) => filled(shape, null));
  const both = (params: object, name: string, plan: Function, inputs: View[], shapes: number[][]) => {
    const [whole, parts] = [backend, null].map((where) => shapes.map((s) => filled(s, where)));
    runCall(name, params, inputs, whole);
    runInUnits((engine, recipe) => plan(engine, recipe, params, inputs.map((v) => recipe.input(v)), parts.map((v) => recipe.output(v))));
    parts.forEach((y, k) => assert.equal([...y.data], [...whole[k].data]));
    return whole;
  };
  const [, m, r] = both({ epsilon, scaled: true, shifted: false }, 'layerNorm', planLayerNorm, [x, gamma], [[90, 33], [90], [90]]);
  both({ scaled: true, parameters: true }, 'layerNormGradient', planLayerNormGradient, [x, m, r, g, gamma], [[90, 33], [33], [33]]);
});

test('prints its speed', () => {
  const shape = [4096, 512];
  const [x, g, gamma, beta] = [shape, shape, [512], [512]].map((s) => filled(s));
  const outputs = [shape, [4096], [4096]].map((s) => filled(s));
  const gradients = [shape, [512], [512]].map((s) => filled(s));
  const forward = fastest(backend.prepare({ family: layerNormFamily, params: { epsilon, scaled: true, shifted: true } }, [x, gamma, beta], outputs)!, 15);
  const backward = fastest(backend.prepare({ family: layerNormGradientFamily, params: { scaled: true, parameters: true } }, [x, outputs[1], outputs[2], g, gamma], gradients)!, 15);
  console.log(`layer norm of [4096, 512]: forward ${forward.toFixed(2)} ms, backward ${backward.toFixed(2)} ms`);
});

test.run();
