import type { Comparison, StageResult, Verdict } from './comparison.js';
import { describe, fromToken, showLimit, whyWrong } from './words.js';

/** The verdict over all stages: the first diverged one decides, and nothing compared is never agreement. */
export function judge(stages: readonly StageResult[]): Pick<Comparison, 'verdict' | 'reason' | 'first'> {
  const first = stages.find((stage) => stage.verdict === 'diverged');
  if (first) {
    const { order, step, layer, stage, token, where } = first;
    return {
      verdict: 'diverged',
      reason: `${describe(first)} is the first stage that is wrong${fromToken(first)}: ${whyWrong(first)}.`,
      first: { order, step, layer, stage, token, cause: null, where },
    };
  }
  const incomparable = stages.find((stage) => stage.verdict === 'incomparable');
  if (incomparable || stages.length === 0) {
    return {
      verdict: 'incomparable',
      reason: incomparable
        ? `${describe(incomparable)}: ${incomparable.reason}.`
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
