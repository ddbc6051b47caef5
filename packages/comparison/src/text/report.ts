import { describe, fromToken } from '@llama-probe/diff';
import type { Report } from '../report.js';
import type { Document } from '../report-json.js';
import type { Group } from './group.js';
import type { TextFloor, TextLimits } from './limits.js';
import type { Onset } from './onset.js';
import type { TextStatistics } from './statistics.js';
import type { TokenClass } from './token-class.js';

/** A token, and how it is spelt. */
export interface Spelt {
  readonly id: number;
  readonly text: string | null;
}

/** A position at which the two sides are far apart. */
export interface WorstPosition {
  readonly window: number;
  readonly position: number;
  /** Infinity where the candidate is not finite. */
  readonly kl: number;
  readonly token: Spelt;
  /** What follows in the text; null at the end of a prompt. */
  readonly next: Spelt | null;
  /** What each side would say. */
  readonly choice: { readonly reference: Spelt; readonly candidate: Spelt };
  readonly rank: number;
  /** The probability of what follows. */
  readonly probability: { readonly reference: number; readonly candidate: number } | null;
}

export interface WindowGroup extends Group {
  readonly window: number;
  readonly tokens: number;
  /** The file's name, of a prompt that is a dump in a folder. */
  readonly dump?: string;
  /** Its worst position. */
  readonly worst: number | null;
  /** How many of its positions are over the limit, and the first that is. */
  readonly over: number;
  readonly firstOver: number | null;
}

/** The stages up to a position, compared. */
export interface FoundStage {
  readonly window: number;
  readonly position: number;
  readonly report: Document<'comparison', Report>;
}

/** What is said of two sides on a text, or on many prompts. */
export interface TextReport {
  readonly schema: 1;
  readonly verdict: 'agree' | 'diverged' | 'incomparable';
  readonly reason: string;
  readonly model: { readonly file: string; readonly arch: string };
  readonly reference: { readonly name: string; readonly version: string; readonly mode: string };
  readonly candidate: {
    readonly name: string;
    readonly version: string;
    readonly backend?: string;
    readonly adapter?: string;
    readonly injected?: readonly string[];
  };
  readonly source: {
    readonly kind: 'text' | 'prompts' | 'base';
    readonly file: string;
    /** In tokens; null of prompts. */
    readonly window: number | null;
    readonly stride: number | null;
    /** How many tokens are in the windows, and how many at the end of the text are in none. */
    readonly tokens: number;
    readonly leftOut: number;
  };
  readonly statistics: TextStatistics;
  readonly floor: TextFloor;
  readonly limits: TextLimits;
  /** What could not be compared: positions that the candidate has no logits of, and at which the reference is not finite. */
  readonly notCompared: { readonly missing: number; readonly reference: number };
  readonly positions: readonly (Group & { readonly from: number; readonly to: number })[];
  readonly classes: readonly (Group & { readonly class: TokenClass })[];
  readonly windows: readonly WindowGroup[];
  /** Positions, of all windows, that are over the limit. */
  readonly over: number;
  /** The worst position of each of the worst windows, the worst first. */
  readonly worst: readonly WorstPosition[];
  readonly onsets: readonly Onset[];
  readonly stages: readonly FoundStage[];
  readonly milliseconds: number;
  /** Where these went, as in a report of stages. */
  readonly timings: Report['timings'];
}

/** What a window is called. @param dump the file that has it @example windowName('prompts', 16) === 'prompt 17' */
export const windowName = (kind: TextReport['source']['kind'], index: number, dump?: string | undefined): string =>
  `${kind === 'prompts' ? 'prompt' : 'window'} ${index + 1}${dump === undefined ? '' : ` (${dump})`}`;

type Judged = Pick<
  TextReport,
  'source' | 'statistics' | 'floor' | 'limits' | 'notCompared' | 'windows' | 'over' | 'worst'
>;

const short = (kl: number): string => (kl === Number.POSITIVE_INFINITY ? 'not finite' : kl.toExponential(1));

/** The verdict on what was measured, and why. */
export function verdictOf(found: Judged): Pick<TextReport, 'verdict' | 'reason'> {
  const { statistics, limits, notCompared, windows, over, worst, source } = found;
  const { positions, kl, notFinite } = statistics;
  if (positions === 0)
    return { verdict: 'incomparable', reason: `There is nothing to compare. ${missingText(found)}`.trim() };
  const missing = missingText(found);
  const [first] = worst;
  const bad = windows.filter((window) => window.over > 0);
  if (over > 0 && first) {
    const name = windowName(source.kind, first.window, windows[first.window]?.dump);
    const where = windows.length === 1 ? '' : ` in ${name}`;
    const many =
      windows.length === 1
        ? ''
        : `, in ${bad.length} of ${windows.length} ${source.kind === 'prompts' ? 'prompts' : 'windows'}`;
    const how =
      notFinite > 0
        ? `The candidate's logits are not finite at ${notFinite} of ${positions} positions`
        : `The KL divergence is over the limit of ${short(limits.position)} at ${over} of ${positions} positions`;
    const reason = `${how}${many}. The worst is position ${first.position}${where}: ${short(first.kl)}.`;
    return { verdict: 'diverged', reason: [reason, missing].filter(Boolean).join(' ') };
  }
  if (kl.mean.value > limits.mean) {
    const reason = `No single position is over its limit of ${short(limits.position)}, and the mean KL divergence is: ${short(kl.mean.value)}, the limit is ${short(limits.mean)}. Something is a little wrong everywhere.`;
    return { verdict: 'diverged', reason: [reason, missing].filter(Boolean).join(' ') };
  }
  if (notCompared.reference > 0) return { verdict: 'incomparable', reason: missing };
  const reason = `At all ${positions} positions the KL divergence is within the limit of ${short(limits.position)}; the largest is ${short(kl.max)}, the mean ${short(kl.mean.value)}.`;
  return { verdict: 'agree', reason: [reason, missing].filter(Boolean).join(' ') };
}

function missingText({ notCompared: { missing, reference } }: Pick<TextReport, 'notCompared'>): string {
  const parts = [
    ...(missing > 0
      ? [`There are no logits of the candidate of ${missing} ${missing === 1 ? 'position' : 'positions'}.`]
      : []),
    ...(reference > 0
      ? [
          `At ${reference} ${reference === 1 ? 'position' : 'positions'} the reference's logits are not finite, and nothing can be held to them.`,
        ]
      : []),
  ];
  return parts.join(' ');
}

/** What the comparison of the stages has found, in a sentence. @param dump the file that was compared, of a run that is over */
export function stageFound({ report }: FoundStage, dump?: string | undefined): string {
  const { verdict, first, faults, reason } = report;
  if (verdict === 'incomparable') return `the stages could not be compared: ${reason.replace(/\.$/, '')}`;
  if (verdict !== 'diverged' || !first)
    return dump !== undefined
      ? 'every stage that it has is within its limit: what is wrong in its logits is not seen in them one by one'
      : 'the stages agree: what is wrong is not in this run of the same tokens, and may depend on what ran before';
  const fault = faults?.[0] ?? first;
  const cause = fault.cause ?? first.cause;
  return `${describe(fault)} is the first stage that is wrong${fromToken(fault)}${cause ? `: ${cause.title}` : ''}`;
}
