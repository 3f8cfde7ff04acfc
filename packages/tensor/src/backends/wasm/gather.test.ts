import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gather, jit, Variable, withBackend, zeros } from '@heed/tensor';
import { refuses } from '@heed/tensor/testing';
import type { View } from '../../backend.js';
import { sizeOf } from '../../shape.js';
import { gatherFamily, scatterAddFamily } from '../js/gather.js';
import { planGather, planScatterAdd } from './gather.js';
import { anyView, array, backend, dense, fastest, fill, generator, runCall, runInUnits } from './testing.js';

const test = suite('wasm gather');
const pick = (random: () => number, list: readonly number[]) => list[Math.floor(random() * list.length)];
const filled = (shape: readonly number[], dtype: View['dtype'], where: typeof backend | null = backend) => dense(fill(array(dtype, sizeOf(shape), where), generator(5)), shape, dtype);

/** Operands of any layout along any axis: x, indices (of either sign, some twice), updates. */
function drawn(random: () => number, t: number) {
  const shape = Array.from({ length: 1 + (t % 3) }, () => pick(random, [1, 2, 3, 5, 9]));
  if (t % 7 === 0) shape[shape.length - 1] = 300;
  const axis = Math.floor(random() * shape.length);
  const at = [[], [4], [2, 3], [0]][Math.floor(random() * 4)];
  const dtype = (['float32', 'int32'] as const)[t % 2];
  const indices = anyView(random, at, 'int32');
  const n = shape[axis];
  indices.data.forEach((_, i) => { indices.data[i] = Math.floor(random() * 2 * n) - n; });
  const picked = [...shape.slice(0, axis), ...at, ...shape.slice(axis + 1)];
  return { axis, dtype, picked, x: anyView(random, shape, dtype), indices, updates: anyView(random, picked, dtype), what: `[${shape}] at [${at}] along ${axis}` };
}

test('gather picks slices of any layout along any axis', () => {
  const random = generator(1);
  for (let t = 0; t < 300; t++) {
    const { axis, dtype, picked, x, indices, what } = drawn(random, t);
    const [got, wanted] = [backend, null].map((where) => filled(picked, dtype, where));
    runCall('gather', { axis }, [x, indices], [got]);
    gatherFamily.js({ axis }, [x, indices], [wanted]);
    assert.equal(Array.from(got.data), Array.from(wanted.data), what);
  }
});

test('scatterAdd adds in order, to the last bit as js does', () => {
  const random = generator(2);
  for (let t = 0; t < 300; t++) {
    const { axis, dtype, x, indices, updates, what } = drawn(random, t);
    const [got, wanted] = [backend, null].map((where) => filled(x.shape, dtype, where));
    runCall('scatterAdd', { axis }, [x, indices, updates], [got]);
    scatterAddFamily.js({ axis }, [x, indices, updates], [wanted]);
    assert.equal(Array.from(got.data), Array.from(wanted.data), what);
  }
});

test('an index out of range is refused in the words of js, before anything is written', async () => {
  for (const bad of [3, -4, 2 ** 31 - 1]) {
    const [x, y, indices] = [filled([3, 5], 'float32'), filled([2, 5], 'float32'), filled([2], 'int32')];
    indices.data.set([1, bad]);
    const before = [Array.from(x.data), Array.from(y.data)];
    for (const [family, inputs, out] of [[gatherFamily, [x, indices], y], [scatterAddFamily, [x, indices, y], x]] as const) {
      await refuses(() => runCall(family.name, { axis: 0 }, inputs, [out]), `${family.name}: index ${bad} is out of range for axis 0 of size 3; indices must be in [-3, 2].`);
    }
    assert.equal([Array.from(x.data), Array.from(y.data)], before);
  }
});

test('a jitted program refuses them too, each time, and changes no variable', async () => {
  const [table, at] = [new Variable(filled3()), new Variable(zeros([2], { dtype: 'int32' }))];
  const seen = new Variable(zeros([2, 5]));
  await withBackend('wasm', async () => {
    const look = jit((): void => { seen.assign(gather(table.value, at.value)); });
    look();
    assert.equal(seen.value.toArray(), [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]);
    at.assign([2, 3]);
    await refuses(() => look(), 'gather: index 3 is out of range for axis 0 of size 3; indices must be in [-3, 2].');
    assert.equal(seen.value.toArray(), [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]);
    at.assign([-1, 1]);
    look();
    assert.equal(seen.value.toArray(), [[10, 11, 12, 13, 14], [5, 6, 7, 8, 9]]);
  });
});
const filled3 = (): number[][] => [0, 1, 2].map((i) => [0, 1, 2, 3, 4].map((k) => 5 * i + k));

test('units may be done in any order', () => {
  const [x, indices, updates] = [filled([3, 600], 'float32', null), filled([50], 'int32', null), filled([50, 600], 'float32', null)];
  indices.data.forEach((v, i) => { indices.data[i] = v % 3; });
  const [slices, sums] = [updates.shape, x.shape].map((shape) => [backend, null].map((where) => filled(shape, 'float32', where)));
  runCall('gather', { axis: 0 }, [x, indices], [slices[0]]);
  runInUnits((engine, recipe) => planGather(engine, recipe, 0, recipe.input(x), recipe.input(indices), recipe.output(slices[1])));
  runCall('scatterAdd', { axis: 0 }, [x, indices, updates], [sums[0]]);
  runInUnits((engine, recipe) => planScatterAdd(engine, recipe, 0, recipe.input(x), recipe.input(indices), recipe.input(updates), recipe.output(sums[1])));
  for (const [whole, parts] of [slices, sums]) assert.equal(Array.from(parts.data), Array.from(whole.data));
});

test('prints its speed', () => {
  const [vocabulary, size, tokens] = [10_000, 256, 4096];
  const [table, updates, out] = [[vocabulary, size], [tokens, size], [vocabulary, size]].map((shape) => filled(shape, 'float32'));
  const indices = filled([tokens], 'int32');
  const next = generator(9);
  indices.data.forEach((_, i) => { indices.data[i] = Math.floor(next() * vocabulary); });
  const time = (family: typeof gatherFamily, inputs: View[], y: View) => `${fastest(backend.prepare({ family, params: { axis: 0 } }, inputs, [y])!, 15).toFixed(2)} ms, in js ${fastest(() => family.js({ axis: 0 }, inputs, [y]), 3).toFixed(1)}`;
  console.log(`gather of ${tokens} rows of [${vocabulary}, ${size}]: ${time(gatherFamily, [table, indices], updates)}`);
  console.log(`scatterAdd of them: ${time(scatterAddFamily, [table, indices, updates], out)}`);
});

test.run();
