import { UsageError } from '../errors.js';
import type { RunPlan, Side } from '../side.js';

/** Which of a run's logits are kept. */
export interface Wanted extends Pick<RunPlan, 'tokens' | 'ubatch' | 'round' | 'signal'> {
  readonly first: number;
  readonly last: number;
}

/** The rows of the logits, by position: as the run makes them, only those that are wanted are kept. */
export async function logitsOf(side: Side, { first, last, ...run }: Wanted): Promise<Map<number, Float32Array>> {
  refuseOtherTokens(side, run.tokens);
  const rows = new Map<number, Float32Array>();
  for await (const { stage, positions, width, values } of side.run({ ...run, steps: 0, stages: ['result_output'] })
    .tensors) {
    if (stage !== 'result_output') continue;
    for (const [row, position] of positions.entries())
      if (position >= first && position <= last) rows.set(position, values.slice(row * width, (row + 1) * width));
  }
  return rows;
}

/** @throws UsageError where a program has run something else than it was told to */
function refuseOtherTokens({ recorded, about }: Side, tokens: readonly number[]): void {
  if (!recorded) return;
  const at = tokens.findIndex((id, i) => recorded.tokens[i] !== id);
  if (at < 0) return;
  const found = recorded.tokens[at];
  throw new UsageError(
    `--engine: ${about.name} ran ${found === undefined ? `${at} tokens only` : `token ${found} at position ${at}`}, and was told to run token ${tokens[at]} there. Wanted the ids of {tokens} as they are, without a BOS of its own.`,
  );
}
