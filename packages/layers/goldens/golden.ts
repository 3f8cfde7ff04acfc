/** Expected numbers from Keras: reading the files that make.py writes, and holding a layer to them. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, mul, sum, Variable, type Tensor } from '@heed/tensor';
import { close, type Tolerance } from '@heed/tensor/testing';
import { valueAndGrad } from '@heed/autograd';
import { attachMask, Layer, maskOf } from '@heed/layers';
import { fromBytes } from '@heed/layers/saving';

/** The tensors of one case: `x0` is its first input, `all('x')` are all of them. */
export class Golden {
  constructor(readonly tensors: Readonly<Record<string, Tensor>>) {}
  get(key: string): Tensor {
    const t = this.tensors[key];
    if (!t) throw new Error(`the golden has no ${key}, but ${Object.keys(this.tensors).join(', ')}`);
    return t;
  }
  all(kind: string): Tensor[] {
    const found: Tensor[] = [];
    for (let t; (t = this.tensors[`${kind}${found.length}`]); ) found.push(t);
    return found;
  }
}

/** The cases of a file beside `here` (a test's import.meta.url), by name, and what is known of them that is no tensor. */
export function goldens(here: string, file: string): { cases: Map<string, Golden>; facts: Readonly<Record<string, unknown>> } {
  const { tensors, metadata } = fromBytes(readFileSync(new URL(`${file}.safetensors`, here)));
  const grouped = new Map<string, Record<string, Tensor>>();
  for (const [key, t] of Object.entries(tensors)) {
    const at = key.lastIndexOf('/');
    const name = key.slice(0, at);
    if (!grouped.has(name)) grouped.set(name, {});
    grouped.get(name)![key.slice(at + 1)] = t;
  }
  return { cases: new Map([...grouped].map(([name, t]) => [name, new Golden(t)])), facts: JSON.parse(metadata.facts ?? '{}') as Record<string, unknown> };
}

/** Compares two lists of tensors; the message says which one differs. */
export function closeAll(what: string, found: readonly Tensor[], expected: readonly Tensor[], tolerance: Tolerance = {}): void {
  assert.is(found.length, expected.length, `${what}: ${found.length} tensors, Keras has ${expected.length}`);
  found.forEach((t, i) => {
    try {
      close(t, expected[i]!, tolerance);
    } catch (error) {
      throw new Error(`${what} ${i}: ${(error as Error).message}`);
    }
  });
}

export interface Call {
  readonly [option: string]: unknown;
}

/** Calls the layer as Keras was called; outputs, masks, gradients and state must be Keras's. */
export function holds(golden: Golden, layer: Layer, call: Call = {}, tolerance: Tolerance = {}): void {
  const given = golden.all('x');
  layer.ensureBuilt(given.length === 1 ? given[0]!.shape : given.map((x) => x.shape));
  layer.setWeights(golden.all('w'));
  const inputs = given.map((x) => (x.dtype === 'float32' ? new Variable(x) : x));
  const variables = inputs.filter((x) => x instanceof Variable);
  const states = golden.all('s').map((s) => new Variable(s));
  const cotangents = golden.all('g');
  const [[, outputs], gradients] = valueAndGrad(() => {
    const xs = inputs.map((x) => (x instanceof Variable ? x.value : x));
    xs.forEach((x, i) => attachMask(x, golden.tensors[`m${i}`]));
    const y = layer.apply(xs.length === 1 ? xs[0]! : xs, { ...call, ...(states.length ? { initialState: states.map((s) => s.value) } : {}) });
    const list: Tensor[] = Array.isArray(y) ? y : [y];
    return [list.map((t, i) => sum(mul(t, cotangents[i]!))).reduce((a, b) => add(a, b)), list] as const;
  }, [...variables, ...states, ...layer.trainableWeights], { aux: true });
  closeAll('output', outputs, golden.all('y'), tolerance);
  const mask = maskOf(outputs[0]!);
  closeAll('mask', mask ? [mask] : [], golden.all('ym'));
  closeAll('gradient', gradients as Tensor[], [...golden.all('gx'), ...golden.all('gs'), ...golden.all('gw')], tolerance);
  if (golden.tensors.n0) closeAll('state', layer.nonTrainableWeights.map((v) => v.value), golden.all('n'), tolerance);
}

/** The layers of a script's table, by the same names, and how they are called, where that needs to be said. */
export type Layers = Readonly<Record<string, () => Layer | readonly [Layer, Call | ((golden: Golden) => Call)]>>;

/** One test for each layer of the table, and one that both tables have the same cases. */
export function agree(here: string, file: string, layers: Layers): void {
  const test = suite(`goldens: ${file}`);
  const { cases } = goldens(here, file);
  for (const [name, make] of Object.entries(layers)) {
    test(`${name} agrees with Keras`, () => {
      const made = make();
      const [layer, call] = made instanceof Layer ? [made, {}] : made;
      const golden = cases.get(name)!;
      holds(golden, layer, typeof call === 'function' ? call(golden) : call);
    });
  }
  test('every case that was recorded is tested', () => assert.equal([...cases.keys()].sort(), Object.keys(layers).sort()));
  test.run();
}
