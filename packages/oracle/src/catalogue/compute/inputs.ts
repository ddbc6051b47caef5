import type { Attention } from '../../attention.js';
import type { StageCase } from '../case.js';

/** An input of a case by its stage's name. A case without it was put together wrongly: nothing can be computed. */
export function inputOf(c: StageCase, name: string): Float64Array {
  const rows = c.inputs[name];
  if (!rows)
    throw new Error(`${c.stage}${c.layer === null ? '' : `-${c.layer}`} needs the rows of ${name}; the case has none.`);
  return rows;
}

/** The residual stream as it enters the layer, or leaves the last: l_out of the layer before, or embd. */
export const streamOf = (c: StageCase): Float64Array => c.inputs.l_out ?? inputOf(c, 'embd');

/** The name of a weight of the case's layer. @example nameOf(c, 'attn_q') // blk.3.attn_q.weight */
export const nameOf = (c: StageCase, stem: string, suffix = 'weight'): string =>
  c.layer === null ? `${stem}.${suffix}` : `blk.${c.layer}.${stem}.${suffix}`;

/** How the case's heads share the cache, and what its rows see. */
export function attentionOf(c: StageCase): Attention {
  const { headCount, headCountKv, headDim } = c.model.config;
  return { headCount, headCountKv, headDim, firstPosition: c.firstPosition };
}
