import type { RowDigests } from '@llama-probe/dump';
import { UsageError } from '../errors.js';
import type { SideAbout } from '../side.js';
import { Changes } from './changes.js';
import { Digests } from './digests.js';
import { type OtherToken, type Repeated, type RunKind, verdictOf } from './report.js';

/** One of several runs that should be the same. */
export interface OneRun {
  readonly about: Pick<SideAbout, 'name' | 'version' | 'adapter'>;
  /** What ran what, where the run says it: others may compute otherwise. @example 'llama.cpp v0.5.0, CPU, zen4, exact, model.gguf' */
  readonly kind?: string;
  /** How it is called where something is wrong with it. @example 'run 3', 'mine.npz' */
  readonly called: string;
  /** Prompt, then decoded. */
  readonly tokens: readonly number[];
  /** How many of them it was given. */
  readonly prompt: number;
  /** That the digests of its scores were made with. */
  readonly heads: number | undefined;
  readonly rows: AsyncIterable<RowDigests>;
}

/**
 * Holds runs to each other, bit by bit. Each is read before the next is asked for, and only hashes are kept of it: so a thousand runs cost no
 * more memory than two.
 *
 * @throws UsageError where a run had another prompt
 * @example repeated(runs) // { verdict: 'agree', reason: 'All 10 runs are the same to the bit, at each of 240 stages.', … }
 */
export async function repeated(runs: AsyncIterable<OneRun>): Promise<Repeated> {
  let first: { readonly run: OneRun; readonly digests: Digests; readonly changes: Changes } | undefined;
  const otherTokens: OtherToken[] = [];
  const kinds = new Map<string, string[]>();
  let count = 0;
  for await (const run of runs) {
    count++;
    const { kind = UNKNOWN } = run;
    const digests = new Digests(run.heads);
    for await (const rows of run.rows) digests.add(rows);
    kinds.set(kind, [...(kinds.get(kind) ?? []), digests.whole()]);
    if (!first) {
      first = { run, digests, changes: new Changes(digests) };
      continue;
    }
    const at = firstDifference(first.run.tokens, run.tokens);
    if (at !== undefined) {
      const [token, usual] = [run.tokens[at], first.run.tokens[at]];
      if (at < first.run.prompt) throw otherPrompt(run, first.run, at);
      if (token !== undefined && usual !== undefined)
        otherTokens.push({ run: count, position: at, token, first: usual });
    }
    first.changes.add(digests, at ?? Number.POSITIVE_INFINITY);
  }
  if (!first) throw new Error('there is no run');
  const { name, version, adapter } = first.run.about;
  const seen = {
    ...(kinds.size > 1 ? { kinds: [...kinds].map(kindOf) } : {}),
    runs: count,
    stages: first.digests.entries().length,
    changing: first.changes.changing(),
    otherTokens,
    incomplete: first.changes.incomplete,
  };
  return {
    schema: 1,
    ...verdictOf(seen),
    candidate: { name, version, ...(adapter === undefined ? {} : { adapter }) },
    tokens: first.run.tokens,
    ...seen,
  };
}

const UNKNOWN = 'what does not say what ran it';

/** @param wholes what each run of the kind was */
const kindOf = ([what, wholes]: [string, readonly string[]]): RunKind => ({
  what,
  runs: wholes.length,
  ...(wholes.length > 1 ? { steady: new Set(wholes).size === 1 } : {}),
});

/** Where two lists of tokens first differ, or one ends. */
function firstDifference(a: readonly number[], b: readonly number[]): number | undefined {
  const length = Math.max(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return undefined;
}

function otherPrompt(run: OneRun, first: OneRun, at: number): UsageError {
  const [ours, theirs] = [run, first].map(({ tokens }) => (tokens[at] === undefined ? 'none' : `token ${tokens[at]}`));
  return new UsageError(
    `${run.called} ran ${ours} at position ${at}, and ${first.called} ${theirs}: they are not the same run. Wanted runs of the same tokens.`,
  );
}
