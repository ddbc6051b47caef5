import type { Comparison } from '@llama-probe/diff';
import type { RoundTo } from '@llama-probe/reference';

/** What one rounding to nearest is off at the most, as a part of the value and so of any row: half a unit in the last of 8 or 11 bits. */
const HALF_ULP: Readonly<Record<RoundTo, number>> = { bf16: 2 ** -8, f16: 2 ** -11 };

/**
 * Whether a dump has only its values in 16 bits, and was computed in f32: then no stage is further off than one rounding, however deep, and of
 * an engine that computes in 16 bits that is so of the first stages only. Where something diverged, what comes before it tells.
 *
 * A heuristic: without measured floors nothing tells, and the answer is no.
 */
export function isOnlyStored({ stages }: Comparison, format: RoundTo): boolean {
  const most = 1.02 * HALF_ULP[format];
  const first = stages.findIndex(({ verdict }) => verdict === 'diverged');
  const before = (first < 0 ? stages : stages.slice(0, first)).filter(({ verdict }) => verdict === 'agree');
  const wouldShow = ({ floor }: (typeof stages)[number]) => floor !== null && floor > 2 * most;
  return before.some(wouldShow) && before.every(({ rel }) => rel <= most);
}
