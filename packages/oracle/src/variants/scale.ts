import { inputOf, operationOf, type StageCase } from '../case.js';
import type { Variation } from '../variation.js';

/**
 * A factor that a model has between two of its steps, such as √n_embd after the embedding.
 *
 * @returns as the input
 * Source: Gemma Team 2024, arXiv:2403.08295 §2 (there: the embedding).
 * @example computeScale(c, { step: { scale: 'missing', of: 'embd' } }) // the input as it is
 */
export function computeScale(c: StageCase, v: Variation): Float64Array {
  const { factor: right = 1, inputs } = operationOf(c);
  const { scale, of, factor: other } = v.step ?? {};
  const isMeant = of === undefined || of === inputs[0]?.stage;
  const times = !scale || !isMeant ? 1 : scale === 'twice' ? 2 : 0;
  const factor = isMeant && other !== undefined ? other : right ** times;
  return inputOf(c, 0).map((value) => factor * value);
}
