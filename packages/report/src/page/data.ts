import { type Finding, VERSION } from '@llama-probe/comparison/ask';
import type { PageData, PageRun } from '@llama-probe/page';
import { culpritsOf, headlineOf, nameOf, sureness } from '../culprits.js';
import { factsOf } from '../facts.js';
import { GLOSSARY } from '../glossary.js';
import { localInputs, withoutCause } from '../words.js';
import { faultsOf, firstOf } from './causes.js';
import { checksOf, logitsOf, remarksOf, saidOf } from './facts.js';
import { looksOf } from './looks.js';
import { type Numbered, numbered } from './stages.js';
import { whysOf } from './whys.js';

/** What each run may always have for its closer looks, however many there are. */
const LEAST = 60_000;

/**
 * Findings as the page shows them.
 *
 * @param bytes how large all of it may be: closer looks at stages are left out to stay below it
 */
export function pageData(findings: readonly Finding[], bytes: number): PageData {
  const runs = findings.map((finding) => {
    const stages = numbered(finding.report);
    return { finding, run: withoutLooks(finding, stages) };
  });
  let left = bytes - JSON.stringify(runs.map(({ run }) => run)).length;
  return {
    format: 1,
    version: VERSION,
    made: new Date().toISOString(),
    words: Object.entries(GLOSSARY),
    runs: runs.map(({ finding, run }, i) => {
      const share = Math.max(LEAST, left / (runs.length - i));
      const looks = looksOf(finding.report, finding.recorder, share);
      left -= JSON.stringify(looks).length;
      return { ...run, ...looks };
    }),
  };
}

function withoutLooks(
  { name, verdict, reason, report, notes }: Finding,
  stages: Numbered,
): Omit<PageRun, 'looks' | 'cut'> {
  return {
    name,
    verdict,
    reason: verdict === 'diverged' ? withoutCause({ reason, first: report.first }) : reason,
    headline: verdict === 'diverged' ? headlineOf(report) : null,
    culprits: (verdict === 'diverged' ? culpritsOf(report) : []).map((one) => ({
      name: nameOf(one),
      look: one.look,
      sure: sureness(one),
    })),
    notes: notes.map(({ level, text, at }) => ({ level, text, at: at ? stages.stageAt(at) : null })),
    facts: factsOf(report).map(({ label, text }) => [label, text]),
    inputs: localInputs(report),
    candidate: report.candidate.name,
    reference: report.reference.name,
    tokens: report.tokens,
    places: stages.places,
    stages: stages.columns,
    first: firstOf(report, stages),
    faults: faultsOf(report, stages),
    ...whysOf(report),
    logits: logitsOf(report),
    said: saidOf(report),
    remarks: remarksOf(report),
    checks: checksOf(report),
    observations: report.observations.map(({ text, differs }) => ({ text, differs })),
    unseen: report.unseen.map(({ what, why, remedy }) => [what, `${why}; ${remedy}`]),
    ignored: report.ignored,
  };
}
