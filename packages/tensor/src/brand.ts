/** Tensors and variables are known by brand, not by class: objects of two loaded copies of the package are the same kind. */
import type { Tensor } from './tensor.js';
import type { Variable } from './variable.js';

export const tensorBrand = Symbol.for('heed.tensor');
export const variableBrand = Symbol.for('heed.variable');

const has = (x: unknown, brand: symbol): boolean => typeof x === 'object' && x !== null && (x as Record<symbol, unknown>)[brand] === true;

export const isTensor = (x: unknown): x is Tensor => has(x, tensorBrand);
export const isVariable = (x: unknown): x is Variable => has(x, variableBrand);
