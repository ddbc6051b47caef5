import { statSync } from 'node:fs';
import { UsageError } from '@llama-probe/comparison/ask';
import { readResult } from './read-result.js';
import type { CaseResult, GateResult } from './result.js';

/** What a run has in common with the one that it goes on with. */
export type Begun = Pick<GateResult, 'version' | 'config' | 'names' | 'shard' | 'only' | 'adapter' | 'commit'>;

/** What an earlier run has found. */
export interface Resumed {
  /** By their names; a case that could not be told is run again. */
  readonly cases: ReadonlyMap<string, CaseResult>;
  /** How long that took, in milliseconds. */
  readonly total: number;
}

export const NOTHING: Resumed = { cases: new Map(), total: 0 };

/**
 * The cases that an earlier run has kept in a file of `--result`: nothing if there is no such file yet.
 *
 * @throws UsageError if they are of something else than what is run now
 */
export function resume(path: string, now: Begun): Resumed {
  // An empty one is left by whoever was killed while it tried whether it may write there.
  if (!statSync(path, { throwIfNoEntry: false })?.size) return NOTHING;
  const kept = readResult(path);
  const shardOf = ({ shard }: Begun) => (shard ? `${shard.index}/${shard.count}` : 'all cases');
  const compared = [
    ['version of llama-probe', kept.version, now.version],
    ['commit', kept.commit ?? 'none', now.commit ?? 'none'],
    ['configuration', kept.config.hash.slice(0, 12), now.config.hash.slice(0, 12)],
    ['set of prompts or baselines', kept.config.inputs.slice(0, 12), now.config.inputs.slice(0, 12)],
    ['list of cases', kept.names.join(', '), now.names.join(', ')],
    ['shard', shardOf(kept), shardOf(now)],
    ['choice of cases', kept.only ?? 'all', now.only ?? 'all'],
    ['adapter', kept.adapter ?? "the configuration's", now.adapter ?? "the configuration's"],
  ] as const;
  for (const [what, theirs, ours] of compared) {
    if (theirs === ours) continue;
    throw new UsageError(
      `--resume: ${path} is of another ${what}: ${theirs}, and this is ${ours}. Remove the file to begin anew, or name another with --result.`,
    );
  }
  const told = kept.cases.filter(({ verdict }) => verdict !== 'incomparable');
  return { cases: new Map(told.map((one) => [one.name, one])), total: kept.timings.total ?? 0 };
}
