import type { StageResult } from '@llama-probe/diff';

/**
 * The relative delta as it may be shown: a sum leaves out what is not finite, and nothing was summed of what cannot be compared.
 *
 * @returns NaN where a value is finite on one side only, null where there is nothing to compare
 */
export function relOf({ verdict, firstNonFinite, rel }: Pick<StageResult, 'verdict' | 'firstNonFinite' | 'rel'>) {
  if (firstNonFinite) return Number.NaN;
  return verdict === 'incomparable' ? null : rel;
}

/** A share of the limit of what can be compared. */
export const ofLimitOf = ({ verdict, ofLimit }: Pick<StageResult, 'verdict' | 'ofLimit'>): number | null =>
  verdict === 'incomparable' ? null : ofLimit;
