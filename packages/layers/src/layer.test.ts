import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tensor, jit, random, type Tensor } from '@heed/tensor';
import { close, refuses } from '@heed/tensor/testing';
import { Activation, attachMask, Dense, Dropout, heNormal, Input, Layer, maskOf, Model, Sequential } from './index.js';

const test = suite('layer');

/** A layer whose inner layers are built when they are first called. */
class Lazy extends Layer {
  readonly inner = new Dense(2);
  override call(x: Tensor): Tensor { return this.inner.apply(x) as Tensor; }
}

test('weights that are made while shapes are worked out hold numbers', () => {
  for (const build of [(l: Lazy) => l.computeOutputShape([null, 3]), (l: Lazy) => l.apply(Input({ shape: [3] }))]) {
    const layer = new Lazy();
    build(layer);
    assert.is(layer.weights[0]!.value.data().length, 6);
    assert.equal((layer.apply([[1, 2, 3]]) as Tensor).shape, [1, 2]);
  }
});

test('weights that are made while a function is traced stay outside of it', () => {
  const layer = new Lazy();
  const f = jit((x: Tensor) => layer.apply(x) as Tensor);
  const x = random.normal([2, 3], { seed: 1 });
  close(f(x), layer.apply(x) as Tensor);
});

test('a layer that hands its input on leaves the mask of the input alone', () => {
  const mask = tensor([[true, false]]);
  for (const layer of [new Activation('linear'), new Dropout(0.5)]) {
    const x = tensor([[[1], [2]]]);
    const y = layer.apply(x, { mask }) as Tensor;
    assert.equal([maskOf(x), maskOf(y)], [null, mask]);
    attachMask(x, mask);
    assert.is(maskOf(layer.apply(x) as Tensor), mask);
    assert.is(maskOf(layer.apply(x, { mask: null }) as Tensor), null);
  }
});

test('a frozen layer has no trainable weights, in a model neither', () => {
  const [a, b] = [new Dense(2, { trainable: false }), new Dense(1)];
  const inner = new Sequential([a]);
  const model = new Sequential([Input({ shape: [3] }), inner, b]);
  assert.equal(model.trainableWeights, b.weights);
  assert.equal(model.weights, [...a.weights, ...b.weights]);
  inner.trainable = true;
  assert.equal(model.trainableWeights, [...a.weights, ...b.weights]);
});

test('random streams are found in layers within layers', () => {
  const drop = () => new Dropout(0.5, { seed: 1 });
  const x = Input({ shape: [2] });
  const shared = drop();
  const model = new Model({ inputs: x, outputs: new Sequential([drop(), drop()]).apply(shared.apply(shared.apply(x))) });
  assert.is(model.seedGenerators.length, 3);
});

test('an initializer scales by the fans that are given instead of the shape', () => {
  class Wide extends Layer {
    override build(): void { this.addWeight('w', [100, 2, 3], { initializer: heNormal({ seed: 1 }), fans: [10000, 6] }); }
    override call(x: Tensor): Tensor { return x; }
  }
  const layer = new Wide();
  layer.apply([1]);
  const { data } = { data: Array.from(layer.weights[0]!.value.data()) };
  const std = Math.sqrt(data.reduce((s, v) => s + v * v, 0) / data.length);
  assert.ok(std > 0.012 && std < 0.016, String(std)); // sqrt(2 / 10000)
});

test('a stack refuses scalars and what is no layer', () => {
  refuses(() => new Sequential([new Dense(1)], { name: 's' }).apply(3), 's: expected x [B, ...], got a scalar.');
  refuses(() => new Sequential([{} as Layer], { name: 's' }), 's: a Object is not a layer; add layers, and an Input first.');
});
test.run();
