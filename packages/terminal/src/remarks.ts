import { broken, notSeen, tokensSaid } from '@llama-probe/report';
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
