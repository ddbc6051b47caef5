import { broken } from '@llama-probe/report';
import type { ReportHead } from './worker/protocol.js';

/** What a report says besides its verdict: about the tokens, each side by itself, odd numbers, and what these tokens cannot show. */
export function remarksOf({
  tokenDiagnosis,
  checks,
  observations,
  unseen,
  candidate,
  reference,
}: Pick<
  ReportHead,
  'tokenDiagnosis' | 'checks' | 'observations' | 'unseen' | 'candidate' | 'reference'
>): readonly string[] {
  return [
    ...(tokenDiagnosis ? [`the tokens: ${tokenDiagnosis.title}. ${tokenDiagnosis.text}`] : []),
    ...alone(candidate.name, checks.candidate),
    ...alone(reference.name, checks.reference),
    ...observations.filter(({ differs }) => differs).map(({ text }) => `observed: ${text}`),
    ...unseen.map(({ what, why, remedy }) => `not seen: ${what} (${why}; ${remedy})`),
  ];
}

/** Checks that a side fails by itself: each line names the side. */
function alone(name: string, checked: Parameters<typeof broken>[1]): string[] {
  const [, ...lines] = broken(name, checked); // after its heading
  return lines.map((line) => `${name} by itself: ${line.trim()}`);
}
