import type { Cause } from '@llama-probe/diff';
import { CATALOGUE, type CatalogueEntry, type Diagnosis, diagnose } from '@llama-probe/oracle';
import type { Progress } from '../progress.js';
import type { SickCase } from './collect.js';

/**
 * Names the bug of each faulty stage. What was found at one layer is tried first at the others: most bugs are in a kernel, and a kernel runs
 * in every layer.
 */
export async function diagnoseAll(cases: readonly SickCase[], progress: Progress, signal: AbortSignal): Promise<Diagnosis[]> {
  const known = new Map<string, CatalogueEntry[]>(); // by stage
  const diagnoses: Diagnosis[] = [];
  for (const { fault, case: at, sick, right } of cases) {
    signal.throwIfAborted();
    const where = `${fault.stage}${fault.layer === null ? '' : ` of layer ${fault.layer}`}`;
    const onProgress = (done: number, total: number) => progress.say(`looking for the cause of ${where}: ${done} of ${total} known bugs`);
    const options = { limit: fault.limit, onProgress, signal };
    const likely = known.get(fault.stage);
    const again = likely && (await diagnose(at, sick, right, { ...options, catalogue: likely }));
    const found = again?.confidence === 'confirmed' ? again : await diagnose(at, sick, right, options);
    if (found.confidence === 'confirmed') {
      const ids = [found.candidates[0]?.id, found.candidates[0]?.with?.id, ...found.indistinguishable];
      known.set(fault.stage, CATALOGUE.filter(({ id }) => ids.includes(id)));
    }
    diagnoses.push(found);
  }
  return diagnoses;
}

/** The best candidate in short; null where nothing is known. */
export function causeOf({ confidence, candidates }: Diagnosis): Cause | null {
  const [best] = candidates;
  if (confidence === 'unknown' || !best) return null;
  return { id: best.id, title: best.title, confidence, delta: best.delta };
}
