import { stageKey } from '@llama-probe/dump/stage';
import type { Comparison, StageResult } from './comparison.js';
import { limitOf } from './floors.js';
import { describe, short, showLimit } from './words.js';

/** A stage's own delta that is this many times its floor is no rounding: healthy engines were at 4 times it. */
const JUMP = 30;

/** What a cause may leave of it, in the same measure: as much as any stage in `exact`. */
const ALLOWED = 10;

/** f32 has 24 significant bits: below this a floor says nothing of what another order of sums would give. */
const F32_EPSILON = 2 ** -23;

/** Of its limit: an excess of a free run that no stage has by itself, and that is no larger, is rounding. */
const SMALL = 3;

/**
 * Where the free run diverged and no stage is over its limit by itself: those whose own delta is many times their floor, though the minimum
 * forgives it. An epsilon of the wrong kind is like that: 6e-6 where builds of llama.cpp are 1e-7 apart.
 *
 * @param blamed in evaluation order, of the run from the reference's inputs
 */
export function jumps(blamed: readonly StageResult[]): StageResult[] {
  return blamed.flatMap((stage) => {
    const { floor, rel } = stage;
    if (floor === null) return [];
    const noise = Math.max(floor, F32_EPSILON);
    if (!(rel > JUMP * noise)) return [];
    const times = Math.round(rel / noise);
    const reason = `its relative RMS delta is ${short(rel)}: the limit of ${showLimit(stage.limit)} forgives that, but it is ${times} times what rounding makes of this stage, and what follows from it is over its limit`;
    const limits = limitOf(undefined, { margin: 0, minimum: ALLOWED * noise });
    return [{ ...stage, limit: limits.rel, limits, verdict: 'diverged', reason } satisfies StageResult];
  });
}

/**
 * What a free run shows beyond its limits where every stage is right by itself: each is as far off as rounding makes it, which can add up, and
 * both sides are as far from what exact arithmetic would give.
 *
 * @param stages of the free run @param own by `stageKey`, of the run from the reference's inputs
 * @returns undefined where the excess is more than that, or not all of it was looked at
 */
export function addedUp<T extends StageResult>(
  free: Comparison,
  stages: readonly T[],
  own: ReadonlyMap<string, StageResult>,
  inputsOf: 'reference' | 'candidate',
): (Pick<Comparison, 'verdict' | 'reason' | 'first'> & { stages: T[] }) | undefined {
  const excess = stages.filter(({ verdict }) => verdict === 'diverged');
  const isRounding = (stage: T) => stage.ofLimit <= SMALL && own.get(stageKey(stage))?.verdict === 'agree';
  if (free.verdict !== 'diverged' || !excess.every(isRounding)) return undefined;
  const [first, ...others] = excess as [T, ...T[]];
  const worst = excess.reduce((a, b) => (b.ofLimit > a.ofLimit ? b : a));
  const local = Math.max(...excess.map((stage) => own.get(stageKey(stage))?.ofLimit ?? 0));
  const reason =
    `No stage is wrong by itself. ${describe(first)}${others.length === 0 ? ' is' : ` and ${others.length} more are`} over the limit, ` +
    `at most ${worst.ofLimit.toFixed(1)} times (${describe(worst)}: ${short(worst.rel)}, limit ${showLimit(worst.limit)}), and from the ${inputsOf}'s own ` +
    `inputs at ${local.toFixed(2)} of it: rounding that added up.`;
  const told = stages.map((stage) =>
    stage.verdict === 'diverged' ? { ...stage, verdict: 'agree' as const, reason: 'rounding that added up' } : stage,
  );
  return { verdict: 'agree', reason, first: null, stages: told };
}
