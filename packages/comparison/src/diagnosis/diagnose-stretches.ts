import { CATALOGUE, type Diagnosis, diagnoseStretch, saidToo, stagesInWords } from '@llama-probe/oracle';
import type { Blamed, CaseAbout } from '../blame/blamed.js';
import type { Progress } from '../progress.js';
import type { SickCase } from './collect.js';
import { withinRounding } from './diagnose-all.js';

/** How many multiplications the search of one stretch may take, roughly: half a minute. Of a run, so many stretches are searched. */
const BUDGET = 2 ** 35;
const MOST_SEARCHED = 8;

/** So many stages an engine fuses with the one behind them: what that one's own bugs explain is its own. */
export const FUSED = 3;

/**
 * Which bug, in the stages before a fault that the candidate does not have, makes its rows? What a bug of the fault's own stage makes of them stays
 * confirmed where that is not far: an engine fuses the scores with their softmax, a norm with its weight. What was found once is tried first elsewhere; so many are searched as MOST_SEARCHED says.
 *
 * @param found what is known of each fault so far
 */
export async function diagnoseStretches(
  faults: readonly SickCase['fault'][],
  found: readonly (Diagnosis | null)[],
  blamed: Pick<Blamed, 'gap' | 'stretch'>,
  about: CaseAbout,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<(Diagnosis | null)[]> {
  const known = new Set<string>();
  let searched = 0;
  const diagnoses: (Diagnosis | null)[] = [];
  for (const [i, fault] of faults.entries()) {
    const own = found[i] ?? null;
    const gap = blamed.gap?.(about.graph, fault) ?? 0;
    const isOwns = own?.confidence === 'confirmed' || (own?.confidence === 'likely' && gap <= FUSED);
    const sick = gap === 0 ? undefined : await blamed.stretch?.(about, fault);
    if (!sick) {
      diagnoses.push(own);
      continue;
    }
    const where = `what is before ${fault.stage}${fault.layer === null ? '' : ` of layer ${fault.layer}`}`;
    const limits = sick.rounding ? withinRounding(fault.limits, sick.rounding) : fault.limits;
    const options = {
      limits,
      rounding: sick.rounding,
      onProgress: (done: number, total: number) =>
        progress.say(`looking for the cause in ${where}: ${done} of ${total} forms of known bugs`),
      signal,
    };
    const diagnose = (ids?: ReadonlySet<string>) =>
      diagnoseStretch(sick.stretch, sick.sick, sick.right, {
        ...options,
        budget: BUDGET,
        ...(ids ? { catalogue: CATALOGUE.filter(({ id }) => ids.has(id)) } : {}),
      });
    const again = known.size > 0 ? await diagnose(known) : undefined;
    const isAgain = again?.confidence === 'likely';
    const isOver = !isAgain && searched++ >= MOST_SEARCHED;
    const diagnosis = isAgain ? again : isOver ? null : await diagnose();
    if (diagnosis?.confidence === 'likely' && diagnosis.candidates[0]) {
      for (const id of [diagnosis.candidates[0].id, ...diagnosis.indistinguishable]) known.add(id);
    }
    const isFound = diagnosis?.confidence === 'likely' && !isAlone(diagnosis, own);
    const isConfirmed = own?.confidence === 'confirmed' && gap <= FUSED;
    if (isFound) diagnoses.push(isConfirmed ? withRivals(own, diagnosis) : diagnosis);
    else diagnoses.push(isOwns || gap <= FUSED ? own : diagnosis);
  }
  return diagnoses;
}

/** What is confirmed of a stage, with the bugs before it that make the same rows: in what an engine fuses they are one and the same. */
function withRivals(own: Diagnosis, { candidates }: Diagnosis): Diagnosis {
  const known = new Set([own.candidates[0]?.id, ...own.indistinguishable]);
  const others = candidates.filter(({ id }) => !known.has(id));
  if (others.length === 0) return own;
  const told = others.map(({ id, at = [] }) => `${id} (${stagesInWords(at)})`).join(', ');
  const indistinguishable = [...own.indistinguishable, ...others.map(({ id }) => id)];
  return saidToo({ ...own, indistinguishable }, `The same numbers follow from ${told}.`);
}

/** Whether what a stretch names is no more than the bug of its last stage that is known already. */
const isAlone = ({ candidates, indistinguishable }: Diagnosis, own: Diagnosis | null): boolean =>
  indistinguishable.length === 0 && own?.confidence !== 'unknown' && candidates[0]?.id === own?.candidates[0]?.id;
