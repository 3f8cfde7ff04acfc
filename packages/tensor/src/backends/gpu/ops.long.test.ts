import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backendInfo } from '@heed/tensor';
import { checkOp, opSamples } from '@heed/tensor/testing';
import { loaded } from '../../use-backend.js';
import { useKernels } from '../../../../../scripts/gpu/index.js';

const test = suite('every op on the GPU');
const missing = await useKernels();

if (missing) test('are compared with js', () => console.log(`SKIPPED: every op on the GPU: ${missing}`));
else {
  loaded.delete('wasm'); // its own tests compare it
  for (const { name, op, samples, options } of opSamples) test(`${name} agrees with js, forwards and backwards`, () => checkOp(op, samples, options));
  test('nothing was left to js but casts to float64', () => assert.equal(Object.keys(backendInfo().fallbacks as object), ['cast']));
}

test.run();
