import { lookUp } from './look-up.js';

/** llama.cpp calls the norms of heads after what they are of. */
const OF_HEADS: Readonly<Record<string, string>> = { Qcur_normed: 'q', Kcur_normed: 'k' };

/** What a norm before its weight is called: a root mean square, or the mean taken away too (LayerNorm). */
const SUFFIX: Readonly<Record<string, string>> = { RMS_NORM: 'rms', NORM: 'ln' };

/**
 * What llama.cpp's node `norm` is called: after who multiplies it with a weight, or after that weight.
 *
 * @param weighted the stage that is it times its weight @param weight the weight's name in the file @returns undefined where nothing tells
 * @example normBefore('attn_post_norm') // 'attn_post_rms'
 * @example normBefore('kv_cmpr', 'blk.0.attn_kv_a_norm.weight') // 'attn_kv_a_rms'
 */
export function normBefore(weighted: string | undefined, weight = '', op = 'RMS_NORM'): string | undefined {
  const ofWeight = /^(?:blk\.\d+\.)?(.+)_norm\.weight$/.exec(weight)?.[1];
  const own = weighted && (lookUp(OF_HEADS, weighted) ?? /^(.+)_norm(?:ed)?$/.exec(weighted)?.[1]);
  const stem = own ?? ofWeight ?? weighted;
  return stem && `${stem}_${SUFFIX[op] ?? 'rms'}`;
}

/** Whether a stage may be one that normBefore() has named, or was called before there were such names. */
export const mayBeNorm = (stage: string): boolean => /^norm(\.|$)|_(rms|ln|norm_w)$/.test(stage);
