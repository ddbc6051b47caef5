import { describe, shownNames } from '@llama-probe/diff';
import type { Changing } from './changes.js';

/** A run that decoded another token than the first one. */
export interface OtherToken {
  /** Counted from 1. */
  readonly run: number;
  readonly position: number;
  readonly token: number;
  readonly first: number;
}

/** What is said of several runs that should be the same. */
export interface Repeated {
  readonly schema: 1;
  readonly verdict: 'agree' | 'diverged' | 'incomparable';
  readonly reason: string;
  readonly candidate: { readonly name: string; readonly version: string; readonly adapter?: string };
  readonly runs: number;
  /** Of the first run, prompt then decoded. */
  readonly tokens: readonly number[];
  /** How many stages each run has, in every layer and step. */
  readonly stages: number;
  readonly changing: readonly Changing[];
  readonly otherTokens: readonly OtherToken[];
  /** Stages that not every run has. */
  readonly incomplete: readonly string[];
}

const SHOWN = 8;

const listed = (all: readonly (number | string)[]): string => shownNames(all, SHOWN);

/** How often each result came, and in which rows. @example '3 results in 10 runs (8, 1, 1), in the rows of tokens 5, 6' */
export function howItChanges({ results, positions, rows }: Changing): string {
  const runs = results.reduce((sum, count) => sum + count, 0);
  const where =
    positions.length === rows
      ? rows === 1
        ? 'in its one row'
        : `in all of its ${rows} rows`
      : `in the ${positions.length === 1 ? 'row of token' : 'rows of tokens'} ${listed(positions)}`;
  return `${results.length} results in ${runs} runs (${listed(results)}), ${where}`;
}

const CAUSES =
  'a data race or a barrier that is missing, memory that is read before it is written, or a sum whose order is not fixed';

/** The verdict on what was seen, and why. */
export function verdictOf({
  runs,
  stages,
  changing,
  otherTokens,
  incomplete,
}: Omit<Repeated, 'verdict' | 'reason' | 'schema' | 'candidate' | 'tokens'>): Pick<Repeated, 'verdict' | 'reason'> {
  const [first, ...later] = changing;
  const [token] = otherTokens;
  const missing = incomplete.length > 0 ? [`Not in every run: ${listed(incomplete)}.`] : [];
  const other = token
    ? [
        `Run ${token.run} decoded token ${token.token} at position ${token.position}, and the first run ${token.first}; from there on its rows are not compared.`,
      ]
    : [];
  if (stages === 0)
    return { verdict: 'incomparable', reason: ['The runs have no stage to compare.', ...missing].join(' ') };
  if (!first && !token) {
    if (incomplete.length > 0) return { verdict: 'incomparable', reason: missing.join(' ') };
    return { verdict: 'agree', reason: `All ${runs} runs are the same to the bit, at each of ${stages} stages.` };
  }
  if (!first) {
    const reason = `What was captured is the same in all ${runs} runs, and the tokens are not: the logits were not captured, or how a token is chosen from them changes.`;
    return { verdict: 'diverged', reason: [reason, ...other, ...missing].join(' ') };
  }
  const reason = `${describe(first)} is the first stage that is not the same in every run: ${howItChanges(first)}. All that was captured before it is the same, so what lies between changes from run to run: ${CAUSES}.`;
  const after =
    later.length === 0
      ? 'No later stage changes.'
      : `${later.length} later ${later.length === 1 ? 'stage changes' : 'stages change'} too.`;
  return { verdict: 'diverged', reason: [reason, after, ...other, ...missing].join(' ') };
}
