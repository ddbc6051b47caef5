import type { StageResult } from './comparison.js';

/** A class of bugs that these tokens cannot show, and what would. */
export interface Unseen {
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}

const TILE = 64; // rows that a kernel for prompts may take at once

/**
 * What agreement on these tokens does not cover.
 *
 * @param ubatch the most tokens that a pass has taken
 * @example unseen(comparison.stages).map(({ what }) => what) // ['the KV cache, …'] where no token was decoded
 */
export function unseen(
  stages: readonly Pick<StageResult, 'step' | 'shape'>[],
  ubatch = Number.POSITIVE_INFINITY,
): Unseen[] {
  const prompt = stages.reduce((most, { step, shape }) => (step === 0 ? Math.max(most, shape[0]) : most), 0);
  const steps = stages.reduce((most, { step }) => Math.max(most, step), 0);
  const atOnce = Math.min(prompt, ubatch);
  const list: Unseen[] = [];
  if (prompt === 0) return list;
  if (prompt + steps === 1) {
    list.push({
      what: 'RoPE, the scores, their scale and the mask',
      why: 'at position 0 RoPE turns nothing and the softmax of a single score is 1',
      remedy: 'give several tokens',
    });
  } else if (atOnce === 1) {
    list.push({
      what: 'the mask within a pass, and products of several rows',
      why: 'every pass had one token',
      remedy: prompt > 1 ? 'give a larger --ubatch' : 'give a prompt of several tokens',
    });
  }
  if (steps === 0) {
    list.push({
      what: 'the KV cache, and the position of a decoded token',
      why: 'no token was decoded',
      remedy: 'give --steps 2 or more',
    });
  }
  if (atOnce > 1 && atOnce <= TILE) {
    list.push({
      what: 'what happens between two tiles of a prompt',
      why: atOnce < prompt ? `it went through ${atOnce} tokens at a time` : `it has ${prompt} tokens`,
      remedy: `give more than ${TILE}${atOnce < prompt ? ', and a larger --ubatch' : ''}`,
    });
  }
  return list;
}
