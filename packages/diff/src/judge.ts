import type { Comparison, StageId, StageResult, Verdict } from './comparison.js';

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

/** A stage in words. @example describe({ step: 0, layer: 3, stage: 'kq' }) === 'kq of layer 3' */
export function describe({ step, layer, stage }: StageId): string {
  return `${stage}${layer === null ? '' : ` of layer ${layer}`}${step === 0 ? '' : ` at step ${step}`}`;
}

/** A limit as people write it. @example showLimit(1e-5) === '1e-5', showLimit(0.15) === '0.15' */
export function showLimit(limit: number): string {
  return limit < 1e-3 ? String(Number(limit.toPrecision(2)).toExponential()) : String(Number(limit.toPrecision(2)));
}

export const fromToken = ({ token }: Pick<StageResult, 'token'>): string => (token ? `, from token ${token} on` : '');

/** Which check a diverged stage failed. */
export function whyWrong({ reason, rel, limit }: Pick<StageResult, 'reason' | 'rel' | 'limit'>): string {
  return reason ?? `its relative RMS delta is ${rel.toExponential(1)}, the limit is ${showLimit(limit)}`;
}
