/** Which of a token's four positions (time, height, width, another) turns each pair of a head. */
export interface Sections {
  /** How many pairs there are of each kind; over and over, if a head has more pairs. */
  readonly counts: readonly number[];
  /** The first three kinds take turns, as long as there are pairs of a kind; else those of a kind lie together. */
  readonly isInterleaved: boolean;
}

/** A text token has the same position in time, height and width, and none of the fourth kind. Source: Wang et al. 2024, arXiv:2409.12191 §2.1. */
export const TEXT_HAS = [true, true, true, false] as const;

/**
 * The kind of position that turns a pair: 0 time, 1 height, 2 width, 3 another.
 *
 * Source: Wang et al. 2024, "Qwen2-VL", arXiv:2409.12191 §2.1; interleaved: Bai et al. 2025, "Qwen3-VL", arXiv:2511.21631 §2.
 * @example sectionOf(17, { counts: [16, 24, 24, 0], isInterleaved: false }) // 1
 */
export function sectionOf(pair: number, { counts, isInterleaved }: Sections): number {
  const at = pair % counts.reduce((a, b) => a + b);
  if (isInterleaved) return at < 3 * (counts[at % 3] ?? 0) ? at % 3 : 3;
  return counts.findIndex((_, kind) => at < firstOf(kind + 1, counts));
}

/** The first pair of a kind, where those of a kind lie together. */
export const firstOf = (kind: number, counts: readonly number[]): number =>
  counts.slice(0, kind).reduce((a, b) => a + b, 0);
