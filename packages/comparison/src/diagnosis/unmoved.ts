import { type StageResult, short, showLimit, type Unseen } from '@llama-probe/diff';
import { placeKey } from '@llama-probe/dump/stage';
import type { Effect, Injection } from './injected-run.js';

/** An ulp of 1 in f32. */
const ROUNDING = 2 ** -23;

/** @example nameOf({ bug, layer: 1 }) === 'rms-eps@1' */
export const injectionName = ({ bug, layer }: Injection): string => bug.id + (layer == null ? '' : `@${layer}`);

/**
 * Bugs that were put into a run and that it cannot show: the run agrees, and not because somebody found nothing.
 */
export function unmoved(
  injected: ReadonlyMap<Injection, Effect>,
  stages: readonly Pick<StageResult, 'stage' | 'layer' | 'limit'>[],
): Unseen[] {
  return [...injected].flatMap(([injection, { delta, places }]): Unseen[] => {
    const { bug } = injection;
    const own = stages.filter((one) => places.has(placeKey(one)));
    const limit = Math.min(...own.map((one) => one.limit));
    if (own.length === 0 || delta > limit) return [];
    const why =
      delta === 0
        ? 'here it changes no number'
        : delta <= ROUNDING
          ? `here it changes its stage by ${short(delta)} at the most, which is rounding`
          : `here it changes its stage by ${short(delta)} at the most, and the limit is ${showLimit(limit)}`;
    return [
      {
        what: `${injectionName(injection)}, the bug that was put into the run`,
        why,
        remedy: `try another layer, prompt or bug${bug.needs ? `; it needs ${bug.needs}` : ''}`,
      },
    ];
  });
}
