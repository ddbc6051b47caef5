import { broken, culpritsOf, headlineOf, notSeen, tokensSaid } from '@llama-probe/report';
import { once } from './once.js';
import type { ReportHead } from './worker/protocol.js';

type Known = Pick<ReportHead, 'tokenDiagnosis' | 'checks' | 'observations' | 'unseen' | 'candidate' | 'reference'>;

/** What is wrong, and in a line; nothing where the report has no first wrong stage. */
export const causesOf = once((report: ReportHead) => ({
  headline: report.first ? headlineOf(report) : null,
  culprits: report.first ? culpritsOf(report) : [],
}));

/** What a report says besides its verdict: about the tokens, each side by itself, odd numbers, and what these tokens cannot show. */
export const remarksOf = once(allRemarks);

function allRemarks({ tokenDiagnosis, checks, observations, unseen, candidate, reference }: Known): readonly string[] {
  return [
    ...(tokenDiagnosis ? [tokensSaid(tokenDiagnosis)] : []),
    ...alone(candidate.name, checks.candidate),
    ...alone(reference.name, checks.reference),
    ...observations.filter(({ differs }) => differs).map(({ text }) => `observed: ${text}`),
    ...unseen.map((one) => `not seen: ${notSeen(one)}`),
  ];
}

/** Checks that a side fails by itself: each line names the side. */
function alone(name: string, checked: Parameters<typeof broken>[1]): string[] {
  const [, ...lines] = broken(name, checked); // after its heading
  return lines.map((line) => `${name} by itself: ${line.trim()}`);
}
