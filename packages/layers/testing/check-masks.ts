/** The laws of masks. */
import { add, expandDims, isTensor, ones, tensor, where, type Tensor } from '@heed/tensor';
import { close, type Tolerance } from '@heed/tensor/testing';
import { attachMask, maskOf, type Layer } from '../src/index.js';
import { outputs, stateOf, setState, withInputs, type Case } from './case.js';

/** A mask with the rank of x, for where. */
const wide = (mask: Tensor, x: Tensor): Tensor => {
  let m = mask;
  while (m.rank < x.rank) m = expandDims(m, -1);
  return m;
};
/** close, with what it is about. */
export function same(what: string, got: Tensor, wanted: Tensor, tolerance: Tolerance): void {
  try {
    close(got, wanted, tolerance);
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
const dtypeOf = (x: Tensor): string => x.dtype;

/** Where there is a mask: other values in masked places change nothing in the rest; a mask that keeps all is none; the mask goes on as computeMask says. */
export function checkMasks(make: (o: object) => Layer, c: Case, tolerance: Tolerance): void {
  if (!c.masks) return;
  const { masks } = c;
  if (masks.every((m) => !m || !Array.from(m.data()).includes(0))) throw new Error('the mask of the sample hides nothing; it must have a false.');
  const layer = make({});
  const y = outputs(layer, c);
  const state = stateOf(layer);
  const call = (changed: Case): Tensor[] => {
    setState(layer, state);
    return outputs(layer, changed);
  };
  const told = layer.computeMask(c.list ? c.inputs : c.inputs[0]!, c.list ? masks : masks[0]!);
  const list = (isTensor(told) || !told ? [told] : told) as readonly (Tensor | null)[];
  y.forEach((t, k) => {
    const [carried, said] = [maskOf(t), list[k] ?? null];
    if (said && !carried) throw new Error(`computeMask gives output ${k} a mask, apply does not.`);
    if (carried && carried.shape.some((n, i) => n !== t.shape[i])) throw new Error(`the mask of output ${k} is [${carried.shape.join(', ')}], the output [${t.shape.join(', ')}]; the first axes must be equal.`);
  });
  const other = c.inputs.map((t, i) => (masks[i] && dtypeOf(t) !== 'bool' ? where(wide(masks[i]!, t), t, add(t, 1)).cast(t.dtype) : t));
  const found = call(withInputs(c, other));
  const seen = (t: Tensor, k: number): Tensor => {
    const m = maskOf(y[k]!);
    return m ? where(wide(m, t), t, 0) : t;
  };
  found.forEach((t, k) => same(`output ${k} depends on what the mask hides`, seen(t, k), seen(y[k]!, k), tolerance));
  const carrying = c.inputs.map((t, i) => {
    const copy = tensor(t.data().slice(), { shape: t.shape, dtype: t.dtype });
    attachMask(copy, masks[i]);
    return copy;
  });
  call({ ...withInputs(c, carrying), masks: null }).forEach((t, k) => same(`output ${k} with a mask that the input carries is not that with the option`, seen(t, k), seen(y[k]!, k), tolerance));
  const all = { ...c, masks: masks.map((m) => m && ones(m.shape, { dtype: 'bool' })) };
  const none = call({ ...c, masks: null });
  call(all).forEach((t, k) => same(`output ${k} with a mask that keeps all is not that without one`, t, none[k]!, tolerance));
}
