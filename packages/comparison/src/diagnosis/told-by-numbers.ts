import { byNumbers, type Diagnosis, inHalves, saidToo } from '@llama-probe/oracle';
import type { Side } from '../side.js';
import type { SickCase } from './collect.js';
import { limitsWithin } from './diagnose-all.js';

/** How long all faults of a run together may take, in milliseconds. */
const BUDGET = 5000;

/**
 * Adds what the numbers of wrong rows say by themselves, where no known bug is confirmed. It is told with the diagnosis and does not change it.
 *
 * @param diagnoses of each fault; null where there is none @param sick the faults' rows, those that were collected
 * @param pairs where the candidate has Q and K in half-split order, their heads are looked at in that order, and it is said
 */
export function toldByNumbers(
  faults: readonly SickCase['fault'][],
  diagnoses: readonly (Diagnosis | null)[],
  sick: readonly SickCase[],
  pairs: Side['pairs'],
): (Diagnosis | null)[] {
  const end = performance.now() + BUDGET;
  return faults.map((fault, i) => {
    const diagnosis = diagnoses[i] ?? null;
    const inFile = sick.find((one) => one.fault === fault);
    const rows = inFile && pairs ? inHalves(inFile) : inFile;
    const budgetMs = end - performance.now();
    if (!diagnosis || diagnosis.confidence === 'confirmed' || !rows || budgetMs <= 0) return diagnosis;
    const found = byNumbers(rows.case, rows.sick, rows.right, { limits: limitsWithin(rows), budgetMs });
    if (!found) return diagnosis;
    const order = rows.sick === inFile?.sick ? '' : ', in the half-split order that your engine has';
    return { ...saidToo(diagnosis, `By the numbers${order}: ${found.text}.`), byNumbers: found };
  });
}
