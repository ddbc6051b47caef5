import type { StageId } from '@llama-probe/dump/stage';
import type { Comparison, StageResult } from './comparison.js';

/** A stage in words. @example describe({ step: 0, layer: 3, stage: 'kq' }) === 'kq of layer 3' */
export function describe({ step, layer, stage }: StageId): string {
  return `${stage}${layer === null ? '' : ` of layer ${layer}`}${step === 0 ? '' : ` at step ${step}`}`;
}

/** A limit as people write it. @example showLimit(1e-5) === '1e-5', showLimit(0.15) === '0.15' */
export function showLimit(limit: number): string {
  return limit < 1e-3 ? String(Number(limit.toPrecision(2)).toExponential()) : String(Number(limit.toPrecision(2)));
}

export const fromToken = ({ token }: Pick<StageResult, 'token'>): string => (token ? `, from token ${token} on` : '');

/** Which check a diverged stage failed. */
export function whyWrong({ reason, rel, limit }: Pick<StageResult, 'reason' | 'rel' | 'limit'>): string {
  return reason ?? `its relative RMS delta is ${rel.toExponential(1)}, the limit is ${showLimit(limit)}`;
}

/** @example short(1.23e-7) === '1.2e-7' */
export const short = (value: number): string => (value === 0 ? '0' : value.toExponential(1));

const SHOWN_NAMES = 4;

/** What was not to be judged. @param names of the stages, each as often as there are layers and steps @example 'Not judged, as it was asked: 2 stages (kq, l_out).' */
export function passedOverText(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [
    `Not judged, as it was asked: ${names.length} ${names.length === 1 ? 'stage' : 'stages'} (${shownNames([...new Set(names)])}).`,
  ];
}

/** The first of a list. @example shownNames(['kq', 'kqv', 'norm'], 2) === 'kq, kqv and 1 more' */
export function shownNames(names: readonly (string | number)[], most = SHOWN_NAMES): string {
  const more = names.length > most ? ` and ${names.length - most} more` : '';
  return `${names.slice(0, most).join(', ')}${more}`;
}

/** What only one side has, a sentence for each side that has some. @example 'Only in the reference, and not compared: 2 stages (kqv, norm).' */
export function aloneText(alone: Comparison['alone']): string[] {
  return (['candidate', 'reference'] as const).flatMap((side) => {
    const { stages, names, rows } = alone[side];
    const parts = [
      ...(stages > 0 ? [`${stages} ${stages === 1 ? 'stage' : 'stages'} (${shownNames(names)})`] : []),
      ...(rows > 0 ? [`${rows} ${rows === 1 ? 'row' : 'rows'} of stages that both have`] : []),
    ];
    return parts.length === 0 ? [] : [`Only in the ${side}, and not compared: ${parts.join(', and ')}.`];
  });
}
