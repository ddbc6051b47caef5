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

/** Runs of the same program, on the same kind of machine, of the same file; of runs that are not all of one kind. */
export interface RunKind {
  readonly what: string;
  readonly runs: number;
  /** Whether they are the same to the bit; of more than one. */
  readonly steady?: boolean;
}

/** What is said of several runs that should be the same. */
export interface Repeated {
  readonly schema: 1;
  readonly verdict: 'agree' | 'diverged' | 'incomparable';
  readonly reason: string;
  readonly candidate: { readonly name: string; readonly version: string; readonly adapter?: string };
  readonly runs: number;
  readonly kinds?: readonly RunKind[];
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
export function howItChanges({ results, positions, rows, widths }: Changing): string {
  const runs = results.reduce((sum, count) => sum + count, 0);
  const where =
    positions.length === rows
      ? rows === 1
        ? 'in its one row'
        : `in all of its ${rows} rows`
      : `in the ${positions.length === 1 ? 'row of token' : 'rows of tokens'} ${listed(positions)}`;
  const wide = widths ? `, of ${listed(widths)} values each` : '';
  return `${results.length} results in ${runs} runs (${listed(results)}), ${where}${wide}`;
}

const CAUSES =
  'a data race or a barrier that is missing, memory that is read before it is written, or a sum whose order is not fixed';

const OTHERWISE = 'another order of the sums, other instructions of the processor, another build';

/** How many runs there are of each kind, and whether a kind is the same to the bit. */
const ofKinds = (kinds: readonly RunKind[]): string =>
  kinds
    .map(({ what, runs, steady }) => {
      const each = steady === undefined ? '' : steady ? ', the same to the bit' : ', and differ among themselves';
      return `${runs} ${runs === 1 ? 'is' : 'are'} of ${what}${each}`;
    })
    .join('; ');

/** The verdict on what was seen, and why. */
export function verdictOf({
  runs,
  kinds,
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
    const though = kinds ? ` They are not all of one kind: ${ofKinds(kinds)}.` : '';
    return {
      verdict: 'agree',
      reason: `All ${runs} runs are the same to the bit, at each of ${stages} stages.${though}`,
    };
  }
  if (!first) {
    const reason = `What was captured is the same in all ${runs} runs, and the tokens are not: the logits were not captured, or how a token is chosen from them changes.`;
    return { verdict: 'diverged', reason: [reason, ...other, ...missing].join(' ') };
  }
  const before = 'All that was captured before it is the same';
  const why = first.widths
    ? 'Its rows do not have the same length in every run, so these are not the same to begin with.'
    : kinds?.every(({ steady }) => steady ?? true)
      ? `${before}. The runs are not all of one kind: ${ofKinds(kinds)}. So what lies between is computed otherwise by one than by another: ${OTHERWISE}.`
      : `${before}, so what lies between changes from run to run: ${CAUSES}.${kinds ? ` Of the runs ${ofKinds(kinds)}.` : ''}`;
  const reason = `${describe(first)} is the first stage that is not the same in every run: ${howItChanges(first)}. ${why}`;
  const after =
    later.length === 0
      ? 'No later stage changes.'
      : `${later.length} later ${later.length === 1 ? 'stage changes' : 'stages change'} too.`;
  return { verdict: 'diverged', reason: [reason, after, ...other, ...missing].join(' ') };
}
