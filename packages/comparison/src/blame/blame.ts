import type { Comparison } from '@llama-probe/diff';
import type { CompareAsk, Looking } from '../asked.js';
import type { FreeRun } from '../free.js';
import type { Plan } from '../plan.js';
import type { Side } from '../side.js';
import type { Blamed } from './blamed.js';
import type { OpenJudge } from './judge.js';

/**
 * Which stages are wrong by themselves? A candidate that can go on from other rows runs again from the reference's; of one whose run is over,
 * llama.cpp computes every stage from the rows that the candidate had before it. Either way what differs then is the stage's own.
 *
 * @returns why, where neither is possible; undefined where there is nobody to compute it, or nobody asked and the sides agree
 */
export async function blame(
  candidate: Side,
  reference: Side,
  plan: Plan,
  free: FreeRun,
  ask: CompareAsk,
  judges: OpenJudge,
  looking: Looking,
): Promise<Blamed | { readonly why: string } | undefined> {
  if (!(ask.blame ?? free.comparison.verdict === 'diverged')) return undefined;
  if (candidate.canStartFrom) {
    const { blameEngine } = await import('./engine.js');
    return blameEngine(candidate, reference, plan, free, ask, looking);
  }
  if (!candidate.recorded || !hasRows(free.comparison)) return undefined;
  const judge = await judges.open(reference);
  if (!judge || 'why' in judge) return judge;
  // What was computed in f32 is more than one rounding away from what its rounded rows make.
  const twins = free.held.format && !free.isOnlyStored && (await judges.openTwins(reference));
  const rounded = twins && !('why' in twins) ? twins.rounded : undefined;
  const { blameRecorded } = await import('./recorded.js');
  return blameRecorded(candidate, { judge: judge.side, rounded }, plan, free, looking);
}

const hasRows = ({ stages }: Comparison): boolean => stages.some(({ verdict }) => verdict !== 'incomparable');
