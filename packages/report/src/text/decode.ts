import type { Decode } from '@llama-probe/comparison';
import { short } from '@llama-probe/diff';

/** What the decoded tokens add: where they begin to be wrong, and whether another choice is a tie. */
export function decodeText({ firstDiverged, firstOtherChoice }: Decode): string {
  const lines: string[] = [];
  if (firstDiverged !== null && firstDiverged > 0) {
    const before =
      firstDiverged === 1 ? 'The prompt is right' : `The prompt and the steps before ${firstDiverged} are right`;
    const why = firstDiverged === 1 ? ': look at the KV cache, and at the position that a decoded token gets' : '';
    lines.push(`${before}, step ${firstDiverged} is the first that is wrong${why}.`);
  }
  if (firstOtherChoice) {
    const { step, candidate, reference, gap, allowed, tie } = firstOtherChoice;
    const after = step === 0 ? 'After the prompt' : `At step ${step}`;
    const verdict = tie
      ? `a tie: the limits let them move by ${short(allowed)}`
      : `no tie: the limits let them move by ${short(allowed)} only`;
    lines.push(
      `${after} the greedy choices differ, ${reference} and ${candidate}; the reference prefers its own by ${short(gap)}: ${verdict}.`,
    );
  }
  return lines.join('\n');
}
