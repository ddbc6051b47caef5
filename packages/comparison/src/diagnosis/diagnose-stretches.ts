import { CATALOGUE, type Diagnosis, diagnoseStretch } from '@llama-probe/oracle';
import type { Blamed, CaseAbout } from '../blame/blamed.js';
import type { Progress } from '../progress.js';
import type { SickCase } from './collect.js';
import { withinRounding } from './diagnose-all.js';

/** How long all stretches of a run may take, in milliseconds. */
const BUDGET = 20_000;

/** So many stages an engine fuses with the one behind them, such as the scores with their softmax: what that one's own bugs explain is still its own. */
export const FUSED = 3;

/**
 * Of the faults that no bug of their own stage is confirmed of: which bug, in the stages before them that the candidate does not have, makes their
 * rows? The first place of each stage is searched; elsewhere what was found is tried first, and the rest as long as there is time.
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
  const begin = performance.now();
  const known = new Set<string>();
  const searched = new Set<string>();
  const diagnoses: (Diagnosis | null)[] = [];
  for (const [i, fault] of faults.entries()) {
    const own = found[i] ?? null;
    const gap = blamed.gap?.(about.graph, fault) ?? 0;
    const isKnown = own?.confidence === 'confirmed' || (own?.confidence === 'likely' && gap <= FUSED);
    const sick = gap === 0 || isKnown ? undefined : await blamed.stretch?.(about, fault);
    if (!sick) {
      diagnoses.push(own);
      continue;
    }
    const where = `what is before ${fault.stage}${fault.layer === null ? '' : ` of layer ${fault.layer}`}`;
    const limits = sick.rounding ? withinRounding(fault.limits, sick.rounding) : fault.limits;
    const left = Math.max(0, BUDGET - (performance.now() - begin));
    const options = {
      limits,
      rounding: sick.rounding,
      onProgress: (done: number, total: number) =>
        progress.say(`looking for the cause in ${where}: ${done} of ${total} forms of known bugs`),
      signal,
    };
    const diagnose = (ids: ReadonlySet<string> | undefined, budgetMs: number) =>
      diagnoseStretch(sick.stretch, sick.sick, sick.right, {
        ...options,
        budgetMs,
        ...(ids ? { catalogue: CATALOGUE.filter(({ id }) => ids.has(id)) } : {}),
      });
    const again = known.size > 0 ? await diagnose(known, Math.max(left, 1000)) : undefined;
    const isAgain = again?.confidence === 'likely';
    const isLate = searched.has(fault.stage) && left === 0;
    const diagnosis = isAgain ? again : isLate ? own : await diagnose(undefined, left);
    searched.add(fault.stage);
    if (diagnosis?.confidence === 'likely' && diagnosis.candidates[0]) {
      for (const id of [diagnosis.candidates[0].id, ...diagnosis.indistinguishable]) known.add(id);
    }
    const isOwn = diagnosis?.confidence === 'unknown' && own?.confidence === 'unknown' && gap <= FUSED;
    diagnoses.push(isOwn ? own : diagnosis);
  }
  return diagnoses;
}
