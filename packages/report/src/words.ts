import type { Generated, Report } from '@llama-probe/comparison';
import { PARTS, type Part } from '@llama-probe/comparison/ask';
import {
  type Checked,
  type Fault,
  type StageResult,
  short,
  showLimit,
  type Unseen,
  type Verdict,
} from '@llama-probe/diff';
import { rangesOf } from '@llama-probe/dump/stage';
import type { Diagnosis } from '@llama-probe/oracle';

// What several outputs say, said once. An output only lays it out.

/** How a verdict is marked, in whatever is text. */
export const MARKS = { agree: '✓', diverged: '✗', incomparable: '?' } as const satisfies Record<Verdict, string>;

/** From whose inputs the run was made that tells faults from what inherits them. @example "from llama.cpp's inputs" */
export const localInputs = ({ reference, inputsOf }: Pick<Report, 'reference' | 'inputsOf'>): string =>
  inputsOf === 'candidate' ? 'from the inputs that it had' : `from ${reference.name}'s inputs`;

/** Why the first wrong stage is wrong; null where nobody looked. */
export const causeOfFirst = ({ faults, diagnosis }: Pick<Report, 'faults' | 'diagnosis'>): Diagnosis | null =>
  faults?.[0]?.diagnosis ?? diagnosis;

/** The sentence about the first wrong stage, for where the headline names the cause. */
export function withoutCause({ reason, first }: Pick<Report, 'reason' | 'first'>): string {
  const at = first?.cause ? reason.lastIndexOf(' The cause') : -1;
  return at < 0 ? reason : reason.slice(0, at);
}

/** How wrong a fault is by itself. @param many whether it is the worst of several @example 'local delta 5.0e-1, limit 1e-5' */
export const localDelta = ({ reason, local, limit }: Pick<Fault, 'reason' | 'local' | 'limit'>, many = false): string =>
  reason ?? `local delta ${many ? 'up to ' : ''}${short(local)}, limit ${showLimit(limit)}`;

/**
 * The relative delta as it may be shown: a sum leaves out what is not finite, and nothing was summed of what cannot be compared.
 *
 * @returns NaN where a value is finite on one side only, null where there is nothing to compare
 */
export function relOf({ verdict, firstNonFinite, rel }: Pick<StageResult, 'verdict' | 'firstNonFinite' | 'rel'>) {
  if (firstNonFinite) return Number.NaN;
  return verdict === 'incomparable' ? null : rel;
}

/** A share of the limit of what can be compared. */
export const ofLimitOf = ({ verdict, ofLimit }: Pick<StageResult, 'verdict' | 'ofLimit'>): number | null =>
  verdict === 'incomparable' ? null : ofLimit;

/** A share of the limit. @example times(0.034) === '0.03 ×', times(84123) === '8e+4 ×' */
export function times(share: number): string {
  if (!Number.isFinite(share)) return '∞ ×';
  if (share < 0.005) return '0 ×';
  if (share < 10) return `${share.toFixed(2)} ×`;
  return `${share < 1e4 ? share.toFixed(0) : share.toExponential(0)} ×`;
}

/** The largest share of its limit that a stage has; what is no number is larger than any. 0 where there are no stages. */
export const furthest = (stages: readonly Pick<StageResult, 'ofLimit'>[]): number =>
  stages.reduce((most, { ofLimit }) => (ofLimit > most || Number.isNaN(ofLimit) ? ofLimit : most), 0);

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** @param digits after the point */
export const seconds = (milliseconds: number, digits = 1): string => `${(milliseconds / 1000).toFixed(digits)} s`;

const LABELS: Readonly<Partial<Record<Part, string>>> = { llama: 'llama.cpp' };

/** How long it took, and what of it went where; parts that would be 0.0 s are left out. @example '4.2 s: loading 1.1, engine 2.0, llama.cpp 1.0, other 0.1' */
export function timesSaid({ total, ...timings }: Report['timings']): string {
  if (total === undefined) return '';
  const parts = PARTS.flatMap((part) => {
    const shown = ((timings[part] ?? 0) / 1000).toFixed(1);
    return shown === '0.0' ? [] : [`${LABELS[part] ?? part} ${shown}`];
  });
  return seconds(total) + (parts.length > 0 ? `: ${parts.join(', ')}` : '');
}

/** What a side says: its text with quotes, or its tokens where there is no vocabulary. */
export const speech = ({ text, tokens }: Generated): string =>
  text === null ? `the tokens ${tokens.join(' ')}` : JSON.stringify(text);

/** Whether both sides say the same tokens. */
export const sayTheSame = ({ candidate, reference }: NonNullable<Report['generated']>): boolean =>
  candidate.tokens.join() === reference.tokens.join();

/** What does not hold of a side by itself: of each check and stage the first place, and at how many more it is the same. */
export function brokenLines({ broken }: Pick<Checked, 'broken'>): { readonly check: string; readonly text: string }[] {
  const kinds = new Map<string, { readonly check: string; readonly text: string; more: number }>();
  for (const { check, stage, text } of broken) {
    const known = kinds.get(`${check} ${stage}`);
    if (known) known.more++;
    else kinds.set(`${check} ${stage}`, { check, text, more: 0 });
  }
  return [...kinds.values()].map(({ check, text, more }) => ({
    check,
    text: `${text}${more === 0 ? '' : ` The same at ${more} more ${more === 1 ? 'place' : 'places'}.`}`,
  }));
}

/** In what the tokens of the two sides differ; empty where they do not. */
export const tokensSaid = (diagnosis: Report['tokenDiagnosis']): string =>
  diagnosis ? `the tokens: ${diagnosis.title}. ${diagnosis.text}` : '';

/** What these tokens cannot show, and what would. */
export const notSeen = ({ what, why, remedy }: Unseen): string => `${what} (${why}; ${remedy})`;

/** @example ranges([0, 1, 2, 5]) === '0 to 2, 5' */
export const ranges = (numbers: readonly number[]): string =>
  rangesOf(numbers)
    .map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`))
    .join(', ');
