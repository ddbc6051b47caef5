import { beginning, type Gaps } from './bracket.js';
import type { Comparison, StageResult, Verdict } from './comparison.js';
import { describe, showLimit } from './words.js';

/**
 * The verdict over all stages: the first diverged one decides, and nothing compared is never agreement.
 *
 * @param gaps what the candidate does not have: the first stage that is wrong is the first one only where all before it was compared
 */
export function judge(
  stages: readonly StageResult[],
  gaps: Gaps = { gaps: [] },
): Pick<Comparison, 'verdict' | 'reason' | 'between' | 'first'> {
  const first = stages.find((stage) => stage.verdict === 'diverged');
  // NaN that the model makes goes on through either engine in its own way.
  const madeByModel = stages.find(hasSharedNan);
  const comesFromModel = first !== undefined && madeByModel !== undefined && isBefore(madeByModel, first);
  if (first && !(comesFromModel && first.firstNonFinite)) {
    const { order, step, layer, stage, token, where } = first;
    return {
      verdict: 'diverged',
      ...beginning(first, stages, gaps),
      first: { order, step, layer, stage, token, cause: null, where },
    };
  }
  const incomparable = comesFromModel ? madeByModel : stages.find((stage) => stage.verdict === 'incomparable');
  if (incomparable || stages.length === 0) {
    return {
      verdict: 'incomparable',
      reason: incomparable
        ? `${describe(incomparable)}: ${incomparable.reason}.`
        : gaps.isPart
          ? 'No stage that is to be judged is in both sides.'
          : 'The two sides have no stage in common.',
      first: null,
    };
  }
  const worst = stages.reduce((a, b) => (b.ofLimit > a.ofLimit ? b : a));
  return {
    verdict: 'agree' satisfies Verdict,
    reason: `All ${stages.length} stages agree; the closest to its limit is ${describe(worst)} with a relative RMS delta of ${worst.rel.toExponential(1)} (limit ${showLimit(worst.limit)}).`,
    first: null,
  };
}

const hasSharedNan = ({ verdict, nan, firstNonFinite }: StageResult): boolean =>
  verdict === 'incomparable' && Boolean(firstNonFinite) && nan.candidate === nan.reference;
const isBefore = (a: StageResult, b: StageResult): boolean =>
  a.step < b.step || (a.step === b.step && a.order < b.order);
