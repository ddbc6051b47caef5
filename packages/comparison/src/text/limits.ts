import type { LimitRule } from '@llama-probe/diff';
import type { Mean } from './estimate.js';

/** What a KL divergence may be. */
export interface TextLimits {
  /** A multiple of the floor, … */
  readonly margin: number;
  /** … and what it may always be, in nats. */
  readonly minimum: number;
  /** At one position: from the largest floor of a position. */
  readonly position: number;
  /** Of the mean over all positions: from the mean floor. */
  readonly mean: number;
}

/** How far llama.cpp is from itself on the same text. */
export interface TextFloor {
  /** What it is the distance between; or why it was not measured. */
  readonly method: string;
  /** On how many windows. */
  readonly windows: number;
  readonly meanKl: number | null;
  readonly maxKl: number | null;
}

const LOUD = 10; // an RMS that logits have

/**
 * A rule of relative deltas as one of KL divergences, which grow with their square: softmaxes whose logits are δ apart have a KL of half of δ's variance.
 * A heuristic in its minimum, which takes logits to have an RMS of 10; where they are louder, the floor is higher too.
 */
export const klRule = ({ margin, minimum }: LimitRule): LimitRule => ({
  margin: margin ** 2,
  minimum: (LOUD * minimum) ** 2 / 2,
});

/** Log-probabilities in 16 bits over 16 nats: a step. */
export const BASE_STEP = 16 / 65535;

export function limitsOf({ margin, minimum }: LimitRule, floor: Mean, worst: number): TextLimits {
  const of = (kl: number) => Math.max(minimum, margin * kl);
  return { margin, minimum, position: of(worst), mean: of(floor.count === 0 ? 0 : floor.estimate().value) };
}
