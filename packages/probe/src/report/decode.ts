import type { Comparison } from '@llama-probe/diff';
import { short } from './numbers.js';

/** What the decoded tokens say: about the stages, and apart from that about the choices. */
export interface Decode {
  /** The first step with a stage that is wrong; 0 is the prompt. null where none is. */
  readonly firstDiverged: number | null;
  /** The first step at which the two sides would choose another token, fed the same ones until then. */
  readonly firstOtherChoice: {
    readonly step: number;
    readonly candidate: number;
    readonly reference: number;
    /** By how much the reference prefers its choice. */
    readonly gap: number;
    /** How far the limits let two logits move apart. */
    readonly allowed: number;
    /** The gap is within what is allowed: either choice is right. */
    readonly tie: boolean;
  } | null;
}

/** @example describeDecode(comparison).firstDiverged // 1: right for the prompt, wrong with the first token after it */
export function describeDecode({ stages, greedy }: Pick<Comparison, 'stages' | 'greedy'>): Decode {
  const diverged = stages.find(({ verdict }) => verdict === 'diverged');
  const other = greedy.find(({ candidate, reference }) => candidate !== reference);
  if (!other) return { firstDiverged: diverged?.step ?? null, firstOtherChoice: null };
  return {
    firstDiverged: diverged?.step ?? null,
    firstOtherChoice: { ...other, tie: other.gap <= other.allowed },
  };
}

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
