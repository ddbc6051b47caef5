import type { Cause, Floor } from '@llama-probe/diff';
import { CATALOGUE, caseFor, type Diagnosis, diagnose } from '@llama-probe/oracle';
import type { Progress } from '../progress.js';
import type { SickCase } from './collect.js';

const LONG = 30_000; // ms

/**
 * Names the bug of each faulty stage. What was found once is tried first everywhere else: most bugs are in a kernel, and a kernel runs in
 * every layer. Pairs of bugs are tried at the first place of each stage only, and when all together takes long, the rest is left out: null.
 *
 * @param isBehindGap whether the candidate does not have what is before a fault: then it is hardly two bugs of the stage itself
 */
export async function diagnoseAll(
  cases: readonly SickCase[],
  progress: Progress,
  signal: AbortSignal,
  isBehindGap: (fault: SickCase['fault']) => boolean = () => false,
): Promise<(Diagnosis | null)[]> {
  const begin = performance.now();
  const known = new Set<string>();
  const tried = new Set<string>();
  const diagnoses: (Diagnosis | null)[] = [];
  for (const one of cases) {
    const { fault, case: at, sick, right, rounding } = one;
    signal.throwIfAborted();
    const where = `${fault.stage}${fault.layer === null ? '' : ` of layer ${fault.layer}`}`;
    const options = {
      limits: limitsWithin(one),
      rounding,
      onProgress: (done: number, total: number) =>
        progress.say(`looking for the cause of ${where}: ${done} of ${total} known bugs`),
      signal,
    };
    const again = CATALOGUE.filter((bug) => known.has(bug.id) && caseFor(bug, at));
    const first = again.length > 0 && (await diagnose(at, sick, right, { ...options, catalogue: again }));
    const isKnown = first && first.confidence === 'confirmed';
    const isAgain = tried.has(fault.stage);
    const isLate = isAgain && performance.now() - begin > LONG;
    const single = isAgain || isBehindGap(fault) ? { budgetMs: 0 } : {};
    const found = isKnown ? first : isLate ? null : await diagnose(at, sick, right, { ...options, ...single });
    tried.add(fault.stage);
    if (found?.confidence === 'confirmed') {
      const [best] = found.candidates;
      for (const id of [best?.id, best?.with?.id, ...found.indistinguishable]) if (id) known.add(id);
    }
    diagnoses.push(found);
  }
  return diagnoses;
}

/** What rows may be off to be those of a bug. */
export const limitsWithin = ({ fault, rounding }: Pick<SickCase, 'fault' | 'rounding'>): Floor =>
  rounding ? withinRounding(fault.limits, rounding) : fault.limits;

/**
 * What rows that are right but for their rounding may be off: an engine may round two or three times within a stage, and the largest value of
 * sick rows, whose rounding is off the most, may be in the next binade. Never more than the stage was accused by.
 */
export function withinRounding(limits: Floor, { rel, row, value }: Floor): Floor {
  const within = (limit: number, times: number, once: number) => Math.min(limit, Math.max(times * once, limit / 100));
  return {
    rel: within(limits.rel, 3, rel),
    row: within(limits.row, 3, row),
    value: within(limits.value, 6, value),
  };
}

/** The best candidate in short; null where nothing is known. */
export function causeOf({ confidence, candidates }: Diagnosis): Cause | null {
  const [best] = candidates;
  if (confidence === 'unknown' || !best) return null;
  return { id: best.id, title: best.title, confidence, delta: best.delta };
}
