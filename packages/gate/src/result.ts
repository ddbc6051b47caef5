import type { Note, Outcome } from '@llama-probe/comparison/ask';
import type { Verdict } from '@llama-probe/diff';
import type { KnownFault } from './config/cases.js';
import type { CaseFinding } from './run/run-case.js';

/** A case as it is kept: without what only the run had in memory. */
export type CaseResult = Omit<CaseFinding, 'recorder'>;

/** A known fault of the configuration, and what became of it. */
export interface KnownUse extends Pick<KnownFault, 'until' | 'reason' | 'stages'> {
  /** In how many cases it was looked for, and in how many it was there. */
  readonly applied: number;
  readonly used: number;
  /** In how many nobody could tell. */
  readonly untold: number;
}

/** Everything that a gate has to say: what `--json` prints, and what `--result` keeps for `probe merge`. */
export interface GateResult {
  readonly schema: 1;
  readonly kind: 'gate';
  readonly version: string;
  readonly verdict: Verdict;
  /** One sentence. */
  readonly reason: string;
  readonly config: {
    readonly file: string;
    readonly hash: string;
    readonly factor: number;
    /** A hash of what all shards must have read alike: prompts in files, and baselines. */
    readonly inputs: string;
  };
  /** Which part of the cases this is; null for all of them. */
  readonly shard: { readonly index: number; readonly count: number } | null;
  /** Which cases were asked for; null for all of them. */
  readonly only: string | null;
  /** How many cases the configuration has. */
  readonly total: number;
  /** Those of all shards, in order; without shards those of `cases`. */
  readonly names: readonly string[];
  readonly cases: readonly CaseResult[];
  readonly known: readonly KnownUse[];
  /** About no case in particular. */
  readonly notes: readonly Note[];
  /** Milliseconds. */
  readonly timings: Readonly<Record<string, number>>;
}

/**
 * The verdict over all cases. A divergence that was found stays one, whatever else could not be told; and what could not be told is
 * no agreement, however many others agree.
 */
export function overall(cases: readonly Pick<Outcome, 'name' | 'verdict' | 'reason'>[]): {
  verdict: Verdict;
  reason: string;
} {
  const of = (verdict: Verdict) => cases.filter((one) => one.verdict === verdict);
  const [diverged, untold] = [of('diverged'), of('incomparable')];
  const [first] = [...diverged, ...untold];
  if (!first) {
    if (cases.length === 0) return { verdict: 'incomparable', reason: 'No case was run.' };
    const all = cases.length === 1 ? 'The case agrees' : `All ${cases.length} cases agree`;
    return { verdict: 'agree', reason: `${all}.` };
  }
  const counts = [
    diverged.length > 0 ? `${diverged.length} diverged` : '',
    untold.length > 0 ? `${untold.length} could not be told` : '',
  ].filter(Boolean);
  const reason = `Of ${cases.length} case${cases.length === 1 ? '' : 's'} ${counts.join(' and ')}; the first is ${first.name}: ${first.reason}`;
  return { verdict: first.verdict, reason };
}

/** Known faults that are nowhere any more; nothing can be said of them while cases are missing, or could not be judged. */
export function goneNotes(known: readonly KnownUse[]): Note[] {
  return known.flatMap(({ stages, until, reason, applied, used, untold }, i): Note[] => {
    if (applied === 0 || used > 0 || untold > 0) return [];
    const text = `known[${i}] (${stages.join(', ')}, until ${until}: ${reason}) matches nothing any more: remove it`;
    return [{ level: 'notice', text }];
  });
}
