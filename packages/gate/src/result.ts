import { encode, type Note, type Outcome, UsageError } from '@llama-probe/comparison/ask';
import type { Verdict } from '@llama-probe/diff';
import { checkWritable, placeOf, writeWhole } from '@llama-probe/report';
import type { KnownFault } from './config/case.js';
import type { CaseFinding } from './run/run-case.js';

/** A case as it is kept: without what only the run had in memory. */
export type CaseResult = Omit<CaseFinding, 'recorder'>;

/** A known fault of the configuration, and what became of it. */
export interface KnownUse extends Pick<KnownFault, 'until' | 'reason' | 'stages'> {
  /** In how many cases it was looked for, and in how many it was there. */
  readonly applied: number;
  readonly used: number;
  /** In how many it could not be told. */
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
  /** The adapter that was asked for instead of the configuration's; null for none. */
  readonly adapter: string | null;
  /** Of the repository that the configuration is in, with `-dirty` behind it if files differ from it; null where there is none. */
  readonly commit: string | null;
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
 * The verdict over all cases. A divergence stays one even if other cases could not be told; and a case that could not be told is never
 * an agreement, however many others agree.
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
  const all = `of ${cases.length} case${cases.length === 1 ? '' : 's'}`;
  const counts =
    diverged.length === 0
      ? `${untold.length} ${all} could not be told`
      : `${diverged.length} ${all} diverged${untold.length > 0 ? ` and ${untold.length} could not be told` : ''}`;
  const reason = `${counts}; the first is ${first.name}: ${first.reason}`;
  return { verdict: first.verdict, reason };
}

/** The verdict of a gate that is not done: none. */
export const unfinished = (done: number, of: number): { verdict: Verdict; reason: string } => ({
  verdict: 'incomparable',
  reason: `${done} of ${of} cases were run when this was written; probe gate --resume runs the rest.`,
});

/** Known faults that no case has any more; not said while a case is missing or could not be judged. */
export function goneNotes(known: readonly KnownUse[]): Note[] {
  return known.flatMap(({ stages, until, reason, applied, used, untold }, i): Note[] => {
    if (applied === 0 || used > 0 || untold > 0) return [];
    const text = `known[${i}] (${stages.join(', ')}, until ${until}: ${reason}) matches nothing any more: remove it`;
    return [{ level: 'notice', text }];
  });
}

/** Checks before anything runs that a result can be kept. @param taken files that the command itself reads or keeps */
export function checkResultFile(path: string, taken: readonly string[]): void {
  if (path === '' || path === '-') {
    const found = path === '' ? 'got nothing' : '- is no file; --json prints the result to standard output';
    throw new UsageError(`--result: wanted the name of a file for probe merge; ${found}.`);
  }
  if (taken.map(placeOf).includes(placeOf(path))) {
    throw new UsageError(`--result: ${path} is a file that this command itself reads or keeps; name another one.`);
  }
  checkWritable('--result', path);
}

export const writeResultFile = (path: string, result: GateResult): void =>
  writeWhole('--result', path, `${encode(result)}\n`);
