import type { Comparison } from '@llama-probe/diff';

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
