import { distance, inLimits } from './distance.js';
import type { Bench } from './suspect.js';

/**
 * Why the oracle cannot judge a stage; undefined where it can. It must make the right rows of the stage's inputs itself, or what it
 * makes of them with a bug means nothing.
 */
export function oracleProblem({ sample, healthy, right, limit }: Bench): string | undefined {
  const own = distance(sample.right, healthy, sample.width, sample.hidden);
  const isMuchCloser = own.unmatched === 0 && own.delta2 <= 0.01 * right.delta2;
  if (inLimits(own, limit) <= 1 || isMuchCloser) return undefined;
  const off =
    own.unmatched > 0
      ? `${own.unmatched} values that are a number on one side only`
      : `a relative RMS delta of ${own.rel.toExponential(1)}, limit ${limit.toExponential()}`;
  return (
    `even without a bug the oracle does not make the right rows of these inputs (${off}): ` +
    'they are of another run, or the model does something that the oracle does not know.'
  );
}
