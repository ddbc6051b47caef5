import type { Report } from '@llama-probe/comparison';
import type { StageResult } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';
import type { PageRun, PageWhy } from '@llama-probe/page';

/** After a NaN every stage has a reason, and all say the same. */
const MOST_WHYS = 300;

/** Why stages are not right, and where inside them; of the most telling ones first, and of how many not. */
export function whysOf({ stages, first }: Pick<Report, 'stages' | 'first'>): Pick<PageRun, 'whys' | 'whysLeft'> {
  const interest = (stage: StageResult): number => {
    if (first && stageKey(first) === stageKey(stage)) return 0;
    if (stage.verdict === 'incomparable') return 1;
    if (stage.verdict === 'diverged' && !stage.inherits) return 2;
    return stage.verdict === 'diverged' ? 3 : 4;
  };
  const told = stages
    .flatMap((stage, at) => (stage.reason === undefined && !stage.where ? [] : [{ stage, at, rank: interest(stage) }]))
    .sort((a, b) => a.rank - b.rank);
  return {
    whys: Object.fromEntries(told.slice(0, MOST_WHYS).map(({ stage, at }) => [at, whyOf(stage)])),
    whysLeft: Math.max(0, told.length - MOST_WHYS),
  };
}

const whyOf = ({ reason, where }: StageResult): PageWhy => ({
  ...(reason === undefined ? {} : { reason }),
  ...(where ? { where: where.text } : {}),
});
