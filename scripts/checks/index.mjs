import { imports } from './imports.mjs';
import { layout } from './layout.mjs';
import { ops } from './ops.mjs';
import { readmes } from './readmes.mjs';
import { sizes } from './sizes.mjs';

/**
 * The house checks by title. Each returns what fails (`problems`) and what is only told (`notes`).
 * `before` run ahead of the tests; `after` also see what the tests did.
 */
export const before = { imports, layout, sizes, 'code in the docs': readmes };
export const after = { 'every op is checked': ops };
