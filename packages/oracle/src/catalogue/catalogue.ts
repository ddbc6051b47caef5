import { ATTENTION_ENTRIES } from './entries/attention.js';
import { END_ENTRIES } from './entries/ends.js';
import { FFN_ENTRIES } from './entries/ffn.js';
import { LAYOUT_ENTRIES } from './entries/layout.js';
import { MASK_ENTRIES } from './entries/mask.js';
import { NORM_ENTRIES } from './entries/norm.js';
import { POSITION_ENTRIES } from './entries/position.js';
import { PRODUCT_ENTRIES } from './entries/product.js';
import { QUANT_ENTRIES } from './entries/quant.js';
import { RESIDUAL_ENTRIES } from './entries/residual.js';
import { ROPE_ENTRIES } from './entries/rope.js';
import { SOFT_MAX_ENTRIES } from './entries/soft-max.js';
import { TOKEN_ENTRIES } from './entries/tokens.js';
import type { CatalogueEntry } from './entry.js';

/**
 * The known bugs. Of two that compute the same numbers at one stage, the one that says more comes first: a bug without a
 * parameter before one whose parameter was searched.
 *
 * @example CATALOGUE.find(({ id }) => id === 'rope-halves')?.title
 */
export const CATALOGUE: readonly CatalogueEntry[] = [
  ...TOKEN_ENTRIES,
  ...END_ENTRIES,
  ...NORM_ENTRIES,
  ...PRODUCT_ENTRIES,
  ...LAYOUT_ENTRIES,
  ...QUANT_ENTRIES,
  ...POSITION_ENTRIES,
  ...ROPE_ENTRIES,
  ...ATTENTION_ENTRIES,
  ...MASK_ENTRIES,
  ...SOFT_MAX_ENTRIES,
  ...FFN_ENTRIES,
  ...RESIDUAL_ENTRIES,
];
