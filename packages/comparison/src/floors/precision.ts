import { PrecisionSeen } from '@llama-probe/diff';
import type { Precision } from '@llama-probe/dump';
import type { PrecisionChoice } from '../options.js';
import type { Side } from '../side.js';

/** What a side keeps its values in, and how that is known. */
export interface KnownPrecision {
  readonly format: Precision;
  readonly from: 'values' | 'option';
  /** Only its dump has so few bits: it computed in f32. */
  readonly stored?: boolean;
}

/**
 * What the candidate computes in: what the user says, or what the bits of a recorded run tell. A side that still runs is held to f32.
 *
 * Reads the first stages of the run.
 */
export async function precisionOf(candidate: Side, asked: PrecisionChoice = 'auto'): Promise<KnownPrecision> {
  if (asked !== 'auto') return { format: asked, from: 'option' };
  const { recorded } = candidate;
  const seen = new PrecisionSeen();
  if (recorded) {
    for await (const tensor of candidate.run({ tokens: recorded.tokens }).tensors) if (!seen.add(tensor)) break;
  }
  return { format: seen.result(), from: 'values' };
}
