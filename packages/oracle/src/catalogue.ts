import type { Bug } from './bug.js';
import { ALIBI_BUGS } from './bugs/alibi.js';
import { ATTENTION_BUGS } from './bugs/attention.js';
import { END_BUGS } from './bugs/ends.js';
import { EXPERT_BUGS } from './bugs/experts.js';
import { FFN_BUGS } from './bugs/ffn.js';
import { HEAD_NORM_BUGS } from './bugs/head-norm.js';
import { LAYOUT_BUGS } from './bugs/layout.js';
import { LEFT_OUT_BUGS } from './bugs/left-out.js';
import { MASK_BUGS } from './bugs/mask.js';
import { NORM_BUGS } from './bugs/norm.js';
import { POSITION_BUGS } from './bugs/position.js';
import { PRODUCT_BUGS } from './bugs/product.js';
import { QUANT_BUGS } from './bugs/quant.js';
import { RESIDUAL_BUGS } from './bugs/residual.js';
import { ROPE_BUGS } from './bugs/rope.js';
import { ROPE_SECTION_BUGS } from './bugs/rope-sections.js';
import { SOFT_MAX_BUGS } from './bugs/soft-max.js';
import { TOKEN_BUGS } from './bugs/tokens.js';

/**
 * The known bugs. Their order matters: if two compute the same numbers at a stage, the first is named. So the one that says more comes
 * first, and a bug without a parameter before one whose parameter is searched.
 *
 * @example CATALOGUE.find(({ id }) => id === 'rope-halves')?.title
 */
export const CATALOGUE: readonly Bug[] = [
  ...TOKEN_BUGS,
  ...END_BUGS,
  ...NORM_BUGS,
  ...HEAD_NORM_BUGS,
  ...LEFT_OUT_BUGS,
  ...EXPERT_BUGS,
  ...PRODUCT_BUGS,
  ...LAYOUT_BUGS,
  ...QUANT_BUGS,
  ...POSITION_BUGS,
  ...ROPE_SECTION_BUGS,
  ...ROPE_BUGS,
  ...ATTENTION_BUGS,
  ...MASK_BUGS,
  ...ALIBI_BUGS,
  ...SOFT_MAX_BUGS,
  ...FFN_BUGS,
  ...RESIDUAL_BUGS,
];
