/** Tensors and variables are known by brand, not by class: objects of two loaded copies of the package are the same kind. */
import type { Tensor } from './tensor.js';
import type { Variable } from './variable.js';

export const tensorBrand = Symbol.for('heed.tensor');
export const variableBrand = Symbol.for('heed.variable');

interface Branded {
  readonly [tensorBrand]?: boolean;
  readonly [variableBrand]?: boolean;
}

export const isTensor = (x: unknown): x is Tensor => typeof x === 'object' && x !== null && (x as Branded)[tensorBrand] === true;
export const isVariable = (x: unknown): x is Variable => typeof x === 'object' && x !== null && (x as Branded)[variableBrand] === true;
