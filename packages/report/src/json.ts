import type { Report } from '@llama-probe/comparison';
import {
  type ComparisonDocument,
  documentOf,
  encode,
  type Finding,
  type Headed,
  UsageError,
} from '@llama-probe/comparison/ask';
import type { StageId } from '@llama-probe/dump/stage';
import { type Culprit, confidenceOf, culpritsOf, headlineOf } from './culprits.js';

/** The whole report of a run, as one line of JSON. */
export function json(findings: readonly Finding[]): string {
  const [only, ...others] = findings;
  if (!only || others.length > 0) throw new UsageError(`json: wanted one run, got ${findings.length}.`);
  return `${encode(comparisonDocument(only.report))}\n`;
}

/** A report as it is printed: with what is wrong, a cause for each thing to mend. */
export const comparisonDocument = (report: Report): ComparisonDocument => ({
  ...documentOf('comparison', report),
  ...headed(report),
});

function headed(report: Report): Headed {
  if (report.verdict !== 'diverged') return { headline: null, causes: [] };
  const { first } = report;
  const causes = culpritsOf(report).map(({ faults, ...cause }) => {
    const { confidence } = cause;
    const at =
      faults.length > 0
        ? faults.map((fault) => placed(fault, confidenceOf(fault)))
        : first
          ? [placed(first, confidence)]
          : [];
    return { ...cause, at };
  });
  return { headline: headlineOf(report), causes };
}

const placed = ({ step, layer, stage }: StageId, confidence: Culprit['confidence']) => ({
  step,
  layer,
  stage,
  confidence,
});
