import { byNumbers, type Diagnosis, saidToo } from '@llama-probe/oracle';
import type { SickCase } from './collect.js';
import { limitsWithin } from './diagnose-all.js';

/** How long all faults of a run together may take, in milliseconds. */
const BUDGET = 5000;

/**
 * Adds what the numbers of wrong rows say by themselves, where no known bug is confirmed. It is told with the diagnosis and does not change it.
 *
 * @param diagnoses of each fault; null where there is none @param sick the faults' rows, those that were collected
 */
export function toldByNumbers(
  faults: readonly SickCase['fault'][],
  diagnoses: readonly (Diagnosis | null)[],
  sick: readonly SickCase[],
): (Diagnosis | null)[] {
  const end = performance.now() + BUDGET;
  return faults.map((fault, i) => {
    const diagnosis = diagnoses[i] ?? null;
    const rows = sick.find((one) => one.fault === fault);
    const budgetMs = end - performance.now();
    if (!diagnosis || diagnosis.confidence === 'confirmed' || !rows || budgetMs <= 0) return diagnosis;
    const found = byNumbers(rows.case, rows.sick, rows.right, { limits: limitsWithin(rows), budgetMs });
    if (!found) return diagnosis;
    return { ...saidToo(diagnosis, `By the numbers: ${found.text}.`), byNumbers: found };
  });
}
